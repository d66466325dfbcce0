"""Changes of a structure that are no change of its physics: each must leave energy, forces and stress as they are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from alphanet.measure.physics.checks import Check, PhysicsCheck, Subject, judged
from alphanet.potentials.protocol import FramePrediction

DRAWS = 3  # random changes of each kind
Differences = tuple[float, float, float]  # eV/atom, eV/Å, eV/Å^3


@dataclass(frozen=True)
class Change:
    """A changed structure, and how its answer compares with the one before."""

    atoms: Atoms
    turn: np.ndarray = field(default_factory=lambda: np.eye(3))  # (3, 3), applied to vectors
    origin: np.ndarray | None = None  # (n,) the atom before of each atom; None: the same order


@dataclass(frozen=True)
class Symmetry(PhysicsCheck):
    """The check that a kind of change leaves the physics as it is; the number of the draw comes with each change."""

    change: Callable[[Atoms, np.random.Generator, int], Change]
    molecule: bool  # whether it makes sense without periodic images

    def differences(self, subject: Subject) -> Differences:
        """The largest differences that `DRAWS` changes make, of the crystal and, if it makes sense, the molecule."""
        random = subject.random(1)
        frames = [subject.crystal, subject.molecule] if self.molecule else [subject.crystal]
        changes = [[self.change(atoms, random, draw) for draw in range(DRAWS)] for atoms in frames]
        before = subject.predict(frames)
        after = subject.predict([change.atoms for many in changes for change in many])
        pairs = [(change, base) for many, base in zip(changes, before, strict=True) for change in many]
        return largest(differences(change, base, one) for (change, base), one in zip(pairs, after, strict=True))


def differences(change: Change, base: FramePrediction, one: FramePrediction) -> Differences:
    """Differences of the answer `one` to a changed structure from the one before; the last is 0 without stress."""
    turn = change.turn
    energy = abs(one.energy / len(one.forces) - base.energy / len(base.forces))
    expected = base.forces if change.origin is None else base.forces[change.origin]
    forces = float(np.abs(one.forces - expected @ turn.T).max())
    if base.stress is None or one.stress is None:
        return energy, forces, 0.0
    return energy, forces, float(np.abs(one.stress - turn @ base.stress @ turn.T).max())


def largest(many: Iterable[Differences]) -> Differences:
    """The largest of each."""
    energy, forces, stress = zip(*many, strict=True)
    return max(energy), max(forces), max(stress)


def _symmetry(
    name: str, title: str, *, molecule: bool = True
) -> Callable[[Callable[[Atoms, np.random.Generator, int], Change]], Symmetry]:
    """Declare the decorated change as a symmetry. Its limits are what rounding may cause, see `Rounding`."""

    def declared(change: Callable[[Atoms, np.random.Generator, int], Change]) -> Symmetry:
        def make(subject: Subject) -> Iterator[Check]:
            energy, forces, stress = symmetry.differences(subject)
            rounding = [subject.rounding, *([subject.molecule_rounding] if molecule else [])]
            yield judged("energy", energy, "eV/atom", max(one.energy_limit() for one in rounding))
            yield judged("forces", forces, "eV/Å", max(one.force_limit() for one in rounding))
            if subject.stress:
                yield judged("stress", stress, "eV/Å^3", subject.rounding.stress_limit())

        symmetry = Symmetry(name, title, make, change, molecule)
        return symmetry

    return declared


@_symmetry("rotation", "rotation")
def rotation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """The whole system turned."""
    return _turned(atoms, Rotation.random(rng=random).as_matrix())


@_symmetry("mirror", "mirror")
def mirror(atoms: Atoms, _: np.random.Generator, draw: int) -> Change:
    """The whole system reflected, in the planes normal to x, y and z: with the rotations, all of O(3)."""
    signs = np.ones(3)
    signs[draw % 3] = -1.0
    return _turned(atoms, np.diag(signs))


@_symmetry("translation", "translation")
def translation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """All atoms displaced by the same vector, and not wrapped."""
    return _moved(atoms, random.uniform(-3, 3, 3))


@_symmetry("pbc-wrap", "wrap into\nthe cell", molecule=False)
def pbc_wrap(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """All atoms displaced by the same vector, and then wrapped into the cell, as in molecular dynamics."""
    moved = _moved(atoms, random.uniform(0, 1, 3) @ atoms.cell.array)
    moved.atoms.wrap()
    return moved


@_symmetry("unwrapped", "atoms in\nother cells", molecule=False)
def unwrapped(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """Atoms left in other cells, each up to two lattice vectors away: a search for neighbors may miss them there."""
    return _moved(atoms, random.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array)


@_symmetry("permutation", "permu-\ntation")
def permutation(atoms: Atoms, random: np.random.Generator, _: int) -> Change:
    """The same atoms in another order."""
    order = random.permutation(len(atoms))
    return Change(atoms[order], origin=order)


@_symmetry("supercell", "supercell", molecule=False)
def supercell(atoms: Atoms, _: np.random.Generator, draw: int) -> Change:
    """Two cells in place of one, along each axis: energy per atom, and the forces on each copy of an atom."""
    doubled = atoms.repeat(tuple(1 + (np.arange(3) == draw % 3)))
    return Change(doubled, origin=np.arange(len(doubled)) % len(atoms))


def _turned(atoms: Atoms, turn: np.ndarray) -> Change:
    turned: Atoms = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    return Change(turned, turn=turn)


def _moved(atoms: Atoms, by: np.ndarray) -> Change:
    moved: Atoms = atoms.copy()
    moved.positions += by
    return Change(moved)
