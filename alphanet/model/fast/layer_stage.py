"""The stage of a message layer: its two-layer network on every edge, and messages summed over receivers."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.model.fast.compiler import Compiler
from alphanet.model.fast.compiling import BlockFunction, derivative
from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.linear import linear


@dataclass(frozen=True)
class LayerWeights:
    """A layer's folded constants; G = 3 H gates (fewer where none are needed), W = 2 H + K columns of weights.

    The first three biases are given with the other sign, to be subtracted: the compiler would make a product plus a
    bias one call, for which the bias is first copied to every edge, while subtracting is part of the loop that reads
    the product.
    """

    first: tuple[Tensor, Tensor]  # (3 H, W) and -(3 H,): first matrix on the edge weights
    second: tuple[Tensor, Tensor]  # (G, 3 H) and -(G,)
    radial: tuple[Tensor, Tensor]  # (G, Q) and -(G,), on the last Q columns
    branch: tuple[Tensor, Tensor] | None  # (B, G) and (B,): what the rotation's branch reads of the gates, if any
    others: tuple[Tensor, ...]  # constants of the messages

    @property
    def n_radial(self) -> int:
        """Q."""
        return self.radial[0].shape[1]

    @property
    def n_kept(self) -> int:
        """Columns that a backward needs of the forward."""
        return self.first[0].shape[0] + self.second[0].shape[0] + (self.branch[0].shape[0] if self.branch else 0)


Messages = Callable[..., Tensor]


class LayerFunctions:
    """Compiled once for all layers of one kind.

    Args:
        messages: (gates, read (n, P, B) or None, senders' features, direction (n, P, 3) and envelope (n, P, 1),
            filled (n, P, 1), constants) to sums (n, C); gates and features in parts of (n, P, H).
        hidden_channels: H.
        branched: whether there is a branch.
        compiler: of its functions; none: they run as they are.
    """

    def __init__(self, messages: Messages, hidden_channels: int, branched: bool, compiler: Compiler | None) -> None:
        self._messages, self._channels, self._branched = messages, hidden_channels, branched
        self.forward = BlockFunction(self._forward, 5, compiler)
        self.backward = BlockFunction(self._backward, 9 if branched else 8, compiler)

    def _forward(self, weights, frame, filled, sender, features, *constants):  # type: ignore[no-untyped-def]
        w1, b1, w2, b2, wq, bq, *rest = constants
        hidden = linear(weights, w1)
        mixed = linear(F.silu(hidden - b1), w2)
        gates = (linear(weights[..., -wq.shape[1] :], wq) - bq) * (mixed - b2)
        parts = gates.split(self._channels, -1)
        sent, axes = features[sender].split(self._channels, -1), frame.split((3, 1), -1)
        if not self._branched:
            return self._messages(parts, None, sent, axes, filled, *rest), hidden, mixed
        read = linear(gates, rest[0], rest[1])
        return self._messages(parts, read, sent, axes, filled, *rest[2:]), hidden, mixed, read

    def _backward(self, columns, frame, filled, sender, features, by_sums, hidden, mixed, *constants):  # type: ignore[no-untyped-def]
        read, constants = (constants[0], constants[1:]) if self._branched else (None, constants)
        b1, w2, b2, wq, bq, *rest = constants
        radial, mixed = linear(columns, wq) - bq, mixed - b2
        gates = radial * mixed
        # By their parts, so that no derivative of a slice, which is as wide as the whole, has to be added up.
        H = self._channels
        inputs = [*gates.split(H, -1), *features[sender].split(H, -1), *frame.split((3, 1), -1)]
        n_gates, n_features = gates.shape[-1] // H, features.shape[-1] // H
        into, others = (rest[0], rest[1:]) if self._branched else (None, rest)
        if read is not None:
            inputs.append(read)

        def summed(*parts: Tensor) -> Tensor:
            return self._messages(
                parts[:n_gates],
                parts[n_gates + n_features + 2] if self._branched else None,
                parts[n_gates : n_gates + n_features],
                parts[n_gates + n_features : n_gates + n_features + 2],
                filled,
                *others,
            )

        found = derivative(summed, inputs, (by_sums,))
        by_gates = torch.cat(found[:n_gates], dim=-1)
        by_features = torch.cat(found[n_gates : n_gates + n_features], dim=-1)
        by_frame = torch.cat(found[n_gates + n_features : n_gates + n_features + 2], dim=-1)
        if into is not None:
            by_gates = by_gates + linear(found[-1], into.t())
        hidden = hidden - b1
        sigmoid = torch.sigmoid(hidden)
        by_hidden = linear(by_gates * radial, w2.t()) * (sigmoid * (1 + hidden * (1 - sigmoid)))
        return by_hidden, by_gates * mixed, by_features, by_frame


class LayerStage:
    """One message layer.

    Args:
        number: of the layer, from 0.
        last: whether no layer follows.
        width: C, columns of the sums.
        weights: folded.
        functions: of the layer's kind.
    """

    writes = False

    def __init__(self, number: int, last: bool, width: int, weights: LayerWeights, functions: LayerFunctions) -> None:
        self._number, self._last, self.width = number, last, width
        self._weights, self._functions = weights, functions
        self.kept = weights.n_kept

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds messages to the sums (N, C)."""
        block, w = visit.block, self._weights
        of_chunks, *kept = self._functions.forward(
            visit.weights,
            visit.frame,
            block.filled,
            block.sender,
            visit.senders,
            *w.first,
            *w.second,
            *w.radial,
            *(w.branch or ()),
            *w.others,
        )
        if visit.keeps:
            visit.kept[self._number, visit.index] = tuple(kept)
        visit.add_to(sums, of_chunks)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds to the gradients of the senders' features, of weights and frames."""
        block, w = visit.block, self._weights
        kept = visit.kept.pop((self._number, visit.index)) if visit.keeps else self._again(visit.weights)
        by_hidden, by_radial, by_features, by_frame = self._functions.backward(
            visit.weights[..., -w.n_radial :],
            visit.frame,
            block.filled,
            block.sender,
            visit.senders,
            visit.by_sums,
            *kept,
            w.first[1],
            *w.second,
            *w.radial,
            *(w.branch[:1] if w.branch else ()),
            *w.others,
        )
        into, by_hidden = visit.weights_gradient.flatten(0, 1), by_hidden.flatten(0, 1)
        if self._last and visit.overwrites:
            torch.mm(by_hidden, w.first[0], out=into)
        else:
            into.addmm_(by_hidden, w.first[0])
        into[:, -w.n_radial :].addmm_(by_radial.flatten(0, 1), w.radial[0])
        visit.frame_gradient.add_(by_frame)
        to.add(block, by_features)

    def _again(self, weights: Tensor) -> tuple[Tensor, ...]:
        w = self._weights
        hidden = linear(weights, w.first[0])
        mixed = linear(F.silu(hidden - w.first[1]), w.second[0])
        if w.branch is None:
            return hidden, mixed
        radial = linear(weights[..., -w.n_radial :], w.radial[0]) - w.radial[1]
        gates = radial * (mixed - w.second[1])
        return hidden, mixed, linear(gates, *w.branch)
