"""Crystals as plain values: what travels between processes and stands in records."""

from typing import Any

import numpy as np
from ase import Atoms

Crystal = dict[str, Any]
"""`numbers` (n), `positions` (n, 3) Å and `cell` (3, 3) Å as lists; periodic in all directions"""

DECIMALS = 7  # of Å; an error of 1e-7 Å changes no energy by more than 1e-6 eV


def packed(atoms: Atoms) -> Crystal:
    """The crystal of `atoms`, to `DECIMALS` decimals."""
    return {
        "numbers": atoms.numbers.tolist(),
        "positions": np.round(atoms.positions, DECIMALS).tolist(),
        "cell": np.round(atoms.cell.array, DECIMALS).tolist(),
    }


def unpacked(crystal: Crystal) -> Atoms:
    """Atoms of `crystal`."""
    return Atoms(crystal["numbers"], crystal["positions"], cell=crystal["cell"], pbc=True)


def too_near(atoms: Atoms, smallest: float) -> str | None:
    """Which two atoms, or images of one, are nearer to each other than `smallest` (Å); none where no two are."""
    from vesin import NeighborList

    first, second, distance = NeighborList(cutoff=smallest, full_list=False).compute(
        points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijd"
    )
    if not len(distance):
        return None
    nearest = int(distance.argmin())
    return f"atoms {first[nearest]} and {second[nearest]} are {distance[nearest]:.3f} Å apart"
