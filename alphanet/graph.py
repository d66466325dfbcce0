"""AtomGraph: a batch of structures and their neighbor pairs as tensors, and free functions on it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

import torch
from torch import Tensor

# Shapes: N atoms and E directed edges in B structures.
Positions: TypeAlias = Tensor  # (N, 3) float, Å
Numbers: TypeAlias = Tensor  # (N,) int64, atomic numbers
Cell: TypeAlias = Tensor  # (B, 3, 3) float, Å, rows are the lattice vectors; a row is zero if there is no vector
Pbc: TypeAlias = Tensor  # (B, 3) bool
Batch: TypeAlias = Tensor  # (N,) int64, the structure of each atom, ascending
EdgeIndex: TypeAlias = Tensor  # (2, E) int64, row 0 the sender j, row 1 the receiver i, sorted by receiver
EdgeShift: TypeAlias = Tensor  # (E, 3) float, whole lattice vectors that are added to the sender's position


@dataclass(frozen=True)
class AtomGraph:
    """One batch of structures as tensors; the edge (j, i, shift) reads: i receives from the image of j at
    `positions[j] + shift @ cell`.
    """

    positions: Positions
    numbers: Numbers
    cell: Cell
    pbc: Pbc
    batch: Batch
    edge_index: EdgeIndex
    edge_shift: EdgeShift

    @property
    def n_atoms(self) -> int:
        """N, atoms in all structures."""
        return self.numbers.shape[0]

    @property
    def n_edges(self) -> int:
        """E, directed edges in all structures."""
        return self.edge_index.shape[1]

    @property
    def n_structures(self) -> int:
        """B."""
        return self.cell.shape[0]

    @property
    def sender(self) -> Tensor:
        """(E,) index of the atom that sends along each edge."""
        return self.edge_index[0]

    @property
    def receiver(self) -> Tensor:
        """(E,) index of the atom that receives along each edge, ascending."""
        return self.edge_index[1]

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "AtomGraph":
        """The same graph on `device`, its real-valued fields in `dtype`; integers and booleans keep their type."""

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else None)

        return AtomGraph(**{f.name: moved(getattr(self, f.name)) for f in fields(self)})


def edge_vectors(graph: AtomGraph) -> Tensor:
    """(E, 3) vectors in Å from each edge's receiver to its sender's image: r_j + shift @ cell - r_i."""
    lattice = graph.cell[graph.batch[graph.receiver]]
    offset = torch.einsum("ea,eab->eb", graph.edge_shift, lattice)
    return graph.positions[graph.sender] + offset - graph.positions[graph.receiver]


def sum_over_edges(values: Tensor, graph: AtomGraph) -> Tensor:
    """(N, …) sums of the (E, …) `values` over the edges that each atom receives."""
    return add_over_edges(values.new_zeros((graph.n_atoms, *values.shape[1:])), values, graph)


def add_over_edges(start: Tensor, values: Tensor, graph: AtomGraph) -> Tensor:
    """`start` (N, …) plus the sums of the (E, …) `values` over the edges that each atom receives.

    Not the same as adding afterwards: inductor (torch 2.13) moves `start + sum` before the sum where `start` is also
    used elsewhere, and then the sum is lost.
    """
    return start.index_add(0, graph.receiver, values)


def sum_over_atoms(values: Tensor, graph: AtomGraph) -> Tensor:
    """(B, …) sums of the (N, …) `values` over the atoms of each structure."""
    total = values.new_zeros((graph.n_structures, *values.shape[1:]))
    return total.index_add(0, graph.batch, values)


def strained(graph: AtomGraph, strain: Tensor) -> AtomGraph:
    """The graph under homogeneous `strain` (B, 3, 3): x -> x (1 + e), with e the symmetric part of `strain`.

    The derivative of the energy by `strain` is the symmetric virial, dE/de.
    """
    symmetric = 0.5 * (strain + strain.transpose(1, 2))
    positions = graph.positions + torch.einsum("na,nab->nb", graph.positions, symmetric[graph.batch])
    return replace(graph, positions=positions, cell=graph.cell + graph.cell @ symmetric)


def collate(graphs: Sequence[AtomGraph]) -> AtomGraph:
    """One graph of all structures of `graphs`, in order; edges stay sorted by receiver."""
    atoms_before = [0]
    structures_before = [0]
    for graph in graphs:
        atoms_before.append(atoms_before[-1] + graph.n_atoms)
        structures_before.append(structures_before[-1] + graph.n_structures)
    return AtomGraph(
        positions=torch.cat([g.positions for g in graphs]),
        numbers=torch.cat([g.numbers for g in graphs]),
        cell=torch.cat([g.cell for g in graphs]),
        pbc=torch.cat([g.pbc for g in graphs]),
        batch=torch.cat([g.batch + n for g, n in zip(graphs, structures_before, strict=False)]),
        edge_index=torch.cat([g.edge_index + n for g, n in zip(graphs, atoms_before, strict=False)], dim=1),
        edge_shift=torch.cat([g.edge_shift for g in graphs]),
    )
