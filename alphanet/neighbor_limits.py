"""What a neighbor search would find, estimated before anything is allocated, and geometries that no search survives.

Native searches count cells and images in integers and allocate what they find: a lattice vector of 1e155 Å divides by
zero there, one of 0.01 Å asks for a billion neighbors.
"""

from math import pi

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.limits import REACH, limits, require

SPHERE = 4 * pi / 3


def check_search(atoms: Atoms, cutoff: float) -> None:
    """Check that the neighbors of `atoms` within `cutoff` (Å) can be searched for.

    Raises:
        UserError: positions or cell are not finite or too large, a periodic direction has no length or no volume, or
            there would be more neighbors than `alphanet.limits.Limits` allows.
    """
    _check_numbers(atoms)
    heights = _heights(atoms)
    images = float(np.prod(2 * np.ceil(cutoff / heights) + 1))
    count = len(atoms)
    most = float(count) * count * images  # if every atom were a neighbor of every other
    allowed = limits()
    if most <= allowed.pairs and count * images <= allowed.neighbors:
        return
    name = _formula(atoms)
    require(images * count, "pairs", f"{name}: the neighbor search within {cutoff:g} Å looks at")
    pairs = _estimate(atoms, cutoff, heights)
    require(pairs / max(count, 1), "neighbors", f"{name}: within {cutoff:g} Å there are about")
    require(pairs, "pairs", f"{name}: within {cutoff:g} Å there are about")


def _check_numbers(atoms: Atoms) -> None:
    positions, cell = atoms.positions, np.asarray(atoms.cell)
    if not np.isfinite(positions).all() or not np.isfinite(cell).all():
        raise UserError(f"{_formula(atoms)}: positions or cell contain NaN or infinity")
    if max(np.abs(positions).max(initial=0.0), np.abs(cell).max()) > REACH:
        raise UserError(
            f"{_formula(atoms)}: positions or cell reach beyond {REACH:g} Å; are they in Å, and is the structure whole?"
        )
    periodic = cell[np.asarray(atoms.pbc)]
    if len(periodic) and np.linalg.matrix_rank(periodic, tol=1e-8) < len(periodic):
        raise UserError(
            f"{_formula(atoms)}: periodic directions {atoms.pbc.tolist()} but the cell has no volume; "
            "set the cell or switch pbc off"
        )


def _heights(atoms: Atoms) -> np.ndarray:
    """(periodic directions,) Å between lattice planes: across, along which images repeat."""
    periodic = np.asarray(atoms.cell)[np.asarray(atoms.pbc)]
    if not len(periodic):
        return np.zeros(0)
    return 1 / np.linalg.norm(np.linalg.pinv(periodic), axis=0)


def _estimate(atoms: Atoms, cutoff: float, heights: np.ndarray) -> float:
    """About how many pairs there are, from the numbers of atoms in cubes as long as the cutoff."""
    positions = atoms.get_positions(wrap=True) if atoms.pbc.any() else atoms.positions
    _, counts = np.unique(np.floor(positions / cutoff).astype(np.int64), axis=0, return_counts=True)
    repeated = float(np.prod(np.maximum(cutoff / heights, 1)))
    return SPHERE * float((counts.astype(float) ** 2).sum()) * repeated


def _formula(atoms: Atoms) -> str:
    return str(atoms.get_chemical_formula())
