"""Symmetry of crystals by spglib, their primitive and conventional cells, and supercells of a size."""

from typing import Any

import numpy as np
import spglib
from ase import Atoms

from alphanet.errors import UserError

TOLERANCE = 1e-3  # Å
VACUUM = 6.0  # Å without an atom, which no crystal has
CUBIC = 195  # first space group of the cubic system


def symmetry_of(atoms: Atoms) -> Any:
    """What spglib finds: number, rotations, standard cell.

    Raises:
        UserError: it finds nothing.
    """
    found = spglib.get_symmetry_dataset(_cell(atoms), symprec=TOLERANCE)
    if found is None:
        raise UserError(f"{atoms.symbols}: spglib finds no space group")
    return found


def is_cubic(atoms: Atoms) -> bool:
    """Whether symmetry keeps the shape of the cell, so that only its volume can change."""
    return bool(symmetry_of(atoms).number >= CUBIC)


def conventional_length(atoms: Atoms) -> float:
    """Å, the first vector of the conventional cell."""
    return float(np.linalg.norm(symmetry_of(atoms).std_lattice[0]))


def primitive(atoms: Atoms) -> Atoms:
    """The primitive cell.

    Raises:
        UserError: spglib finds none.
    """
    return _made(spglib.find_primitive(_cell(atoms), symprec=TOLERANCE), atoms)


def conventional(atoms: Atoms) -> Atoms:
    """The conventional cell, in the usual orientation.

    Raises:
        UserError: spglib finds none.
    """
    return _made(spglib.standardize_cell(_cell(atoms), symprec=TOLERANCE), atoms)


def heights(atoms: Atoms) -> np.ndarray:
    """(3,) Å, distances of opposite faces of the cell."""
    # The rows of the reciprocal cell are the normals of faces over their distances.
    distances: np.ndarray = 1 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    return distances


def repeats(atoms: Atoms, length: float) -> tuple[int, int, int]:
    """How often the cell is repeated so that opposite faces are at least `length` Å apart."""
    first, second, third = np.ceil(length / heights(atoms) - 1e-9).astype(int).tolist()
    return first, second, third


def no_crystal(atoms: Atoms) -> str | None:
    """The reason why a structure is no crystal: it ends somewhere, as a slab does; None if it is one."""
    if not atoms.pbc.all():
        return "it is not periodic"
    places = np.sort(atoms.get_scaled_positions(), axis=0)
    empty = float((np.diff(places, axis=0, append=places[:1] + 1).max(axis=0) * heights(atoms)).max())
    return None if empty < VACUUM else f"a layer of {empty:.1f} Å in it is empty"


def elemental(atoms: Atoms) -> str | None:
    """The reason why a structure is no crystal of one element; None if it is one."""
    return no_crystal(atoms) or (None if len(set(atoms.numbers)) == 1 else "it has several elements")


def _cell(atoms: Atoms) -> Any:
    return atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers


def _made(found: Any, atoms: Atoms) -> Atoms:
    if found is None:
        raise UserError(f"{atoms.symbols}: spglib finds no standard cell")
    lattice, positions, numbers = found
    return Atoms(numbers, scaled_positions=positions, cell=lattice, pbc=True)
