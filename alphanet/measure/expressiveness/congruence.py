"""Congruence of two structures by their distances alone; nothing of any potential takes part.

Two finite sets of points are congruent, perhaps by a reflection, exactly if some assignment of their atoms keeps every
distance. The assignment is searched for, atom by atom.
"""

from collections.abc import Iterator

import numpy as np
from ase import Atoms

from alphanet.measure.expressiveness.pairs import Pair

TOLERANCE = 1e-6  # Å
SHELLS = 2.5  # radius of the balls that stand for a periodic structure, in distances of nearest neighbors


def congruent(first: Atoms, second: Atoms) -> bool:
    """Whether a rotation, reflection and translation carries one structure into the other.

    Of periodic structures the surroundings of atoms are compared, up to `SHELLS` distances of nearest neighbors: a
    difference there is proof that they are not congruent, while equality is not.
    """
    if not (first.pbc.any() or second.pbc.any()):
        return _assignable(first.numbers, first.positions, second.numbers, second.positions, fixed=False)
    radius = SHELLS * max(_nearest(first), _nearest(second))
    one = _ball(first, 0, radius)
    return any(_assignable(*one, *_ball(second, atom, radius), fixed=True) for atom in range(len(second)))


def as_stated(pair: Pair) -> bool:
    """Whether the structures of `pair` are congruent if it says so, and not if it does not."""
    return congruent(pair.first, pair.second) == pair.congruent


def _assignable(a: np.ndarray, x: np.ndarray, b: np.ndarray, y: np.ndarray, *, fixed: bool) -> bool:
    """Whether atoms with numbers `a` at `x` can be assigned to those of `b` at `y`; `fixed`: the first to the first."""
    if len(a) != len(b) or sorted(a) != sorted(b):
        return False
    here, there = (np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (x, y))

    def fits(atom: int, other: int, chosen: list[int]) -> bool:
        wanted = here[atom, : len(chosen)]
        return bool(a[atom] == b[other] and np.abs(there[other, chosen] - wanted).max(initial=0.0) < TOLERANCE)

    def candidates(chosen: list[int]) -> Iterator[int]:
        others = [0] if fixed and not chosen else range(len(b))
        return (other for other in others if other not in chosen and fits(len(chosen), other, chosen))

    def completed(chosen: list[int]) -> bool:
        return len(chosen) == len(a) or any(completed([*chosen, other]) for other in candidates(chosen))

    return completed([])


def _nearest(atoms: Atoms) -> float:
    from ase.neighborlist import neighbor_list

    longest = 1.001 * float(np.linalg.norm(atoms.cell.array, axis=1).max())  # an atom's own image lies that far
    return float(neighbor_list("d", atoms, longest).min())


def _ball(atoms: Atoms, center: int, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and positions of `center`, first, and of all that lies within `radius` of it."""
    from ase.neighborlist import neighbor_list

    i, j, vectors = neighbor_list("ijD", atoms, radius)
    at_center = i == center
    numbers = np.concatenate([atoms.numbers[[center]], atoms.numbers[j[at_center]]])
    return numbers, np.vstack([np.zeros((1, 3)), vectors[at_center]])
