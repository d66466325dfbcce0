"""Forces and stress against the energy's derivatives by displacement and strain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import Check, Subject, unchecked
from alphanet.measure.physics.differences import LOSS, derivatives, judged_differences
from alphanet.measure.physics.events import Path
from alphanet.measure.physics.rounding import MARGIN
from alphanet.potentials.protocol import FramePrediction

MOST = 12  # atoms that are displaced
STRAIN_STEP = 0.2  # times the displacement's: a strain moves atoms by so many times a few Å
VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


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


def forces(subject: Subject) -> Iterator[Check]:
    """The force on each atom, up to twelve, along a random direction."""
    random = subject.random(5)
    atoms = subject.crystal
    chosen = random.permutation(len(atoms))[:MOST]
    directions = random.normal(size=(len(chosen), 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    lines = [Path(atoms, _alone(len(atoms), atom, one)) for atom, one in zip(chosen, directions, strict=True)]
    rounding = subject.rounding
    slopes, errors = derivatives(subject, lines, rounding.step, _energy)
    (base,) = subject.predict([atoms])
    wrong = np.abs(slopes[:, 0] + (base.forces[chosen] * directions).sum(axis=1))
    limit = max(rounding.force_limit(), _noise(subject, rounding.step))
    resolved = rounding.resolved * rounding.force_size
    yield judged_differences("forces: derivative", "forces", wrong, errors[:, 0], "eV/Å", limit, resolved)


def stress(subject: Subject) -> Iterator[Check]:
    """The six components of the stress, dE/dstrain over the volume."""
    if not subject.stress:
        yield unchecked("stress: derivative", "stress", "eV/Å^3", "the potential gives no stress")
        return
    atoms, rounding = subject.crystal, subject.rounding
    step, volume = STRAIN_STEP * rounding.step, atoms.get_volume()
    slopes, errors = derivatives(subject, [Strain(atoms, place) for place in VOIGT], step, _energy)
    (base,) = subject.predict([atoms])
    assert base.stress is not None
    given = np.array([base.stress[place] for place in VOIGT])
    wrong = np.abs(slopes[:, 0] / volume - given)
    limit = max(rounding.stress_limit(), _noise(subject, step) / volume)
    resolved = rounding.resolved * rounding.stress_size
    yield judged_differences("stress: derivative", "stress", wrong, errors[:, 0] / volume, "eV/Å^3", limit, resolved)


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
