"""The common neighbor lists: all periodic edges of a batch, from vesin; needs no torch."""

from __future__ import annotations

import numpy as np
from ase.cell import Cell
from worker_kit import Structures


def periodic_edges(structures: Structures, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """(2, E) sender and receiver of every directed edge, (E, 3) lattice vectors added to the sender."""
    from vesin import NeighborList

    search = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    edges, images, first = [], [], 0
    for numbers, positions, cell, pbc in structures:
        box = _box(cell, np.ptp(positions) + 2 * cutoff)
        receiver, sender, shift = search.compute(points=positions, box=box, periodic=pbc, quantities="ijS")
        edges.append(np.stack([sender, receiver]).astype(np.int64) + first)
        images.append(shift.astype(np.float64))
        first += len(numbers)
    return np.concatenate(edges, axis=1), np.concatenate(images)


def _box(cell: np.ndarray, inert: float) -> np.ndarray:
    """The cell, with vectors `inert` Å long where a direction that is not periodic has none: vesin needs three."""
    missing = ~np.any(cell, axis=1)
    return np.asarray(Cell(cell).complete().array * np.where(missing, inert, 1.0)[:, None])
