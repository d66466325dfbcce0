"""A neighbor list with a skin, reused while atoms move little."""

from dataclasses import replace

import numpy as np
import torch
from ase import Atoms

from alphanet.graph import AtomGraph, edge_vectors
from alphanet.neighbors import build_graph


class VerletList:
    """Graphs of the structures of a trajectory, searching neighbors only when an atom has moved half the skin.

    Pairs within `cutoff + skin` are stored with the positions at the time of the search. Wrapping an atom back into the
    cell is not a movement: the edges' shifts change by the lattice vectors that the atom moved by. A new cell, other
    elements or other periodic directions start a new search.

    Args:
        cutoff: Å.
        skin: Å; 0 searches at every call.
        device: of the graphs and the stored pairs.
    """

    def __init__(self, cutoff: float, skin: float = 0.5, device: torch.device | str = "cpu") -> None:
        self.cutoff = cutoff
        self.skin = skin
        self.device = torch.device(device)
        self.searches = 0
        self._atoms: Atoms | None = None
        self._graph: AtomGraph | None = None

    def graph(self, atoms: Atoms, dtype: torch.dtype = torch.float32) -> AtomGraph:
        """The graph of one structure with exactly the pairs within the cutoff.

        Raises:
            UserError: as `alphanet.neighbors.build_graph`.
        """
        wraps = self._whole_cells_moved(atoms)
        if wraps is None:
            # Float64, so that the pairs chosen do not depend on the precision of the model.
            self._graph = build_graph(atoms, self.cutoff + self.skin, torch.float64, self.device)
            self._atoms = atoms.copy()
            self.searches += 1
            wraps = np.zeros((len(atoms), 3))
        return self._within_cutoff(atoms, wraps, dtype)

    def _whole_cells_moved(self, atoms: Atoms) -> np.ndarray | None:
        """(N, 3) lattice vectors by which each atom was wrapped since the search, or None if a new search is due."""
        atoms_before = self._atoms
        if (
            atoms_before is None
            or len(atoms_before) != len(atoms)
            or not np.array_equal(atoms_before.numbers, atoms.numbers)
            or not np.array_equal(atoms_before.pbc, atoms.pbc)
            or not np.array_equal(atoms_before.cell.array, atoms.cell.array)
            or not np.isfinite(atoms.positions).all()
        ):
            return None
        moved, wraps = atoms.positions - atoms_before.positions, np.zeros((len(atoms), 3))
        if atoms.pbc.any():
            cell = atoms.cell.complete().array
            wraps = np.round(np.linalg.solve(cell.T, moved.T).T) * atoms.pbc
            moved = moved - wraps @ cell
        farthest = np.linalg.norm(moved, axis=1).max(initial=0.0)
        return wraps if farthest < self.skin / 2 else None

    def _within_cutoff(self, atoms: Atoms, wraps: np.ndarray, dtype: torch.dtype) -> AtomGraph:
        assert self._graph is not None
        shift = self._graph.edge_shift
        if wraps.any():
            wrap = torch.as_tensor(wraps, device=self.device)
            shift = shift - wrap[self._graph.sender] + wrap[self._graph.receiver]
        positions = torch.as_tensor(atoms.positions, device=self.device)
        moved = replace(self._graph, positions=positions, edge_shift=shift)
        near = edge_vectors(moved).square().sum(dim=1) <= self.cutoff**2
        return replace(moved, edge_index=moved.edge_index[:, near], edge_shift=shift[near]).to(dtype=dtype)
