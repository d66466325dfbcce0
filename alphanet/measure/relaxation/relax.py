"""One structure at a time: ASE's FIRE on ASE's FrechetCellFilter, watched for what goes wrong."""

import re
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from alphanet.errors import UserError
from alphanet.measure.relaxation.protocol import (
    LARGEST_FORCE,
    LARGEST_VOLUME,
    SMALLEST_DISTANCE,
    SUSPICIOUS_VOLUME,
    RelaxationProtocol,
)
from alphanet.measure.relaxation.records import Crystal, RelaxationRecord, failure
from alphanet.neighbor_limits import check_search
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.protocol import Potential


@dataclass(frozen=True)
class Step:
    """State of a relaxation after some steps; eV, eV/Å."""

    energy: float
    steps: int
    fmax: float
    volume_ratio: float
    """To the initial volume"""

    def problem(self) -> str | None:
        """In which way the relaxation has diverged; None if it has not."""
        if not np.isfinite([self.fmax, self.energy, self.volume_ratio]).all():
            return "energy, forces or cell are not finite"
        if self.fmax > LARGEST_FORCE:
            return f"a force of {self.fmax:.3g} eV/Å"
        if not 1 / LARGEST_VOLUME < self.volume_ratio < LARGEST_VOLUME:
            return f"the volume is {self.volume_ratio:.3g} times the initial one"
        return None

    def record(self, identity: str, atoms: Atoms, *, converged: bool) -> RelaxationRecord:
        """The record of a relaxation that ends here, at `atoms`."""
        within = 1 / SUSPICIOUS_VOLUME <= self.volume_ratio <= SUSPICIOUS_VOLUME
        return RelaxationRecord(
            id=identity,
            status="converged" if converged else "unconverged",
            energy=self.energy,
            energy_per_atom=self.energy / len(atoms),
            n_sites=len(atoms),
            steps=self.steps,
            fmax=round(self.fmax, 6),
            volume_ratio=round(self.volume_ratio, 6),
            flags=[] if within else ["volume doubled" if self.volume_ratio > 1 else "volume halved"],
            structure=Crystal.of(atoms),
        )


def relax(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> RelaxationRecord:
    """Relax atoms and cell of one structure; whatever goes wrong becomes the record of a failure.

    A potential whose worker process dies of the structure gets it a second time, in a new process.

    Args:
        identity: the structure's id.
        atoms: the initial structure, which is not changed.
        potential: gives energies, forces and stresses.
        protocol: when to stop.

    Raises:
        UserError: the potential gives no stress, or its worker cannot be started.
    """
    started = time.perf_counter()
    if reason := unsound(atoms):
        return failure(identity, reason, n_sites=len(atoms))
    try:
        try:
            record = _relax(identity, atoms, potential, protocol)
        except WorkerError as error:
            if error.kind == "start":  # no structure is to blame for that
                raise UserError(str(error)) from error
            record = _relax(identity, atoms, potential, protocol)
    except WorkerError as error:
        record = failure(identity, f"ended the potential's process twice: {error}", n_sites=len(atoms))
    record.seconds = round(time.perf_counter() - started, 4)
    return record


def unsound(atoms: Atoms) -> str | None:
    """The reason why a structure cannot be relaxed; None if it can."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "positions or cell are not finite"
    if abs(atoms.cell.volume) < 1e-3:
        return f"the cell has no volume ({atoms.cell.volume:.3g} Å^3)"
    try:
        check_search(atoms, SMALLEST_DISTANCE)
    except UserError as error:
        return str(error)
    near = _nearest(atoms, SMALLEST_DISTANCE)
    return f"atoms overlap: {near}" if near else None


def _nearest(atoms: Atoms, cutoff: float) -> str | None:
    """The two atoms, or images of one, that are nearest to each other; None if none are nearer than `cutoff` (Å)."""
    from vesin import NeighborList

    first, second, distance = NeighborList(cutoff=cutoff, full_list=False).compute(
        points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijd"
    )
    if not len(distance):
        return None
    nearest = int(distance.argmin())
    return f"atoms {first[nearest]} and {second[nearest]} are {distance[nearest]:.3f} Å apart"


def _relax(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> RelaxationRecord:
    moving = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    moving.calc = PotentialCalculator(potential)
    forces = _Forces(moving)  # type: ignore[no-untyped-call]  # ASE has no annotations
    optimizer = FIRE(forces, logfile=None)
    last: Step | None = None
    try:
        for _ in optimizer.irun(fmax=protocol.fmax, steps=protocol.max_steps):
            ratio = float(moving.cell.volume / atoms.cell.volume)
            step = Step(float(moving.get_potential_energy()), optimizer.nsteps, forces.largest(), ratio)
            if problem := step.problem():
                return failure(identity, f"diverged: {problem}", n_sites=len(atoms), **_known(last))
            last = step
        return step.record(identity, moving, converged=step.fmax < protocol.fmax)
    except NotImplementedError as error:
        raise UserError(f"{error}, which relaxing a cell needs") from error
    except WorkerError:
        raise
    except (UserError, ArithmeticError, ValueError, np.linalg.LinAlgError, MemoryError) as error:
        # What went wrong, without the place in a batch of one.
        reason = re.sub(r"\bframe 0(: | )", "", str(error)) or type(error).__name__
        return failure(identity, reason, n_sites=len(atoms), **_known(last))


def _known(last: Step | None) -> dict[str, float | int]:
    """Fields of a failure's record after the last sound step."""
    return {} if last is None else asdict(last)


class _Forces(FrechetCellFilter):
    """Computes forces once a configuration; ASE's optimizers ask twice, and derivatives of the exponential cost."""

    _forces: np.ndarray
    _at = b""

    def get_forces(self, **kwargs: Any) -> np.ndarray:
        """Generalized forces (n + 3, 3) of atoms and cell."""
        at = self.atoms.positions.tobytes() + self.atoms.cell.array.tobytes()
        if at != self._at:
            self._forces, self._at = super().get_forces(**kwargs), at  # type: ignore[no-untyped-call]
        return self._forces.copy()

    def largest(self) -> float:
        """Largest norm of the generalized forces, eV/Å."""
        return float(np.sqrt((self.get_forces() ** 2).sum(axis=1).max()))
