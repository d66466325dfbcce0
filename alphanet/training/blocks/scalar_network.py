"""The public code's small network on three invariants of every edge and channel, without keeping its hidden layer."""

from collections.abc import Iterator
from typing import Any, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd import Function

from alphanet.training.blocks.silu import derivatives

COLUMNS = 8192  # at a time, for the hidden layer of 44 channels at most to stay in the cache


def scalar_network(network: nn.Module, invariants: Tensor) -> Tensor:
    """(m,) outputs of a linear layer to K, SiLU and a linear layer to 1, on (3, m) invariants.

    Derivatives by the weights exist only in a backward that keeps no graph, which is where training takes them.
    """
    assert isinstance(network, nn.Sequential)
    first, last = network[0], network[2]
    assert isinstance(first, nn.Linear) and isinstance(last, nn.Linear)
    output = _ScalarNetwork.apply(invariants, first.weight, first.bias, last.weight[0])
    return cast(Tensor, output) + last.bias


class _ScalarNetwork(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, last: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight, bias, last)
        output = x.new_empty(x.shape[1])
        for at in _parts(x):
            output[at] = last @ F.silu(_hidden(x[:, at], weight, bias))
        return output

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight, bias, last = ctx.saved_tensors
        if torch.is_grad_enabled():
            return _ByInvariants.apply(gradient, x, weight, bias, last), None, None, None
        by_x, into_x = torch.empty_like(x), (weight * last[:, None]).t()
        by_weight, by_bias, by_last = (torch.zeros_like(tensor) for tensor in (weight, bias, last))
        for at in _parts(x):
            hidden = _hidden(x[:, at], weight, bias)
            by_last += F.silu(hidden) @ gradient[at]
            sloped = torch.ops.aten.silu_backward(gradient[at].expand_as(hidden), hidden)
            by_x[:, at] = into_x @ sloped
            by_weight += sloped @ x[:, at].t()
            by_bias += sloped.sum(1)
        return by_x, by_weight * last[:, None], by_bias * last, by_last


class _ByInvariants(Function):
    """weight^T (gradient last SiLU'(hidden)), (3, m)."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, weight: Tensor, bias: Tensor, last: Tensor) -> Tensor:
        ctx.save_for_backward(gradient, x, weight, bias, last)
        by_x, into_x = torch.empty_like(x), (weight * last[:, None]).t()
        for at in _parts(x):
            hidden = _hidden(x[:, at], weight, bias)
            by_x[:, at] = into_x @ torch.ops.aten.silu_backward(gradient[at].expand_as(hidden), hidden)
        return by_x

    @staticmethod
    def backward(ctx: Any, by_output: Tensor) -> Any:
        gradient, x, weight, bias, last = ctx.saved_tensors
        by_gradient, by_x, into_x = torch.empty_like(gradient), torch.empty_like(x), (weight * last[:, None]).t()
        by_weight, by_bias, by_last = (torch.zeros_like(tensor) for tensor in (weight, bias, last))
        for at in _parts(x):
            g = gradient[at]
            slope, bend = derivatives(_hidden(x[:, at], weight, bias))
            ahead = weight @ by_output[:, at]  # (K, m) change of the hidden layer
            bend.mul_(ahead).mul_(g)
            ahead.mul_(slope)
            by_gradient[at] = last @ ahead
            by_last += ahead @ g
            by_x[:, at] = into_x @ bend
            by_weight += slope.mul_(g) @ by_output[:, at].t() + bend @ x[:, at].t()
            by_bias += bend.sum(1)
        return by_gradient, by_x, by_weight * last[:, None], by_bias * last, by_last


def _parts(x: Tensor) -> Iterator[slice]:
    return (slice(start, start + COLUMNS) for start in range(0, x.shape[1], COLUMNS))


def _hidden(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.addmm(bias[:, None], weight, x)
