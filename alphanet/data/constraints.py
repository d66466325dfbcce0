"""Constraints of a frame, kept beside the atoms: on them, ASE would zero the forces of the atoms that they hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixCartesian, dict2constraint

FIXED = "fixed"  # array, (N,) bool: atoms that cannot move at all
OTHERS = "constraints"  # info: all other constraints, as dictionaries of ASE


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
    return _held(list(atoms.constraints), len(atoms)).all(axis=1)


def held_directions(constraints: Sequence[Any], count: int) -> tuple[np.ndarray, list[Any]]:
    """Cartesian directions that are held, (N, 3) bool, and the constraints that say something else."""
    return _held(constraints, count), [constraint for constraint in constraints if not _is_cartesian(constraint)]


def _keep(atoms: Atoms, constraints: list[Any]) -> None:
    held, others = held_directions(constraints, len(atoms))
    mask = _mask(atoms)
    fixed = held.all(axis=1)
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


def _held(constraints: Sequence[Any], count: int) -> np.ndarray:
    held = np.zeros((count, 3), dtype=bool)
    for constraint in constraints:
        if isinstance(constraint, FixAtoms):
            held[constraint.index] = True
        elif _is_cartesian(constraint):
            held[constraint.index] |= np.asarray(constraint.mask, dtype=bool)
    return held


def _is_cartesian(constraint: Any) -> bool:
    """FixScaled counts if it holds all directions, which is the same along any axes."""
    name = type(constraint).__name__
    return name in ("FixAtoms", "FixCartesian") or (name == "FixScaled" and bool(np.all(constraint.mask)))


def _mask(atoms: Atoms) -> np.ndarray | None:
    values = atoms.arrays.get(FIXED)
    return values if values is not None and values.dtype == bool and values.ndim == 1 else None


def _dictionaries(atoms: Atoms) -> list[dict[str, Any]]:
    values = atoms.info.get(OTHERS)
    if not isinstance(values, list | tuple) or not values:
        return []
    sound = all(isinstance(value, dict) and {"name", "kwargs"} <= value.keys() for value in values)
    return [plain(value) for value in values] if sound else []
