"""Structures as one graph whose sizes come from a short ladder, so that XLA compiles few times instead of often."""

from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols
from edges import periodic_edges
from tensorpotential import constants

FEWEST_ATOMS, FEWEST_BONDS = 16, 512


@dataclass(frozen=True)
class Graph:
    """The package's inputs for B structures of N atoms and E bonds; what lies behind N and E is padding."""

    inputs: dict[str, np.ndarray]
    atoms: np.ndarray  # (N,) the structure of each atom
    bonds: np.ndarray  # (E,) the structure of each bond
    vectors: np.ndarray  # (E, 3) Å from an atom to its neighbor
    cells: np.ndarray  # (B, 3, 3) Å


def graph(structures, cutoff, index):
    """The graph of `structures` with all periodic images within `cutoff` (Å); `index` numbers the element symbols."""
    atom, neighbor, vectors = _bonds(structures, cutoff)
    kinds = np.array([index[chemical_symbols[number]] for number in structures.numbers])
    # one atom more than there are, so that padded bonds never end at a real one
    atoms = rung(len(kinds) + 1, FEWEST_ATOMS)
    bonds = rung(len(vectors), FEWEST_BONDS)
    inputs = {
        constants.ATOMIC_MU_I: _padded(kinds, atoms, kinds[0]),
        constants.BOND_IND_I: _padded(atom, bonds, atoms - 1),
        constants.BOND_IND_J: _padded(neighbor, bonds, atoms - 1),
        constants.BOND_MU_I: _padded(kinds[atom], bonds, kinds[0]),
        constants.BOND_MU_J: _padded(kinds[neighbor], bonds, kinds[0]),
        constants.N_ATOMS_BATCH_REAL: np.array(len(kinds)),
        constants.N_ATOMS_BATCH_TOTAL: np.array(atoms),
    }
    inputs = {key: value.astype(np.int32) for key, value in inputs.items()}
    inputs[constants.BOND_VECTOR] = _padded(vectors, bonds, 2 * cutoff)
    return Graph(inputs, structures.batch, structures.batch[atom], vectors, structures.cells)


def rung(count, fewest):
    """The smallest `fewest` times 1, 1.5, 2, 3, 4, 6, 8, … that is not below `count`."""
    size = fewest
    while size < count:
        size *= 2
    smaller = size * 3 // 4
    return smaller if size > fewest and smaller >= count else size


def _bonds(structures, cutoff):
    """(E,) atom and (E,) neighbor of every directed bond, (E, 3) Å between them."""
    (neighbor, atom), images = periodic_edges(structures, cutoff)
    shifts = np.einsum("ei,eij->ej", images, structures.cells[structures.batch[atom]])
    return atom, neighbor, structures.positions[neighbor] + shifts - structures.positions[atom]


def _padded(values, size, filler):
    padding = np.full((size - len(values), *values.shape[1:]), filler, dtype=values.dtype)
    return np.concatenate([values, padding])
