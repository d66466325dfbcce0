"""Blocks of edges: what some successive atoms receive, few enough for temporary arrays to stay in the cache."""

from dataclasses import dataclass

import torch
from torch import Tensor

from alphanet.graph import AtomGraph

MOST_EDGES = 1024  # measured at 128 channels: 512 and 2,048 are slower
MOST_ATOMS = 64  # sums are products with (n, e) matrices, which must not grow where atoms have few edges


@dataclass(frozen=True)
class EdgeBlock:
    """The e edges that n successive atoms receive."""

    sender: Tensor  # (e,)
    receiver: Tensor  # (e,)
    direction: Tensor  # (e, 3) unit vectors
    envelope: Tensor  # (e, 1)
    basis: Tensor  # (e, R) radial functions
    frame: Tensor  # (e, 3, 3), row a is e_a
    sums: Tensor  # (n, e) 1 where the atom receives the edge: times values of edges it sums them
    directed: Tensor  # (3 n, e) the same for values times the components of the direction

    def summed(self, values: Tensor) -> Tensor:
        """(n, C) sums of the (e, C) `values` over the edges that each atom receives."""
        return self.sums @ values

    def summed_vectors(self, values: Tensor) -> Tensor:
        """(n, 3, C) sums of the (e, C) `values` times the direction."""
        return (self.directed @ values).unflatten(0, (-1, 3))

    def summed_products(self, vectors: Tensor, values: Tensor) -> Tensor:
        """(n, 3, C) sums of the senders' `vectors` (N, 3, C) times the (e, C) `values`."""
        carried = vectors.flatten(1).index_select(0, self.sender).unflatten(1, (3, -1)) * values[:, None, :]
        return self.summed(carried.flatten(1)).unflatten(1, (3, -1))


def edge_blocks(graph: AtomGraph, direction: Tensor, envelope: Tensor, basis: Tensor, frame: Tensor) -> list[EdgeBlock]:
    """All edges; the terms of edges are as in `EdgeBlock`."""
    spans = _spans(torch.bincount(graph.receiver, minlength=graph.n_atoms).tolist())
    sizes = [n_edges for _, n_edges in spans]
    # One split, because a slice's derivative is an array of all edges for every block.
    terms = (term.split(sizes) for term in (graph.sender, graph.receiver, direction, envelope, basis, frame))
    blocks, first = [], 0
    for (n_atoms, n_edges), sender, receiver, unit, smooth, radial, axes in zip(spans, *terms, strict=True):
        sums = direction.new_zeros(n_atoms, n_edges)
        sums[receiver - first, torch.arange(n_edges)] = 1
        directed = (sums[:, None, :] * unit.t()).flatten(0, 1)
        blocks.append(EdgeBlock(sender, receiver, unit, smooth, radial, axes, sums, directed))
        first += n_atoms
    return blocks


def _spans(received: list[int]) -> list[tuple[int, int]]:
    """Atoms and edges of each block, from the number of edges that each atom receives."""
    spans, atoms, edges = [], 0, 0
    for count in received:
        if atoms and (edges + count > MOST_EDGES or atoms == MOST_ATOMS):
            spans.append((atoms, edges))
            atoms, edges = 0, 0
        atoms, edges = atoms + 1, edges + count
    return [*spans, (atoms, edges)]
