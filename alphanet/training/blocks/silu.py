"""SiLU with a short second derivative.

Forces are derivatives already, so the gradient of a loss of forces differentiates SiLU twice; PyTorch spells that out
in operations which each write an array of every edge.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd import Function

from alphanet.training.blocks.product import linear


class _Silu(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return F.silu(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return _SiluBackward.apply(gradient, x)


class _SiluBackward(Function):
    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor) -> Tensor:
        ctx.save_for_backward(gradient, x)
        return torch.ops.aten.silu_backward(gradient, x)

    @staticmethod
    def backward(ctx: Any, by_output: Tensor) -> Any:
        gradient, x = ctx.saved_tensors
        first, second = derivatives(x)
        return first.mul_(by_output), second.mul_(gradient).mul_(by_output)


def derivatives(x: Tensor) -> tuple[Tensor, Tensor]:
    """SiLU' = s (1 + c) and SiLU'' = s (2 t + c (t - s)), with s the sigmoid of `x`, t = 1 - s, c = x t; new arrays."""
    s = torch.sigmoid(x)
    t = 1 - s
    c = x * t
    second = (t - s).mul_(c).add_(t, alpha=2).mul_(s)
    return c.mul_(s).add_(s), second


def silu(x: Tensor) -> Tensor:
    """x sigmoid(x), differentiable twice."""
    return cast(Tensor, _Silu.apply(x))


def two_layers(network: nn.Module, x: Tensor) -> Tensor:
    """The result of an `nn.Sequential` of a linear layer, SiLU and a linear layer for `x`."""
    assert isinstance(network, nn.Sequential)
    return linear(network[2], silu(linear(network[0], x)))
