"""Constraints of a frame, kept beside the atoms: on them, ASE would zero the forces of the atoms that they hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixCartesian, dict2constraint

FIXED = "fixed"  # array, (N,) bool: atoms that cannot move at all
OTHERS = "constraints"  # info: all other constraints, as dictionaries of ASE
SINGULAR = 1e-9  # of a cell's determinant (Å^3), and of slopes (1/Å)


def set_aside(atoms: Atoms) -> Atoms:
    """The frame itself; its constraints move to `arrays["fixed"]` and `info["constraints"]`."""
    constraints = list(atoms.constraints)
    if constraints:
        atoms.set_constraint()
        _keep(atoms, constraints)
    return atoms


def constrained(atoms: Atoms) -> Atoms:
    """A copy, without a calculator, whose constraints are ASE's again."""
    copy = atoms.copy()
    copy.set_constraint()
    constraints = constraints_of(atoms)
    if _mask(copy) is not None:
        del copy.arrays[FIXED]
    if _dictionaries(copy):
        del copy.info[OTHERS]
    copy.set_constraint(constraints)
    return copy


def constraints_of(atoms: Atoms) -> list[Any]:
    """All constraints of a frame as ASE's objects, wherever they are kept."""
    constraints = list(atoms.constraints)
    mask = _mask(atoms)
    if mask is not None and mask.any():
        constraints.append(FixAtoms(mask=mask))
    return constraints + [dict2constraint(dictionary) for dictionary in _dictionaries(atoms)]


def fixed_atoms(atoms: Atoms) -> np.ndarray:
    """(N,) bool: atoms that a constraint on the frame holds in all three directions."""
    return np.asarray(_held(list(atoms.constraints), len(atoms)).all(axis=1))


def held_directions(
    constraints: Sequence[Any], count: int, cell: np.ndarray | None = None
) -> tuple[np.ndarray, list[Any]]:
    """Cartesian directions that are held, (N, 3) bool, and the constraints that say something else.

    With the `cell` (rows are vectors), constraints along its vectors count as far as they mean Cartesian directions.
    """
    others = [constraint for constraint in constraints if _directions(constraint, cell) is None]
    return _held(constraints, count, cell), others


def _keep(atoms: Atoms, constraints: list[Any]) -> None:
    held, others = held_directions(constraints, len(atoms))
    mask = _mask(atoms)
    fixed = np.asarray(held.all(axis=1))
    if mask is not None or fixed.any():
        atoms.arrays[FIXED] = fixed if mask is None else fixed | mask
    partial = held & ~fixed[:, None]
    for directions in np.unique(partial[partial.any(axis=1)], axis=0):
        others.append(FixCartesian(np.flatnonzero((partial == directions).all(axis=1)), directions))
    if others:
        atoms.info[OTHERS] = _dictionaries(atoms) + [plain(constraint.todict()) for constraint in others]


def plain(value: Any) -> Any:
    """A value with lists and Python's numbers in place of NumPy's, as JSON needs them."""
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return value


def _held(constraints: Sequence[Any], count: int, cell: np.ndarray | None = None) -> np.ndarray:
    held = np.zeros((count, 3), dtype=bool)
    for constraint in constraints:
        directions = _directions(constraint, cell)
        if directions is not None:
            held[constraint.index] |= directions
    return held


def _directions(constraint: Any, cell: np.ndarray | None) -> np.ndarray | None:
    """(3,) bool: Cartesian directions in which a constraint holds its atoms; None if it says something else."""
    name = type(constraint).__name__
    if name == "FixAtoms":
        return np.ones(3, dtype=bool)
    if name not in ("FixCartesian", "FixScaled"):
        return None
    mask = np.asarray(constraint.mask, dtype=bool)
    if name == "FixCartesian" or mask.all():
        return mask
    if cell is None or abs(np.linalg.det(cell)) < SINGULAR:
        return None
    # A scaled coordinate depends on the Cartesian ones in a column of the inverse. As many of these as there are
    # scaled ones: then holding one is holding the other.
    slopes = np.abs(np.linalg.inv(cell)[:, mask]) > SINGULAR
    cartesian = np.asarray(slopes.any(axis=1))
    return cartesian if cartesian.sum() == mask.sum() else None


def _mask(atoms: Atoms) -> np.ndarray | None:
    values = atoms.arrays.get(FIXED)
    return values if values is not None and values.dtype == bool and values.ndim == 1 else None


def _dictionaries(atoms: Atoms) -> list[dict[str, object]]:
    values = atoms.info.get(OTHERS)
    if not isinstance(values, list | tuple) or not values:
        return []
    sound = all(isinstance(value, dict) and {"name", "kwargs"} <= value.keys() for value in values)
    return [plain(value) for value in values] if sound else []
