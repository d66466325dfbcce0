"""Changes of a structure that are no change of its physics: each must leave energy, forces and stress as they are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import CRYSTAL, MOLECULE, Check, PhysicsCheck, Subject, judged, physics_check
from alphanet.potentials.protocol import FramePrediction

DRAWS = 3  # random changes of each kind
Differences = tuple[float, float, float]  # eV/atom, eV/Å, eV/Å^3


@dataclass(frozen=True)
class Change:
    """A changed structure, and how its answer compares with the one before."""

    atoms: Atoms
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))  # (3, 3), applied to vectors
    origin: np.ndarray | None = None  # (n,) the atom before of each atom; None: the same order


Maker = Callable[[Atoms, np.random.Generator, int], Change]
"""Changes a structure; the last argument is the number of the draw"""


def differences(change: Change, base: FramePrediction, one: FramePrediction) -> Differences:
    """Differences of the answer to a change, turned back, from the one before; the last is 0 without stress."""
    turn = change.turn
    energy = abs(one.energy / len(one.forces) - base.energy / len(base.forces))
    expected = base.forces if change.origin is None else base.forces[change.origin]
    forces = float(np.abs(expected - one.forces @ turn).max())
    if base.stress is None or one.stress is None:
        return energy, forces, 0.0
    return energy, forces, float(np.abs(base.stress - turn.T @ one.stress @ turn).max())


def largest(many: Iterable[Differences]) -> Differences:
    """The largest of each."""
    energy, forces, stress = zip(*many, strict=True)
    return max(energy), max(forces), max(stress)


def turned(atoms: Atoms, turn: np.ndarray) -> Change:
    """The structure multiplied by an orthogonal matrix."""
    other: Atoms = atoms.copy()
    other.set_cell(atoms.cell.array @ turn.T)
    other.positions = atoms.positions @ turn.T
    return Change(other, turn=turn)


def moved(atoms: Atoms, by: np.ndarray) -> Change:
    """The structure with its positions displaced, Å."""
    other: Atoms = atoms.copy()
    other.positions += by
    return Change(other)


def reordered(atoms: Atoms, order: np.ndarray) -> Change:
    """The structure with its atoms in another order."""
    return Change(atoms[order], origin=order)


def doubled(atoms: Atoms, axis: int) -> Change:
    """Two cells in place of one."""
    twice = atoms.repeat(tuple(1 + (np.arange(3) == axis)))
    return Change(twice, origin=np.arange(len(twice)) % len(atoms))


def _symmetry(name: str, title: str, *, molecule: bool = True) -> Callable[[Maker], PhysicsCheck]:
    """Declare the decorated change as one that leaves the crystal's physics as it is, and the molecule's if it has any.

    The largest differences that `DRAWS` changes make are judged by what rounding may cause, see `Rounding`.
    """

    def declared(make: Maker) -> PhysicsCheck:
        @physics_check(name, title, on=(CRYSTAL, MOLECULE) if molecule else (CRYSTAL,))
        def check(subject: Subject) -> Iterator[Check]:
            random = subject.random(1)
            frames = [subject.crystal, subject.molecule] if molecule else [subject.crystal]
            changes = [[make(atoms, random, draw) for draw in range(DRAWS)] for atoms in frames]
            before = subject.predict(frames)
            after = subject.predict([change.atoms for many in changes for change in many])
            pairs = [(change, base) for many, base in zip(changes, before, strict=True) for change in many]
            energy, forces, stress = largest(differences(*pair, one) for pair, one in zip(pairs, after, strict=True))
            rounding = [subject.rounding, *([subject.molecule_rounding] if molecule else [])]
            yield judged("energy", energy, "eV/atom", max(one.energy_limit() for one in rounding))
            yield judged("forces", forces, "eV/Å", max(one.force_limit() for one in rounding))
            if subject.stress:
                yield judged("stress", stress, "eV/Å^3", subject.rounding.stress_limit())

        return check

    return declared


@_symmetry("rotation", "rotation")
def rotation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """The whole system turned."""
    from scipy.spatial.transform import Rotation  # the list of benchmarks reads this file, and does without scipy

    return turned(atoms, Rotation.random(rng=random).as_matrix())


@_symmetry("mirror", "mirror")
def mirror(atoms: Atoms, _: np.random.Generator, draw: int) -> Change:
    """The whole system reflected, in the planes normal to x, y and z: with the rotations, all of O(3)."""
    signs = np.ones(3)
    signs[draw % 3] = -1.0
    return turned(atoms, np.diag(signs))


@_symmetry("translation", "translation")
def translation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """All atoms displaced by the same vector, and not wrapped."""
    return moved(atoms, random.uniform(-3, 3, 3))


@_symmetry("pbc-wrap", "wrap into\nthe cell", molecule=False)
def pbc_wrap(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """All atoms displaced by the same vector, and then wrapped into the cell, as in molecular dynamics."""
    change = moved(atoms, random.uniform(0, 1, 3) @ atoms.cell.array)
    change.atoms.wrap()
    return change


@_symmetry("unwrapped", "atoms in\nother cells", molecule=False)
def unwrapped(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """Atoms left in other cells, each up to two lattice vectors away: a search for neighbors may miss them there."""
    return moved(atoms, random.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array)


@_symmetry("permutation", "permu-\ntation")
def permutation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """The same atoms in another order."""
    return reordered(atoms, random.permutation(len(atoms)))


@_symmetry("supercell", "supercell", molecule=False)
def supercell(atoms: Atoms, _: np.random.Generator, draw: int) -> Change:
    """Two cells in place of one, along each axis: energy per atom, and the forces on each copy of an atom."""
    return doubled(atoms, draw % 3)
