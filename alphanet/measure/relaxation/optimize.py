"""Relaxations of structures and bands by ASE's optimizers, watched step by step for what goes wrong."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.mep import NEB
from ase.optimize import BFGS, FIRE, LBFGS
from ase.optimize.optimize import Optimizer

from alphanet.errors import UserError
from alphanet.measure.relaxation.protocol import LARGEST_FORCE, LARGEST_VOLUME
from alphanet.potentials.channel import WorkerError

OPTIMIZERS: dict[str, type[Optimizer]] = {"fire": FIRE, "lbfgs": LBFGS, "bfgs": BFGS}


class RelaxationError(UserError):
    """A relaxation that diverges, or a structure on its way for which the potential fails."""


@dataclass(frozen=True)
class Step:
    """State of a relaxation after some steps; eV, eV/Å."""

    energy: float
    """Of a structure; of a band, its highest energy above the first image"""
    steps: int
    fmax: float
    volume_ratio: float
    """To the initial volume"""

    def problem(self, largest_volume: float = LARGEST_VOLUME) -> str | None:
        """In which way the relaxation has diverged; None if it has not."""
        if not np.isfinite([self.fmax, self.energy, self.volume_ratio]).all():
            return "energy, forces or cell are not finite"
        if self.fmax > LARGEST_FORCE:
            return f"a force of {self.fmax:.3g} eV/Å"
        if not 1 / largest_volume < self.volume_ratio < largest_volume:
            return f"the volume is {self.volume_ratio:.3g} times the initial one"
        return None


class SteppedRelaxation:
    """Atoms, or a band, that one of ASE's optimizers moves.

    Only `state` computes, so that whoever moves many can compute all of them between `move` and `state`.
    """

    def __init__(
        self,
        target: Any,
        optimizer: str,
        energy: Callable[[], float],
        volume_ratio: Callable[[], float],
        *,
        largest_volume: float = LARGEST_VOLUME,
    ) -> None:
        """See `relaxing`; `energy` and `volume_ratio` are those of `target` as it is when they are called."""
        self._target, self._energy, self._volume_ratio = target, energy, volume_ratio
        self._largest_volume, self._count = largest_volume, 0
        self._optimizer = OPTIMIZERS[optimizer](target, logfile=None)

    def steps(self, fmax: float, steps: int) -> Iterator[Step]:
        """Yield the initial state and that after each step, until forces are below `fmax` (eV/Å) or `steps` are taken.

        Raises:
            RelaxationError, UserError, WorkerError: as `relaxing`.
        """
        yield (step := self.state())
        while step.fmax >= fmax and step.steps < steps:
            self.move()
            yield (step := self.state())

    def state(self) -> Step:
        """The state after the moves so far.

        Raises:
            RelaxationError, UserError, WorkerError: as `relaxing`.
        """
        with _failures():
            largest = float(np.linalg.norm(self._target.get_forces(), axis=1).max(initial=0.0))
            step = Step(float(self._energy()), self._count, largest, float(self._volume_ratio()))
        if problem := step.problem(self._largest_volume):
            raise RelaxationError(f"diverged: {problem}")
        return step

    def move(self) -> None:
        """Take a step by the forces of the last `state`.

        Raises:
            RelaxationError: there is none.
        """
        with _failures():
            self._optimizer.step()
        self._count += 1


def relaxing(
    atoms: Atoms,
    *,
    fmax: float,
    steps: int,
    optimizer: str = "fire",
    cell: bool = False,
    pressure: float = 0.0,
    constant_volume: bool = False,
    largest_volume: float = LARGEST_VOLUME,
) -> Iterator[Step]:
    """Relax `atoms`, which have a calculator; yield the initial state and that after each step.

    Args:
        atoms: are moved.
        fmax: eV/Å; the end if no atom and no row of the cell's generalized forces has a larger norm.
        steps: at most.
        optimizer: a key of `OPTIMIZERS`.
        cell: whether the cell relaxes too (FrechetCellFilter).
        pressure: eV/Å^3, on the cell.
        constant_volume: whether the cell keeps its volume.
        largest_volume: ratio to the initial volume beyond which, or below whose inverse, it has diverged.

    Raises:
        RelaxationError: it diverges, or the calculator fails.
        UserError: the cell is to relax and the calculator gives no stress.
        WorkerError: the potential's process is lost.
    """
    yield from stepped(
        atoms, optimizer=optimizer, cell=cell, pressure=pressure, constant_volume=constant_volume,
        largest_volume=largest_volume,
    ).steps(fmax, steps)  # fmt: skip


def relaxing_band(
    images: Sequence[Atoms],
    *,
    fmax: float,
    steps: int,
    climb: bool,
    spring: float = 0.1,
    optimizer: str = "fire",
    compute: Callable[[Sequence[Atoms]], None] | None = None,
) -> Iterator[Step]:
    """Relax the inner images of a nudged elastic band (Henkelman et al. 2000); yield as `relaxing` does.

    Args:
        images: with calculators, or with one for all; the ends stay.
        fmax: eV/Å; the end if no image has a larger force.
        steps: at most.
        climb: whether the highest image climbs to the saddle point.
        spring: eV/Å^2, between images.
        optimizer: a key of `OPTIMIZERS`.
        compute: is given the images before their forces are asked for, to compute all by one call.

    Raises:
        RelaxationError: it diverges, or a calculator fails.
        WorkerError: the potential's process is lost.
    """
    band = _Band(images, compute, k=spring, climb=climb, method="improvedtangent", allow_shared_calculator=True)
    relaxed = SteppedRelaxation(band, optimizer, lambda: band.energies.max() - band.energies[0], lambda: 1.0)
    yield from relaxed.steps(fmax, steps)


def stepped(
    atoms: Atoms,
    *,
    optimizer: str = "fire",
    cell: bool = False,
    pressure: float = 0.0,
    constant_volume: bool = False,
    largest_volume: float = LARGEST_VOLUME,
) -> SteppedRelaxation:
    """The relaxation of `atoms`, which have a calculator, before its first step; arguments are those of `relaxing`."""
    first = _volume(atoms)
    target = _Cell(atoms, scalar_pressure=pressure, constant_volume=constant_volume) if cell else atoms  # type: ignore[no-untyped-call]
    return SteppedRelaxation(
        target, optimizer, atoms.get_potential_energy, lambda: _volume(atoms) / first, largest_volume=largest_volume
    )


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise UserError(f"{error}, which relaxing a cell needs") from error
    except WorkerError:
        raise
    except (UserError, ArithmeticError, ValueError, np.linalg.LinAlgError, MemoryError) as error:
        # What went wrong, without the place in a batch of one.
        raise RelaxationError(re.sub(r"\bframe 0(: | )", "", str(error)) or type(error).__name__) from error


def _volume(atoms: Atoms) -> float:
    return float(atoms.cell.volume) if atoms.cell.rank == 3 else 1.0


class _Once:
    """Computes forces once a configuration; ASE's optimizers ask three times."""

    _forces: np.ndarray
    _at = b""

    def get_forces(self, **kwargs: Any) -> np.ndarray:
        """Those of ASE's class, eV/Å."""
        at = b"".join(atoms.positions.tobytes() + atoms.cell.array.tobytes() for atoms in self._structures())
        if at != self._at:
            self._forces, self._at = super().get_forces(**kwargs), at  # type: ignore[misc]
        return self._forces.copy()

    def _structures(self) -> Sequence[Atoms]:
        raise NotImplementedError


class _Cell(_Once, FrechetCellFilter):
    """Atoms and cell, whose derivatives of the exponential cost, too."""

    def _structures(self) -> Sequence[Atoms]:
        return [self.atoms]


class _Band(_Once, NEB):
    """A nudged elastic band."""

    def __init__(self, images: Sequence[Atoms], compute: Callable[[Sequence[Atoms]], None] | None, **how: Any) -> None:
        super().__init__(list(images), **how)  # type: ignore[no-untyped-call]
        self._compute = compute

    def get_forces(self, **kwargs: Any) -> np.ndarray:
        """Those of ASE's class, eV/Å."""
        if self._compute is not None:
            self._compute(self.images)
        return super().get_forces(**kwargs)

    def _structures(self) -> Sequence[Atoms]:
        return list(self.images)
