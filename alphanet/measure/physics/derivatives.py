"""Finite differences of fourth order with their errors; forces and stress against the energy's derivatives."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import CRYSTAL, Check, Subject, judged, physics_check, unchecked
from alphanet.measure.physics.events import Path
from alphanet.measure.physics.rounding import MARGIN
from alphanet.potentials.protocol import FramePrediction

LOSS = 1.5  # sum of the absolute weights below: noise of a derivative in units of the values' noise over the step
MOST = 12  # atoms that are displaced
STRAIN_STEP = 0.2  # times the displacement's: a strain moves atoms by so many times a few Å
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class Line(Protocol):
    """Structures that depend on one number."""

    def at(self, t: float) -> Atoms:
        """The structure at `t`."""
        ...


@dataclass(frozen=True)
class Strain:
    """`atoms` under a symmetric strain whose component `place` is t on the diagonal, and t/2 twice off it."""

    atoms: Atoms
    place: tuple[int, int]

    def at(self, t: float) -> Atoms:
        """The structure at `t`."""
        strain = np.zeros((3, 3))
        strain[self.place] += t / 2
        strain[self.place[::-1]] += t / 2
        strained: Atoms = self.atoms.copy()
        strained.set_cell(self.atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        return strained


@physics_check("forces", "forces are\nderivatives", on=(CRYSTAL,))
def forces(subject: Subject) -> Iterator[Check]:
    """The force on each atom, up to twelve, along a random direction."""
    rounding = subject.rounding
    compared = compared_forces(subject, rounding.step)
    limit = max(rounding.force_limit(), _noise(subject, rounding.step))
    yield judged_differences(
        "derivative", compared.wrong, compared.errors, "eV/Å", limit, rounding.resolved * rounding.force_size
    )


@physics_check("stress", "stress is a\nderivative", on=(CRYSTAL,))
def stress(subject: Subject) -> Iterator[Check]:
    """The six components of the stress, dE/dstrain over the volume."""
    if not subject.stress:
        yield unchecked("derivative", "eV/Å^3", "the potential gives no stress")
        return
    rounding = subject.rounding
    step = STRAIN_STEP * rounding.step
    compared = compared_stress(subject, step)
    limit = max(rounding.stress_limit(), _noise(subject, step) / subject.crystal.get_volume())
    yield judged_differences(
        "derivative", compared.wrong, compared.errors, "eV/Å^3", limit, rounding.resolved * rounding.stress_size
    )


@dataclass(frozen=True)
class Compared:
    """Forces (n,) along directions, eV/Å, or components of the stress (6,), eV/Å^3, beside the energy's derivatives."""

    given: np.ndarray
    derivatives: np.ndarray
    errors: np.ndarray  # of the derivatives

    @property
    def wrong(self) -> np.ndarray:
        """Sizes of the differences."""
        return np.asarray(np.abs(self.derivatives - self.given))


def compared_forces(subject: Subject, step: float) -> Compared:
    """The force on each atom of the crystal, up to twelve, along a random direction; `step` in Å."""
    random = subject.random(5)
    atoms = subject.crystal
    chosen = random.permutation(len(atoms))[:MOST]
    directions = random.normal(size=(len(chosen), 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    lines = [Path(atoms, _alone(len(atoms), atom, one)) for atom, one in zip(chosen, directions, strict=True)]
    slopes, errors = derivatives(subject, lines, step, _energy)
    (base,) = subject.predict([atoms])
    return Compared((base.forces[chosen] * directions).sum(axis=1), -slopes[:, 0], errors[:, 0])


def compared_stress(subject: Subject, step: float) -> Compared:
    """The stress of the crystal, dE/dstrain over the volume; `step` of the strain."""
    atoms, volume = subject.crystal, subject.crystal.get_volume()
    slopes, errors = derivatives(subject, [Strain(atoms, place) for place in VOIGT], step, _energy)
    (base,) = subject.predict([atoms])
    assert base.stress is not None
    given = np.array([base.stress[place] for place in VOIGT])
    return Compared(given, slopes[:, 0] / volume, errors[:, 0] / volume)


def derivatives(
    subject: Subject, lines: Sequence[Line], step: float, of: Callable[[FramePrediction], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives at t = 0 along each line, (n, …), and their errors, of the same shape.

    The derivative with half the step is given, and as its error the difference from that with the whole one: 15 times
    the true one if what is differentiated is smooth.
    """
    times = step * np.array([-2, -1, -0.5, 0.5, 1, 2])
    answers = subject.predict([line.at(float(t)) for line in lines for t in times])
    values = np.stack([of(one) for one in answers]).reshape(len(lines), len(times), -1)
    m2, m1, mh, h, p1, p2 = values.transpose(1, 0, 2)
    whole = (8 * (p1 - m1) - (p2 - m2)) / (12 * step)
    half = (8 * (h - mh) - (p1 - m1)) / (6 * step)
    return half, np.abs(half - whole)


def judged_differences(
    check: str, wrong: np.ndarray, error: np.ndarray, unit: str, limit: float, resolved: float
) -> Check:
    """The worst of many differences beside `limit` or ten times its error; those not known to `resolved` are left out.

    An error above `resolved` says that what is differentiated jumps or has a kink within a step; the checks of
    continuity are for that. Ten times, because a kink at a twentieth of the step is a tenth as large in the error.
    """
    known = error <= max(limit, resolved)
    if not known.any():
        return unchecked(check, unit, f"not smooth: two step sizes differ by {error.min():.2g} {unit}")
    allowed = np.maximum(limit, 10 * error[known])
    worst = int(np.argmax(wrong[known] / allowed))
    return judged(check, wrong[known][worst], unit, allowed[worst])


def _energy(answer: FramePrediction) -> np.ndarray:
    return np.array([answer.energy])


def _noise(subject: Subject, step: float) -> float:
    """What noise of the crystal's energy may leave in a derivative with half of `step`."""
    return MARGIN * LOSS * subject.rounding.energy * len(subject.crystal) / (step / 2)


def _alone(n_atoms: int, atom: int, direction: np.ndarray) -> np.ndarray:
    """(n, 3), zero but for one atom."""
    everything = np.zeros((n_atoms, 3))
    everything[atom] = direction
    return everything
