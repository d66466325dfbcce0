"""Arrays of edges that a whole evaluation shares: all of them at once, or, in bounded memory, a block at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from alphanet.model.fast.arena import Arena
from alphanet.model.fast.layout import Block, EdgeLayout

Kept = dict[tuple[int, int], tuple[Tensor, ...]]
"""What stages keep for the backward, by layer and block"""


@dataclass(frozen=True)
class EdgeBlock:
    """A stage at one block of n chunks of P edges; W = 2 H + K columns of weights. Gradients are of the backward."""

    index: int  # of the block
    block: Block
    vector: Tensor  # (n, P, 3) Å, receiver to sender
    frame: Tensor  # (n, P, 4) unit vector and envelope
    weights: Tensor  # (n, P, W) scalars of both ends, then radial columns
    vector_gradient: Tensor  # (n, P, 3), to be added to
    frame_gradient: Tensor  # (n, P, 4), to be added to
    weights_gradient: Tensor  # (n, P, W), to be added to, but see `overwrites`
    overwrites: bool  # whether the last layer, which comes first in the backward, is to write `weights_gradient`
    kept: Kept
    keeps: bool  # whether to put there what the backward would otherwise compute again
    arena: Arena  # for what is kept
    senders: Tensor  # (N, …) what atoms send
    receivers: Tensor  # (N, …) what atoms know as receivers; empty if nothing
    gradient: Tensor  # (N, C) by the sums; empty in the forward

    def add_to(self, sums: Tensor | None, of_chunks: Tensor) -> None:
        """Add (n, C) of the chunks to the sums (N, C) of their receivers, if these are wanted."""
        if sums is not None:
            sums.index_add_(0, self.block.receiver, of_chunks)

    @property
    def by_sums(self) -> Tensor:
        """(n, C) gradient by the sum of each chunk."""
        return self.gradient.index_select(0, self.block.receiver)


class GatheredGradients:
    """(N, …) gradients by what atoms gave to a stage, gathered block by block."""

    def __init__(self, senders: Tensor, receivers: Tensor) -> None:
        self.to_senders, self.to_receivers = torch.zeros_like(senders), torch.zeros_like(receivers)

    def add(self, block: Block, by_sender: Tensor, by_receiver: Tensor | None = None) -> None:
        """Of one block: (n, P, …) and, if they gave anything, (n, …)."""
        self.to_senders.index_add_(0, block.sender.flatten(), by_sender.flatten(0, 1))
        if by_receiver is not None:
            self.to_receivers.index_add_(0, block.receiver, by_receiver)


class Stage(Protocol):
    """One walk over the edges."""

    width: int
    """C, columns of the sums; 0: the stage only writes arrays of edges"""
    writes: bool
    """Whether it writes arrays of edges"""
    kept: int
    """Columns of edges that it may keep for the backward"""

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds to the sums (N, C), if they are wanted; writes the block's arrays."""

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds the gradients by what senders and receivers gave, and by the block's arrays."""


class EdgeSource:
    """A stage that writes arrays of edges, and what it was given: enough to write a block again."""

    def __init__(self, stage: Stage, senders: Tensor, receivers: Tensor) -> None:
        self.stage, self.senders, self.receivers = stage, senders, receivers
        self.gathered: GatheredGradients | None = None

    def write(self, visit: EdgeBlock, *, keeps: bool) -> None:
        """Its part of the block's arrays; what it sums on the way is not wanted again."""
        self.stage.forward(replace(visit, senders=self.senders, receivers=self.receivers, keeps=keeps), None)

    def take(self, visit: EdgeBlock) -> None:
        """Carry the block's gradients on, to what the stage was given."""
        none = self.senders.new_zeros(1, self.stage.width).expand(len(self.senders), -1)
        own = replace(visit, senders=self.senders, receivers=self.receivers, gradient=none)
        if self.gathered is None:
            self.gathered = GatheredGradients(self.senders, self.receivers)
        self.stage.backward(own, self.gathered)


@dataclass
class EdgeArrays:
    """Arrays of all edges, (chunks, P, …).

    With `streams` only vectors are: a block's frames and weights are written anew into the same memory by their sources
    at every visit, and their gradients are carried on at once, so that memory beside the atoms' is 100 bytes an edge.
    """

    layout: EdgeLayout
    blocks: list[Block]
    vector: Tensor  # (chunks, P, 3) Å
    columns: int  # W
    keeps: bool  # whether stages keep what the backward would otherwise compute again
    streams: bool
    arena: Arena
    sources: list[EdgeSource] = field(default_factory=list)
    kept: Kept = field(default_factory=dict)
    vector_gradient: Tensor = field(init=False)
    _frame: Tensor = field(init=False)
    _weights: Tensor = field(init=False)
    _frame_gradient: Tensor = field(init=False)
    _weights_gradient: Tensor = field(init=False)
    _mark: list[int] = field(init=False)

    def __post_init__(self) -> None:  # noqa: D105
        self._frame, self._weights = self._room(4), self._room(self.columns)
        self.vector_gradient = self._frame_gradient = self._weights_gradient = self.vector.new_zeros(0)
        self._mark = self.arena.mark()

    def prepare_gradients(self) -> None:
        """Make room for the gradients, which the forward does without."""
        self.vector_gradient = torch.zeros_like(self.vector)
        self._frame_gradient, self._weights_gradient = self._room(4).zero_(), self._room(self.columns)
        self._mark = self.arena.mark()

    def forward_visit(self, index: int, senders: Tensor, receivers: Tensor, sources: Sequence[EdgeSource]) -> EdgeBlock:
        """Of block `index`, after the stages `sources` have written its arrays."""
        visit = self._visit(index, senders, receivers, senders.new_zeros(0))
        if self.streams:
            for source in sources:
                source.write(visit, keeps=False)
        return visit

    def backward_visit(
        self, index: int, senders: Tensor, receivers: Tensor, gradient: Tensor, sources: Sequence[EdgeSource]
    ) -> EdgeBlock:
        """The same with the gradient by the sums (N, C); `carry_on` ends it."""
        visit = self._visit(index, senders, receivers, gradient)
        if self.streams:
            visit.frame_gradient.zero_()
            visit.weights_gradient.zero_()
            for source in sources:
                source.write(visit, keeps=True)
        return visit

    def carry_on(self, visit: EdgeBlock, sources: Sequence[EdgeSource]) -> None:
        """Hand the gradients of a block to the sources of its arrays, where the arrays do not stay."""
        if self.streams:
            for source in reversed(sources):
                source.take(visit)

    def _room(self, columns: int) -> Tensor:
        n = max(block.n_chunks for block in self.blocks) if self.streams else self.layout.n_chunks
        return self.arena.empty(n, self.vector.shape[1], columns)

    def _visit(self, index: int, senders: Tensor, receivers: Tensor, gradient: Tensor) -> EdgeBlock:
        block = self.blocks[index]
        if self.streams:  # what the last visit kept has been used
            self.arena.rewind(self._mark)
        at = slice(0, block.n_chunks) if self.streams else block.chunks
        return EdgeBlock(
            index=index,
            block=block,
            vector=self.vector[block.chunks],
            frame=self._frame[at],
            weights=self._weights[at],
            vector_gradient=self.vector_gradient[block.chunks],
            frame_gradient=self._frame_gradient[at],
            weights_gradient=self._weights_gradient[at],
            overwrites=not self.streams,
            kept=self.kept,
            keeps=self.keeps,
            arena=self.arena,
            senders=senders,
            receivers=receivers,
            gradient=gradient,
        )
