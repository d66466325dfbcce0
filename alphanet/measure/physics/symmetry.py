"""Changes of a structure that are no change of its physics: each must leave energy, forces and stress as they are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from alphanet.measure.physics.checks import Check, Subject, judged
from alphanet.potentials.protocol import FramePrediction

DRAWS = 3  # random changes of each kind
REPEATS = ((2, 1, 1), (1, 2, 1), (1, 1, 2))  # supercells


@dataclass(frozen=True)
class Change:
    """A changed structure, and how its answer compares with the one before."""

    atoms: Atoms
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))  # (3, 3), applied to vectors
    origin: np.ndarray | None = None  # (n,) the atom before of each atom; None: the same order


Maker = Callable[[Atoms, np.random.Generator], Change]


def rotation(subject: Subject) -> Iterator[Check]:
    """The whole system turned."""

    def make(atoms: Atoms, random: np.random.Generator) -> Change:
        return _turned(atoms, Rotation.random(rng=random).as_matrix())

    return _compared(subject, "rotation", make)


def mirror(subject: Subject) -> Iterator[Check]:
    """The whole system reflected, in the planes normal to x, y and z: with the rotations, all of O(3)."""
    axes = cycle(range(3))

    def make(atoms: Atoms, _: np.random.Generator) -> Change:
        signs = np.ones(3)
        signs[next(axes)] = -1.0
        return _turned(atoms, np.diag(signs))

    return _compared(subject, "mirror", make)


def translation(subject: Subject) -> Iterator[Check]:
    """All atoms displaced by the same vector, and not wrapped."""

    def make(atoms: Atoms, random: np.random.Generator) -> Change:
        moved = atoms.copy()
        moved.positions += random.uniform(-3, 3, 3)
        return Change(moved)

    return _compared(subject, "translation", make)


def pbc_wrap(subject: Subject) -> Iterator[Check]:
    """All atoms displaced by the same vector, and then wrapped into the cell, as in molecular dynamics."""

    def make(atoms: Atoms, random: np.random.Generator) -> Change:
        moved = atoms.copy()
        moved.positions += random.uniform(0, 1, 3) @ atoms.cell.array
        moved.wrap()
        return Change(moved)

    return _compared(subject, "pbc-wrap", make, molecule=False)


def unwrapped(subject: Subject) -> Iterator[Check]:
    """Atoms left in other cells, each up to two lattice vectors away: a search for neighbors may miss them there."""

    def make(atoms: Atoms, random: np.random.Generator) -> Change:
        moved = atoms.copy()
        moved.positions += random.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
        return Change(moved)

    return _compared(subject, "unwrapped", make, molecule=False)


def permutation(subject: Subject) -> Iterator[Check]:
    """The same atoms in another order."""

    def make(atoms: Atoms, random: np.random.Generator) -> Change:
        order = random.permutation(len(atoms))
        return Change(atoms[order], origin=order)

    return _compared(subject, "permutation", make)


def supercell(subject: Subject) -> Iterator[Check]:
    """Two cells in place of one: energy per atom, and the forces on each copy of an atom."""
    repeats = cycle(REPEATS)

    def make(atoms: Atoms, _: np.random.Generator) -> Change:
        doubled = atoms.repeat(next(repeats))
        return Change(doubled, origin=np.arange(len(doubled)) % len(atoms))

    return _compared(subject, "supercell", make, molecule=False)


def _turned(atoms: Atoms, turn: np.ndarray) -> Change:
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    return Change(turned, turn=turn)


def _compared(subject: Subject, name: str, make: Maker, *, molecule: bool = True) -> Iterator[Check]:
    """The largest differences that `DRAWS` changes make, of the crystal and, if it makes sense, the molecule.

    Their limits are what rounding may cause, see `Rounding`.
    """
    random = subject.random(1)
    frames = [subject.crystal, subject.molecule] if molecule else [subject.crystal]
    changes = [[make(atoms, random) for _ in range(DRAWS)] for atoms in frames]
    before = subject.predict(frames)
    after = subject.predict([change.atoms for many in changes for change in many])
    pairs = [(change, base) for many, base in zip(changes, before, strict=True) for change in many]
    found = [_differences(change, base, one) for (change, base), one in zip(pairs, after, strict=True)]
    energy, forces, stress = (max(one[place] for one in found) for place in range(3))
    rounding = [subject.rounding, subject.molecule_rounding][: len(frames)]
    yield judged(f"{name}: energy", name, energy, "eV/atom", max(one.energy_limit() for one in rounding))
    yield judged(f"{name}: forces", name, forces, "eV/Å", max(one.force_limit() for one in rounding))
    if subject.stress:
        yield judged(f"{name}: stress", name, stress, "eV/Å^3", subject.rounding.stress_limit())


def _differences(change: Change, base: FramePrediction, one: FramePrediction) -> tuple[float, float, float]:
    """eV/atom, eV/Å, eV/Å^3; the last is 0 where there is no stress."""
    turn = change.turn
    energy = abs(one.energy / len(one.forces) - base.energy / len(base.forces))
    expected = base.forces if change.origin is None else base.forces[change.origin]
    forces = float(np.abs(one.forces - expected @ turn.T).max())
    if base.stress is None or one.stress is None:
        return energy, forces, 0.0
    return energy, forces, float(np.abs(one.stress - turn @ base.stress @ turn.T).max())
