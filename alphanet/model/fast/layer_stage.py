"""The stage of a message layer: its two-layer network on every edge, and messages summed over receivers."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.model.fast.compiler import BlockFunction, Compiler, derivative
from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.products import linear, weight_and_bias


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

    @classmethod
    def folded(
        cls,
        features: Tensor,
        network: nn.Module,
        radial: nn.Module,
        branch: nn.Module | None,
        others: tuple[Tensor, ...],
        *,
        vectors: bool,
    ) -> "LayerWeights":
        """A layer's weights on 2 H scalars and K radial columns.

        Args:
            features: (H, K) from the columns to the radial features.
            network: Linear, SiLU, Linear on the edge weights.
            radial: Linear on the basis functions.
            branch: Linear on the gates, if there is a branch.
            others: constants of the branch behind it.
            vectors: whether neighbors send vectors.
        """
        assert isinstance(network, nn.Sequential)
        H, K = features.shape
        (w1, b1), (w2, b2), (wq, bq) = (weight_and_bias(layer) for layer in (network[0], network[2], radial))
        columns = w1[:, 2 * H : 3 * H] @ features
        columns[:, K - wq.shape[1] :] += w1[:, 3 * H :]
        w1 = torch.cat([w1[:, : 2 * H], columns], dim=1)
        if branch is None and not vectors:  # nothing reads the middle gates
            rows = torch.cat([torch.arange(H), torch.arange(2 * H, 3 * H)]).to(wq.device)
            w2, b2, wq, bq = w2[rows], b2[rows], wq[rows], bq[rows]
        read = None if branch is None else weight_and_bias(branch)
        return cls((w1, -b1), (w2, -b2), (wq, -bq), read, others if branch is not None else ())


@dataclass(frozen=True)
class Layer:
    """A message layer, as the stages of every backend take it."""

    number: int  # from 0
    last: bool  # whether no layer follows
    width: int  # C, columns of the sums
    weights: LayerWeights
    official: bool  # of official-v1, whose messages do not fade with the envelope; else of the paper's reading
    vectors: bool  # whether neighbors send vectors

    def add_to_weights_gradient(self, visit: EdgeBlock, by_hidden: Tensor, by_radial: Tensor) -> None:
        """Add (edges, 3 H) and (edges, G), by the first matrix's output and by the radial factor of the gates."""
        w, into = self.weights, visit.weights_gradient.flatten(0, 1)
        if self.last and visit.overwrites:
            torch.mm(by_hidden, w.first[0], out=into)
        else:
            into.addmm_(by_hidden, w.first[0])
        into[:, -w.n_radial :].addmm_(by_radial, w.radial[0])


Branch = Callable[..., Tensor]
"""(read (n, P, B), scalar messages (n, P, H), factor of the messages (n, P, 1), constants) to sums of chunks (n, C)"""


class LayerFunctions:
    """Compiled once for all layers of one kind.

    Args:
        layer: one of them.
        branch: of its reading, for layers that have one.
        hidden_channels: H; gates and features come in parts of (n, P, H).
        compiler: of its functions; none: they run as they are.
    """

    def __init__(self, layer: Layer, branch: Branch, hidden_channels: int, compiler: Compiler | None) -> None:
        self._official, self._vectors, self._branched = layer.official, layer.vectors, layer.weights.branch is not None
        self._branch, self._channels = branch, hidden_channels
        self.forward = BlockFunction(self._forward, 5, compiler)
        self.backward = BlockFunction(self._backward, 9 if self._branched else 8, compiler)

    def _messages(self, gates, read, features, frame, filled, *constants):  # type: ignore[no-untyped-def]
        """(n, C) sums: of scalar messages (H) and vectors (3 H), of the branch before (official-v1) or behind them."""
        factor = filled if self._official else frame[1]
        scalar = factor * features[0] * gates[0]
        directed = factor * features[2 if self._vectors else 1] * gates[-1]
        sums = [scalar.sum(1)]
        carried = factor * features[1] * gates[1] if self._vectors else None
        for axis, along_axis in enumerate(frame[0].split(1, -1)):
            vectors = along_axis * directed
            if carried is not None:
                vectors = vectors + features[3 + axis] * carried
            sums.append(vectors.sum(1))
        if self._branched:
            sums.insert(0 if self._official else len(sums), self._branch(read, scalar, factor, *constants))
        return torch.cat(sums, dim=1)

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
    """One message layer by functions of its kind."""

    writes = False

    def __init__(self, layer: Layer, functions: LayerFunctions) -> None:
        self._layer, self._weights, self._functions = layer, layer.weights, functions
        self.width, self.kept = layer.width, layer.weights.n_kept

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds messages to the sums (N, C)."""
        block, w = visit.block, self._weights
        of_chunks, *kept = self._functions.forward(
            *(visit.weights, visit.frame, block.filled, block.sender, visit.senders),
            *w.first,
            *w.second,
            *w.radial,
            *(w.branch or ()),
            *w.others,
        )
        if visit.keeps:
            visit.kept[self._layer.number, visit.index] = tuple(kept)
        visit.add_to(sums, of_chunks)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds to the gradients of the senders' features, of weights and frames."""
        block, w = visit.block, self._weights
        kept = visit.kept.pop((self._layer.number, visit.index)) if visit.keeps else self._again(visit.weights)
        by_hidden, by_radial, by_features, by_frame = self._functions.backward(
            *(visit.weights[..., -w.n_radial :], visit.frame, block.filled, block.sender, visit.senders),
            visit.by_sums,
            *kept,
            w.first[1],
            *w.second,
            *w.radial,
            *(w.branch[:1] if w.branch else ()),
            *w.others,
        )
        self._layer.add_to_weights_gradient(visit, by_hidden.flatten(0, 1), by_radial.flatten(0, 1))
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
