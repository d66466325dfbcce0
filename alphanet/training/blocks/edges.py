"""Blocks of edges: what some successive atoms receive, few enough for temporary arrays to stay in the cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph
from alphanet.training.blocks.directed import directed_sums
from alphanet.training.blocks.silu import two_layers

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
    at: Tensor  # (e,) the receiver's place in the block

    def summed(self, values: Tensor) -> Tensor:
        """(n, C) sums of the (e, C) `values` over the edges that each atom receives."""
        return self.sums @ values

    def summed_vectors(self, values: Tensor) -> Tensor:
        """(n, 3, C) sums of the (e, C) `values` times the direction."""
        return directed_sums(self.direction, values, self.at, len(self.sums))

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
        sums, at = direction.new_zeros(n_atoms, n_edges), receiver - first
        sums[at, torch.arange(n_edges)] = 1
        blocks.append(EdgeBlock(sender, receiver, unit, smooth, radial, axes, sums, at))
        first += n_atoms
    return blocks


def edge_weights(
    blocks: Sequence[EdgeBlock],
    embeddings: Sequence[Tensor],
    radial: nn.Module,
    source: nn.Module,
    scalars: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Embedding z (N, H), first features s (N, H) and each block's weights (e, 3 H + R).

    Args:
        blocks: of all edges.
        embeddings: (N, H) of the atoms and of neighbors.
        radial: Linear, SiLU, Linear on the basis functions.
        source: from s to what neighbors send, before its norm.
        scalars: (e, H) of the frames (e, 3, 3) and the surroundings (e, 3, H) of one end of each edge.
    """
    z, neighbor = (F.layer_norm(vectors, vectors.shape[1:]) for vectors in embeddings)
    pairs = [(b, b.envelope * two_layers(radial, b.basis)) for b in blocks]
    s = z + torch.cat([b.summed(r * neighbor.index_select(0, b.sender)) for b, r in pairs])
    sent = F.silu(F.layer_norm(source(s), s.shape[1:]))
    surroundings = torch.cat([b.summed_vectors(r * sent.index_select(0, b.sender)) for b, r in pairs])
    weights = []
    for b, r in pairs:
        ends = (surroundings.index_select(0, end) for end in (b.receiver, b.sender))
        weights.append(torch.cat([*(b.envelope * scalars(b.frame, end) for end in ends), r, b.basis], dim=1))
    return z, s, weights


def _spans(received: list[int]) -> list[tuple[int, int]]:
    """Atoms and edges of each block, from the number of edges that each atom receives."""
    spans, atoms, edges = [], 0, 0
    for count in received:
        if atoms and (edges + count > MOST_EDGES or atoms == MOST_ATOMS):
            spans.append((atoms, edges))
            atoms, edges = 0, 0
        atoms, edges = atoms + 1, edges + count
    return [*spans, (atoms, edges)]
