"""Sums over edges of values times directions, differentiable as often as wanted; the derivatives are two further walks.

Shapes: E edges, N atoms, H channels; `at` (E,) names the atom of each edge.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd import Function

from alphanet.training.blocks.kernels import kernels_for


class _Sums(Function):
    @staticmethod
    def forward(ctx: Any, directions: Tensor, values: Tensor, at: Tensor, n_atoms: int) -> Tensor:
        ctx.save_for_backward(directions, values, at)
        found = kernels_for(values)
        out = values.new_zeros(n_atoms, 3, values.shape[1])
        if found is None:
            return out.index_add_(0, at, directions[:, :, None] * values[:, None, :])
        _walk(found.directed_sums, directions, values, at, out, values.shape[1])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        directions, values, at = ctx.saved_tensors
        by_directions = _Pairs.apply(gradient, values, at) if ctx.needs_input_grad[0] else None
        return (
            by_directions,
            _Components.apply(gradient, directions, at) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


class _Pairs(Function):
    """(E, 3) products over the channels of atoms' vectors (N, 3, H) with values (E, H)."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, values: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(vectors, values, at)
        found = kernels_for(values)
        if found is None:
            return (vectors[at] @ values[:, :, None]).squeeze(2)
        out = values.new_empty(len(values), 3)
        _walk(found.directed_pairs, vectors, values, at, out, values.shape[1])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        vectors, values, at = ctx.saved_tensors
        by_vectors = directed_sums(gradient, values, at, len(vectors)) if ctx.needs_input_grad[0] else None
        return by_vectors, _Components.apply(vectors, gradient, at) if ctx.needs_input_grad[1] else None, None


class _Components(Function):
    """(E, H) components of atoms' vectors (N, 3, H) along directions (E, 3)."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, directions: Tensor, at: Tensor) -> Tensor:
        ctx.save_for_backward(vectors, directions, at)
        found = kernels_for(vectors)
        if found is None:
            return (directions[:, None, :] @ vectors[at]).squeeze(1)
        out = vectors.new_empty(len(directions), vectors.shape[2])
        _walk(found.directed_components, vectors, directions, at, out, out.shape[1])
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        vectors, directions, at = ctx.saved_tensors
        by_vectors = directed_sums(directions, gradient, at, len(vectors)) if ctx.needs_input_grad[0] else None
        return by_vectors, _Pairs.apply(vectors, gradient, at) if ctx.needs_input_grad[1] else None, None


def directed_sums(directions: Tensor, values: Tensor, at: Tensor, n_atoms: int) -> Tensor:
    """(N, 3, H) sums over the edges of each atom of directions (E, 3) times values (E, H)."""
    return cast(Tensor, _Sums.apply(directions, values, at, n_atoms))


def _walk(kernel: Any, first: Tensor, second: Tensor, at: Tensor, out: Tensor, channels: int) -> None:
    first, second = first.contiguous(), second.contiguous()
    pointers = (one.data_ptr() for one in (first, second, at, out))
    kernel(*pointers, len(at), channels, torch.get_num_threads())
