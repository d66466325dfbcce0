"""Matrix products of training, by the kernels in C++ where these are faster than PyTorch's library.

That library (MKL) has AVX-512 kernels for one maker's processors only, and runs at less than half of others' rate.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function

from alphanet.model.native.library import Kernels
from alphanet.training.blocks.kernels import CHANNELS, kernels_for, training_kernels

LEAST = 1 << 23  # multiply-adds, below which a call costs more than it spares


class _Strided(ctypes.Structure):
    _fields_ = (("values", ctypes.c_void_p), ("row", ctypes.c_int64), ("column", ctypes.c_int64))


class _Product(Function):
    """Differentiable as often as wanted: its derivatives are products again.

    If `b` are weights, derivatives by them exist only in a backward that keeps no graph, which is where training takes
    them; autograd would have every backward compute them, also that of the forces.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, weights: bool) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.weights = weights
        large = a.shape[0] * a.shape[1] * b.shape[1] >= LEAST
        found = _kernels(b) if large else None
        if found is None:
            return a @ b
        a, b = _two_strides(a), _two_strides(b)
        c = a.new_empty(a.shape[0], b.shape[1])
        places = (_Strided(one.data_ptr(), *one.stride()) for one in (a, b))
        pointers = (ctypes.byref(place) for place in places)
        found.product(*pointers, c.data_ptr(), a.shape[0], a.shape[1], b.shape[1], torch.get_num_threads())
        return c

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        a, b = ctx.saved_tensors
        by_a = product(gradient, b.t()) if ctx.needs_input_grad[0] else None
        wanted = ctx.needs_input_grad[1] and not (ctx.weights and torch.is_grad_enabled())
        return by_a, product(a.t(), gradient) if wanted else None, None


def product(a: Tensor, b: Tensor) -> Tensor:
    """(M, N) from (M, K) and (K, N)."""
    return cast(Tensor, _Product.apply(a, b, False))


def linear(layer: nn.Module, x: Tensor) -> Tensor:
    """The result of an `nn.Linear` for (n, A), which has derivatives by its weights only if these keep no graph."""
    assert isinstance(layer, nn.Linear)
    found = cast(Tensor, _Product.apply(x, layer.weight.t(), True))
    return found if layer.bias is None else found + layer.bias


def _kernels(b: Tensor) -> Kernels | None:
    """Those that take `b`, if their product is faster than the library's."""
    return kernels_for(b) if _are_faster() else None


@cache
def _are_faster() -> bool:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists() or "AuthenticAMD" not in cpuinfo.read_text():
        return False
    found = training_kernels()
    return found is not None and found.lanes() == CHANNELS


def _two_strides(matrix: Tensor) -> Tensor:
    """As it is where its elements lie in rows or columns, else a copy (an expanded matrix, say)."""
    return matrix if 1 in matrix.stride() and 0 not in matrix.stride() else matrix.contiguous()
