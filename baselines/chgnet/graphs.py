"""Crystal graphs of CHGNet from the common neighbor lists: directed and undirected bonds, and angles between them."""

import numpy as np
import torch
from ase.geometry import complete_cell
from chgnet.graph import CrystalGraph
from torch_kit import batched


def crystal_graphs(structures, bond_cutoff, angle_cutoff):
    """A graph per structure, with bonds up to `bond_cutoff` and angles between bonds up to `angle_cutoff` (Å)."""
    batch = batched(structures, bond_cutoff)
    edges, images, lengths = batch.edge_index.numpy(), batch.images.numpy(), batch.vectors().norm(dim=1).numpy()
    # edges are sorted by receiver, so that those of a structure lie together
    ends = np.searchsorted(edges[1], np.cumsum(structures.counts))
    starts = np.concatenate([[0], ends[:-1]])
    first_atoms = np.cumsum(structures.counts) - structures.counts
    graphs = []
    for structure, start, end, first in zip(structures, starts, ends, first_atoms, strict=True):
        neighbors, centers = edges[:, start:end] - first
        bonds = Bonds(centers, neighbors, images[start:end].astype(np.int64), lengths[start:end], len(structure[0]))
        graphs.append(_graph(structure, bonds, bond_cutoff, angle_cutoff))
    return graphs


class Bonds:
    """E directed bonds, sorted by center; the two directions of a bond share its undirected index."""

    def __init__(self, centers, neighbors, images, lengths, atoms):
        code = _codes(centers, neighbors, images, atoms)
        reverse = _codes(neighbors, centers, -images, atoms)
        # rounding at the cutoff may leave one direction out; the package needs both
        whole = np.isin(reverse, code)
        self.kept = np.flatnonzero(whole)
        self.centers, self.neighbors = centers[whole], neighbors[whole]
        self.images, self.lengths = images[whole], lengths[whole]
        _, self.directed, self.undirected = np.unique(
            np.minimum(code, reverse)[whole], return_index=True, return_inverse=True
        )

    def angles(self, cutoff):
        """(A, 5) center, then undirected and directed index of either bond, for all pairs of bonds up to `cutoff`."""
        short = np.flatnonzero(self.lengths < cutoff)
        _, place, counts = np.unique(self.centers[short], return_inverse=True, return_counts=True)
        repeats = counts[place]
        left = np.repeat(short, repeats)
        within = np.arange(len(left)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        right = short[np.repeat((np.cumsum(counts) - counts)[place], repeats) + within]
        left, right = left[left != right], right[left != right]
        columns = (self.centers[left], self.undirected[left], left, self.undirected[right], right)
        return np.stack(columns, axis=1)


def _codes(centers, neighbors, images, atoms):
    """One integer for each directed bond."""
    reach = int(np.abs(images).max(initial=0))
    size = 2 * reach + 1
    return np.ravel_multi_index((centers, neighbors, *(images.T + reach)), (atoms, atoms, size, size, size))


def _graph(structure, bonds, bond_cutoff, angle_cutoff):
    numbers, positions, cell, _ = structure
    lattice = complete_cell(cell)  # with vectors in the directions that are not periodic
    return CrystalGraph(
        atomic_number=_integers(numbers),
        atom_frac_coord=_reals(np.linalg.solve(lattice.T, positions.T).T).requires_grad_(True),
        atom_graph=_integers(np.stack([bonds.centers, bonds.neighbors], axis=1)),
        atom_graph_cutoff=bond_cutoff,
        neighbor_image=_reals(bonds.images),
        directed2undirected=_integers(bonds.undirected),
        undirected2directed=_integers(bonds.directed),
        bond_graph=_integers(bonds.angles(angle_cutoff)),
        bond_graph_cutoff=angle_cutoff,
        lattice=_reals(lattice).requires_grad_(True),
    )


def _integers(values):
    return torch.as_tensor(values, dtype=torch.int32)


def _reals(values):
    return torch.as_tensor(values, dtype=torch.float32)
