"""Components of vectors in the frames of edges, differentiable as often as wanted.

PyTorch takes the products of edges one by one, which takes longer than the arithmetic where there are few channels.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from alphanet.training.blocks.kernels import kernels_for


class _Components(Function):
    @staticmethod
    def forward(ctx: Any, frames: Tensor, vectors: Tensor) -> Tensor:
        ctx.save_for_backward(frames, vectors)
        found = kernels_for(vectors)
        if found is None:
            return frames @ vectors
        transposed = frames.stride() == (9, 1, 3)
        frames, vectors = frames if transposed else frames.contiguous(), vectors.contiguous()
        out = torch.empty_like(vectors)
        pointers = frames.data_ptr(), int(transposed), vectors.data_ptr(), out.data_ptr()
        found.frame_product(*pointers, vectors.shape[0], vectors.shape[2], torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        frames, vectors = ctx.saved_tensors
        by_frames = _Pairs.apply(gradient, vectors) if ctx.needs_input_grad[0] else None
        return by_frames, components(frames.mT, gradient) if ctx.needs_input_grad[1] else None


class _Pairs(Function):
    """(E, 3, 3) products over the channels of (E, 3, H) with (E, 3, H)."""

    @staticmethod
    def forward(ctx: Any, first: Tensor, second: Tensor) -> Tensor:
        ctx.save_for_backward(first, second)
        found = kernels_for(first)
        if found is None:
            return first @ second.mT
        first, second = first.contiguous(), second.contiguous()
        out = first.new_empty(first.shape[0], 3, 3)
        pointers = first.data_ptr(), second.data_ptr(), out.data_ptr()
        found.frame_pairs(*pointers, first.shape[0], first.shape[2], torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        first, second = ctx.saved_tensors
        by_first = components(gradient, second) if ctx.needs_input_grad[0] else None
        return by_first, components(gradient.mT, first) if ctx.needs_input_grad[1] else None


def components(frames: Tensor, vectors: Tensor) -> Tensor:
    """(E, 3, H) components of the (E, 3, H) vectors along the rows of the (E, 3, 3) frames."""
    return cast(Tensor, _Components.apply(frames, vectors))
