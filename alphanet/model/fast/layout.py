"""Edges in an order that suits sums over receivers: chunks of a few edges of one receiver, blocks of many chunks."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from alphanet.graph import AtomGraph

CHUNK = 4
"""P, edges a chunk: a receiver's edges are filled up to a multiple of it, and summed over it inside fused loops"""
FEWEST_CHUNKS = 2  # a dimension of 0 or 1 would be compiled for by itself


@dataclass(frozen=True)
class Block:
    """n chunks of edges that are worked on together."""

    chunks: slice
    sender: Tensor  # (n, P) int64
    receiver: Tensor  # (n,) int64, ascending
    filled: Tensor  # (n, P, 1) real, 1 for edges and 0 for the filling

    @property
    def n_chunks(self) -> int:
        """n."""
        return self.receiver.shape[0]

    @cached_property
    def receiver_of_edge(self) -> Tensor:
        """(n, P) int64."""
        return self.receiver[:, None].expand_as(self.sender).contiguous()


@dataclass(frozen=True)
class EdgeLayout:
    """All edges of a graph as chunks; every array of edges is (chunks, P, …)."""

    sender: Tensor  # (chunks, P)
    receiver: Tensor  # (chunks,)
    filled: Tensor  # (chunks, P, 1)
    slot: Tensor  # (E,) where each edge of the graph lies in the flattened arrays

    @property
    def n_chunks(self) -> int:
        """Chunks of all receivers."""
        return self.receiver.shape[0]

    def blocks(self, edges: int) -> list[Block]:
        """Blocks of at most about `edges` edges, as equal as can be."""
        n_blocks = max(1, round(self.n_chunks * CHUNK / edges))
        bounds = [self.n_chunks * index // n_blocks for index in range(n_blocks + 1)]
        return [self._block(slice(a, b)) for a, b in pairwise(bounds)]

    def _block(self, chunks: slice) -> Block:
        return Block(chunks, self.sender[chunks], self.receiver[chunks], self.filled[chunks])

    def scattered(self, values: Tensor, filling: float = 0.0) -> Tensor:
        """(chunks, P, C) from (E, C) values in the graph's order."""
        slots = values.new_full((self.n_chunks * CHUNK, values.shape[1]), filling)
        slots[self.slot] = values
        return slots.unflatten(0, (self.n_chunks, CHUNK))


def most_chunks(graph: AtomGraph) -> int:
    """Chunks that the edges of `graph` fill at most, without counting them."""
    return (graph.n_edges + (CHUNK - 1) * graph.n_atoms) // CHUNK


def chunks_of_atoms(graph: AtomGraph) -> Tensor:
    """(N,) chunks that the edges of each receiver fill."""
    return (torch.bincount(graph.receiver, minlength=graph.n_atoms) + CHUNK - 1) // CHUNK


def edge_layout(graph: AtomGraph, n_chunks: int | None = None) -> EdgeLayout:
    """The layout of the edges of `graph`.

    Args:
        graph: its edges.
        n_chunks: in all, for arrays of one size; what is too many is filling, spread over the atoms. If not given, as
            few as can be.

    Raises:
        ValueError: the edges fill more chunks than `n_chunks`.
    """
    device, receiver = graph.positions.device, graph.receiver
    count = torch.bincount(receiver, minlength=graph.n_atoms)
    chunks = chunks_of_atoms(graph)
    if n_chunks is not None:
        chunks = chunks + _spread(n_chunks - int(chunks.sum()), chunks)
    first_chunk, first_edge = torch.cumsum(chunks, 0) - chunks, torch.cumsum(count, 0) - count
    slot = torch.arange(graph.n_edges, device=device) + (CHUNK * first_chunk - first_edge)[receiver]
    of_chunk = torch.repeat_interleave(torch.arange(graph.n_atoms, device=device), chunks)
    if (missing := FEWEST_CHUNKS - of_chunk.shape[0]) > 0:
        of_chunk = torch.cat([of_chunk, of_chunk.new_full((missing,), graph.n_atoms - 1)])
    n_chunks = of_chunk.shape[0]
    sender = receiver.new_zeros(n_chunks * CHUNK)
    sender[slot] = graph.sender
    filled = graph.positions.new_zeros(n_chunks * CHUNK)
    filled[slot] = 1.0
    return EdgeLayout(sender.view(n_chunks, CHUNK), of_chunk, filled.view(n_chunks, CHUNK, 1), slot)


def _spread(surplus: int, chunks: Tensor) -> Tensor:
    if surplus < 0:
        raise ValueError(f"the edges fill {-surplus} chunks more than there are to be")
    each, rest = divmod(surplus, chunks.shape[0])
    return each + (torch.arange(chunks.shape[0], device=chunks.device) < rest)
