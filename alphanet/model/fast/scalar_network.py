"""The scalars of official-v1: a small network from three invariants to one, for each channel of both ends.

It has H / 4 hidden units for each of 2 H channels of each edge, by far the most SiLUs of the model. So it is evaluated
once: value and derivatives by the three invariants come from the same sigmoids, and the derivatives are kept for the
backward (6 H numbers an edge) where memory allows.
"""

import math

import torch
from torch import Tensor

from alphanet.model.fast.compiler import BlockFunction, Compiler, derivative
from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.products import along, cross

LOG2E = math.log2(math.e)
KEY = -1  # among the numbers of layers, for what is kept
TINY = 1e-30  # instead of an envelope of 0, which has no derivative either


class NetworkScalarsStage:
    """Scalars (…, 2 H) of the surroundings of both ends, (network(q) + q_1) env / sqrt(H).

    Args:
        network: (H / 4, 3) and (H / 4,) of the first layer, (H / 4,) and (1,) of the second.
        hidden_channels: H.
        compiler: of its functions; none: they run as they are.
    """

    width = 0
    writes = True

    def __init__(self, network: tuple[Tensor, ...], hidden_channels: int, compiler: Compiler | None) -> None:
        self._network, self._columns = network, 2 * hidden_channels
        self.kept = 3 * self._columns
        self._invariants = BlockFunction(self._gathered, 5, compiler)
        self._values = BlockFunction(_values, 2, compiler, inline=True)
        self._backward = BlockFunction(self._gradient, 8, compiler)

    def forward(self, visit: EdgeBlock, _sums: Tensor | None) -> None:
        """Writes the first 2 H columns of the weights."""
        values, slopes = self._evaluated(visit)
        visit.weights[..., : self._columns] = values
        if visit.keeps:
            visit.kept[KEY, visit.index] = (slopes,)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds gradients by [S, r] of senders (n, P, 3 H + 3) and [S, r - c, c] of receivers (n, 3 H + 6)."""
        block = visit.block
        kept = visit.kept.pop((KEY, visit.index), None)
        slopes = kept[0] if kept is not None else self._evaluated(visit)[1]
        by_frame, by_sender, by_receiver = self._backward(
            visit.frame,
            block.sender,
            block.receiver,
            visit.senders,
            visit.receivers,
            visit.weights[..., : self._columns],
            visit.weights_gradient[..., : self._columns],
            slopes,
        )
        visit.frame_gradient.add_(by_frame)
        to.add(block, by_sender, by_receiver)

    def _evaluated(self, visit: EdgeBlock) -> tuple[Tensor, Tensor]:
        block = visit.block
        invariants = self._invariants(visit.frame, block.sender, block.receiver, visit.senders, visit.receivers)
        return self._values(visit.frame, invariants, *self._network)

    def _gathered(self, frame, sender, receiver, senders, receivers):  # type: ignore[no-untyped-def]
        return _invariants(frame, senders[sender], receivers[receiver][:, None])

    def _gradient(self, frame, sender, receiver, senders, receivers, weights, by_weights, slopes):  # type: ignore[no-untyped-def]
        smooth = frame[..., 3:]
        by_smooth = (by_weights * weights).sum(-1, keepdim=True) / smooth.clamp(min=TINY)
        by_invariants = slopes * (smooth * by_weights)[:, None]

        def function(frame: Tensor, of_sender: Tensor, of_receiver: Tensor) -> Tensor:
            return _invariants(frame, of_sender, of_receiver[:, None])

        by_frame, by_sender, by_receiver = derivative(
            function, (frame, senders[sender], receivers[receiver]), (by_invariants,)
        )
        return torch.cat([by_frame[..., :3], by_smooth], dim=-1), by_sender, by_receiver


def _invariants(frame: Tensor, sender: Tensor, receiver: Tensor) -> Tensor:
    """(n, 3, P, 2 H): e1.S, |e2.S|, e3.S of receiver, then sender, from [S, r] and [S, r - c, c]."""
    H = (sender.shape[-1] - 3) // 3
    e1 = frame[..., :3]
    from_center = sender[..., 3 * H :] - receiver[..., 3 * H + 3 :]
    e2 = cross(receiver[..., 3 * H : 3 * H + 3], from_center)
    e3 = cross(e1, e2)
    of_receiver, of_sender = along(receiver[..., : 3 * H], (e1, e2, e3)), along(sender[..., : 3 * H], (e1, e2, e3))
    first, second, third = (torch.cat(both, dim=-1) for both in zip(of_receiver, of_sender, strict=True))
    return torch.stack([first, second.abs(), third], dim=1)


def _values(frame: Tensor, invariants: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    """Scalars times the envelope (n, P, 2 H), and derivatives (n, 3, P, 2 H) of the scalars without it."""
    first, second, third = invariants.unbind(1)
    scale = 1 / math.sqrt(invariants.shape[-1] // 2)
    # (n, P, H / 4, 2 H): loops over channels are the inner, vectorised ones, and sums over hidden units around them.
    a, b, c = (w1[:, k : k + 1] for k in range(3))
    z = a * first.unsqueeze(-2) + b * second.unsqueeze(-2) + c * third.unsqueeze(-2) + b1[:, None]
    # By a power of two, because the compiler writes what uses exp or sigmoid twice to memory, here 32 numbers a scalar.
    sigmoid = 1 / (1 + torch.exp2(z * -LOG2E))
    silu = z * sigmoid
    slope = sigmoid + silu * (1 - sigmoid)
    out = w2[:, None]
    value = (silu * out).sum(-2) + b2 + first
    slopes = [(slope * (out * one)).sum(-2) for one in (a, b, c)]
    slopes[0] = slopes[0] + 1
    return frame[..., 3:] * (value * scale), torch.stack(slopes, dim=1) * scale
