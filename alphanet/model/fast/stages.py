"""The walk over blocks of edges, forward and backward, between the node-level parts that autograd drives.

A stage takes node tensors, reads and writes arrays of edges that the whole evaluation shares (`EdgeArrays`), and gives
sums over the edges that each atom receives. Autograd sees one operation a stage, never an edge: the stage's own
backward walks over the blocks again and adds to the shared gradients in place.
"""

from typing import Any

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeArrays, EdgeSource, GatheredGradients, Stage


def run_stage(stage: Stage, edges: EdgeArrays, token: Tensor, senders: Tensor, receivers: Tensor | None = None) -> Any:
    """Sums (N, C) and the next token; the chain of tokens keeps the stages' backwards in reverse order."""
    return _Walk.apply(stage, edges, token, senders, senders.new_zeros(0) if receivers is None else receivers)


class _Walk(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, stage: Stage, edges: EdgeArrays, token: Tensor, senders: Tensor, receivers: Tensor
    ) -> tuple[Tensor, Tensor]:
        sources = tuple(edges.sources)
        sums = senders.new_zeros(senders.shape[0], stage.width)
        for index in _blocks(stage, edges):
            visit = edges.forward_visit(index, senders, receivers, sources)
            stage.forward(visit, sums)
        ctx.own = EdgeSource(stage, senders, receivers)
        if stage.writes:
            edges.sources.append(ctx.own)
        ctx.stage, ctx.edges, ctx.sources = stage, edges, sources
        ctx.save_for_backward(senders, receivers)
        return sums, torch.zeros_like(token)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        edges = ctx.edges
        senders, receivers = ctx.saved_tensors
        found = ctx.own.gathered or GatheredGradients(senders, receivers)
        by_sums = gradients[0].contiguous()
        for index in _blocks(ctx.stage, edges):
            visit = edges.backward_visit(index, senders, receivers, by_sums, ctx.sources)
            ctx.stage.backward(visit, found)
            edges.carry_on(visit, ctx.sources)
        return None, None, gradients[1], found.to_senders, found.to_receivers


def _blocks(stage: Stage, edges: EdgeArrays) -> range:
    """Those that the stage walks over: none where it would only write what does not stay."""
    return range(0 if edges.streams and stage.width == 0 else len(edges.blocks))
