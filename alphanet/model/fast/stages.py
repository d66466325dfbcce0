"""The walk over blocks of edges, forward and backward, between the node-level parts that autograd drives.

A stage takes node tensors, reads and writes arrays of edges that the whole evaluation shares (`EdgeArrays`), and gives
sums over the edges that each atom receives. Autograd sees one operation a stage, never an edge: the stage's own
backward walks over the blocks again and adds to the shared gradients in place.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from alphanet.model.fast.layout import Block, EdgeLayout


@dataclass
class EdgeArrays:
    """Arrays of all edges, (chunks, P, …), and the gradients by them; W = 2 H + K columns of weights."""

    layout: EdgeLayout
    blocks: list[Block]
    vector: Tensor  # (…, 3) Å, receiver to sender
    frame: Tensor  # (…, 4) unit vector and envelope
    weights: Tensor  # (…, W) scalars of both ends, then radial columns
    keeps: bool  # whether stages keep what the backward would otherwise compute again
    frame_gradient: Tensor = field(init=False)
    weights_gradient: Tensor = field(init=False)  # filled by the last layer, which comes first in the backward
    vector_gradient: Tensor = field(init=False)
    kept: dict[tuple[int, int], tuple[Tensor, ...]] = field(default_factory=dict)  # by layer and block

    def prepare_gradients(self) -> None:
        """Make room for the gradients."""
        self.frame_gradient = torch.zeros_like(self.frame)
        self.weights_gradient = torch.empty_like(self.weights)
        self.vector_gradient = torch.empty_like(self.vector)


@dataclass(frozen=True)
class Visit:
    """A stage at one block."""

    edges: EdgeArrays
    index: int  # of the block
    block: Block
    senders: Tensor  # (N, …) what atoms send
    receivers: Tensor  # (N, …) what atoms know as receivers; empty if nothing
    gradient: Tensor  # (N, C) by the sums; empty in the forward

    @property
    def at(self) -> slice:
        """The block's chunks."""
        return self.block.chunks

    @property
    def by_sums(self) -> Tensor:
        """(n, C) gradient by the sum of each chunk."""
        return self.gradient.index_select(0, self.block.receiver)


class Stage(Protocol):
    """One walk over the edges."""

    width: int
    """C, columns of the sums; 0: the stage only writes arrays of edges"""

    def forward(self, visit: Visit) -> Tensor | None:
        """Sums (n, C) over each chunk of a block."""

    def backward(self, visit: Visit) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by what senders (n, P, …) and receivers (n, …) gave."""


def run_stage(stage: Stage, edges: EdgeArrays, token: Tensor, senders: Tensor, receivers: Tensor | None = None) -> Any:
    """Sums (N, C) and the next token; the chain of tokens keeps the stages' backwards in reverse order."""
    return _Walk.apply(stage, edges, token, senders, senders.new_zeros(0) if receivers is None else receivers)


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, stage: Stage, edges: EdgeArrays, token: Tensor, senders: Tensor, receivers: Tensor
    ) -> tuple[Tensor, Tensor]:
        sums = senders.new_zeros(senders.shape[0], stage.width)
        for index, block in enumerate(edges.blocks):
            partial = stage.forward(Visit(edges, index, block, senders, receivers, senders.new_zeros(0)))
            if partial is not None:
                sums.index_add_(0, block.receiver, partial)
        ctx.stage, ctx.edges = stage, edges
        ctx.save_for_backward(senders, receivers)
        return sums, torch.zeros_like(token)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        edges = ctx.edges
        senders, receivers = ctx.saved_tensors
        to_senders, to_receivers = torch.zeros_like(senders), torch.zeros_like(receivers)
        by_sums = gradients[0].contiguous()
        for index, block in enumerate(edges.blocks):
            by_sender, by_receiver = ctx.stage.backward(Visit(edges, index, block, senders, receivers, by_sums))
            if by_sender is not None:
                to_senders.index_add_(0, block.sender.flatten(), by_sender.flatten(0, 1))
            if by_receiver is not None:
                to_receivers.index_add_(0, block.receiver, by_receiver)
        return None, None, gradients[1], to_senders, to_receivers
