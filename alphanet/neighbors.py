"""Neighbor lists: the one way from a structure to an AtomGraph."""

from dataclasses import replace

import numpy as np
import torch
from ase import Atoms
from torch import Tensor
from vesin import NeighborList

from alphanet.device_neighbors import device_pairs, is_installed
from alphanet.errors import UserError
from alphanet.graph import AtomGraph, edge_vectors
from alphanet.hardware.devices import backend_of
from alphanet.neighbor_limits import check_search

# Atoms closer than this are overlapping: directions between them mean nothing.
MINIMAL_DISTANCE = 0.01  # Å


def neighbor_pairs(atoms: Atoms, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of atoms and periodic images within `cutoff` (Å), sorted by receiver.

    Returns:
        sender (E,) and receiver (E,) int64, shift (E, 3) int32 in lattice vectors added to the sender, distance (E,) Å.
    """
    check_search(atoms, cutoff)
    search = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    receiver, sender, shift, distance = search.compute(
        points=atoms.positions, box=_box(atoms, cutoff), periodic=np.asarray(atoms.pbc), quantities="ijSd"
    )
    return sender.astype(np.int64), receiver.astype(np.int64), shift, distance


def build_graph(
    atoms: Atoms, cutoff: float, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> AtomGraph:
    """The graph of one structure on `device`, its real-valued fields in `dtype`.

    On a GPU neighbors are found there if nvalchemi-toolkit-ops is installed, else on the CPU.

    Raises:
        UserError: overlapping atoms, a periodic direction without volume, positions that are not finite, or more
            neighbors than `alphanet.limits` allows.
    """
    device = torch.device(device)
    if backend_of(device).finds_neighbors and is_installed():
        return graph_on_device(atoms, cutoff, dtype, device)
    pairs = (torch.as_tensor(array) for array in neighbor_pairs(atoms, cutoff))
    return _graph(atoms, dtype, *pairs).to(device=device)


def graph_on_device(atoms: Atoms, cutoff: float, dtype: torch.dtype, device: torch.device) -> AtomGraph:
    """The graph that `build_graph` makes, from neighbors found on `device` in float64."""
    check_search(atoms, cutoff)
    positions = torch.as_tensor(atoms.positions, device=device)
    box = torch.as_tensor(_box(atoms, cutoff), device=device)
    pbc = torch.as_tensor(np.asarray(atoms.pbc), device=device)
    sender, receiver, shift = device_pairs(positions, box, pbc, cutoff)
    distance = (positions[sender] - positions[receiver] + shift.to(box) @ box).norm(dim=1)
    return _graph(atoms, dtype, sender, receiver, shift, distance)


def _graph(
    atoms: Atoms, dtype: torch.dtype, sender: Tensor, receiver: Tensor, shift: Tensor, distance: Tensor
) -> AtomGraph:
    """The graph of these pairs, on their device."""
    if distance.numel() and float(distance.min()) < MINIMAL_DISTANCE:
        worst = int(distance.argmin())
        raise UserError(
            f"atoms {int(receiver[worst])} and {int(sender[worst])} of {atoms.get_chemical_formula()} overlap "
            f"({float(distance[worst]):.4f} Å apart); remove the duplicate"
        )
    device = sender.device
    return AtomGraph(
        positions=torch.as_tensor(atoms.positions, dtype=dtype, device=device),
        numbers=torch.as_tensor(atoms.numbers, dtype=torch.int64, device=device),
        cell=torch.as_tensor(np.asarray(atoms.cell)[None], dtype=dtype, device=device),
        pbc=torch.as_tensor(np.asarray(atoms.pbc)[None], device=device),
        batch=torch.zeros(len(atoms), dtype=torch.int64, device=device),
        edge_index=torch.stack([sender, receiver]),
        edge_shift=shift.to(dtype),
    )


def nearest_only(graph: AtomGraph, limit: int) -> AtomGraph:
    """The graph with only the `limit` nearest neighbors of each atom; public AlphaNet v1 keeps 50."""
    count = torch.bincount(graph.receiver, minlength=graph.n_atoms)
    if graph.n_edges == 0 or int(count.max()) <= limit:
        return graph
    distance = edge_vectors(graph).norm(dim=1)
    by_distance = torch.argsort(distance, stable=True)
    by_receiver = by_distance[torch.argsort(graph.receiver[by_distance], stable=True)]
    first = torch.cumsum(count, 0) - count
    rank = torch.arange(graph.n_edges, device=distance.device) - first[graph.receiver[by_receiver]]
    nearest = by_receiver[rank < limit].sort().values
    return replace(graph, edge_index=graph.edge_index[:, nearest], edge_shift=graph.edge_shift[nearest])


def _box(atoms: Atoms, cutoff: float) -> np.ndarray:
    """A box for vesin: non-periodic directions that have no lattice vector get one that is long enough to be inert."""
    if not atoms.pbc.any():
        return np.zeros((3, 3))
    cell = atoms.cell.complete()
    extent = np.ptp(atoms.positions, axis=0).max() if len(atoms) else 0.0
    for axis in np.flatnonzero(~np.asarray(atoms.pbc)):
        if not np.asarray(atoms.cell)[axis].any():
            cell[axis] *= extent + 2 * cutoff
    return np.asarray(cell)
