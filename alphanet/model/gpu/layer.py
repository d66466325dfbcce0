"""A message layer's stage by the kernels in Triton, in place of compiled functions."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
import triton
from torch import Tensor

from alphanet.model.fast.compiler import DifferentiableFunction
from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.layer_stage import Layer
from alphanet.model.fast.layout import CHUNK
from alphanet.model.gpu import kernels

EDGES, CHANNELS = 8, 64  # at most, of a program's tile: several numbers a thread, and no more than its registers hold
KEY = -2  # among the numbers of layers, for what an evaluation keeps


class TritonLayerStage:
    """One message layer; products of matrices are torch's, in the precision that torch is set to.

    Args:
        layer: it.
        branch: of its reading, by the tensors before the constants; not used where the layer has no branch.
    """

    writes = False

    def __init__(self, layer: Layer, branch: DifferentiableFunction) -> None:
        self._layer, self._branch, self.width = layer, branch, layer.width
        self._weights, self._official, weights = layer.weights, layer.official, layer.weights
        self._first_bias, self._second_bias, self._radial_bias = (
            -one[1] for one in (weights.first, weights.second, weights.radial)
        )
        H, G = weights.first[0].shape[0] // 3, weights.second[0].shape[0]
        branched = weights.branch is not None
        self._channels, self._gates = H, G
        self._branch_width = layer.width - 4 * H
        self._branch_at = 0 if layer.official else 4 * H  # official-v1's columns are first, the paper's last
        block = min(triton.next_power_of_2(H), CHANNELS)
        self._channel_blocks = triton.cdiv(H, block)
        self._kind: dict[str, Any] = {
            **{"H": H, "G": G, "F": (6 if layer.vectors else 2) * H, "CHUNK": CHUNK},
            **{"WIDTH": layer.width, "SCALARS_AT": self._branch_width if layer.official else 0},
            **{"OFFICIAL": layer.official, "VECTORS": layer.vectors, "BRANCHED": branched},
            **{"EDGES": EDGES, "BLOCK": block},
        }
        self.kept = weights.n_kept + (H if branched else 0)

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds messages to the sums (N, C)."""
        assert sums is not None
        with torch.cuda.device_of(sums):  # kernels start on the current device; autograd sets it for the backward
            kept = self._messages(visit, sums)
            if self._weights.branch is not None:
                *_, read, scalars = kept
                of_chunks = self._branch.forward(read, scalars, self._factor(visit), *self._weights.others)
                self._add_chunks(visit, of_chunks, sums)
        if visit.keeps:
            visit.kept[self._layer.number, visit.index] = kept

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds to the gradients of the senders' features, of weights and frames."""
        w = self._weights
        hidden, mixed, *of_branch = (
            visit.kept.pop((self._layer.number, visit.index))
            if visit.keeps
            else self._messages(visit, torch.zeros_like(visit.gradient))
        )
        by_gates = by_scalars = None
        if w.branch is not None:
            by_gates, by_scalars = self._through_branch(visit, *of_branch)
        by_mixed, by_radial = self._gradients(visit, mixed, by_gates, by_scalars, to)
        by_hidden = torch.ops.aten.silu_backward(torch.mm(by_mixed, w.second[0]), hidden)
        self._layer.add_to_weights_gradient(visit, by_hidden, by_radial)

    def _messages(self, visit: EdgeBlock, sums: Tensor) -> tuple[Tensor, ...]:
        """Adds messages to the sums; hidden units and the network's output, and what the branch is given, of edges."""
        w, x, block = self._weights, visit.weights.flatten(0, 1), visit.block
        hidden = torch.addmm(self._first_bias, x, w.first[0].t())
        mixed = torch.mm(F.silu(hidden), w.second[0].t())
        gates, scalars = self._room_for_branch(mixed)
        kernels.sum_messages[self._programs(visit)](
            *self._gate_parts(visit, mixed),
            block.sender,
            segments_of(visit).first_chunk,
            sums,
            gates,
            scalars,
            **self._kind,
        )
        if w.branch is None:
            return hidden, mixed
        read = torch.addmm(w.branch[1], gates, w.branch[0].t())
        return hidden, mixed, *(one.unflatten(0, visit.weights.shape[:2]) for one in (read, scalars))

    def _room_for_branch(self, mixed: Tensor) -> tuple[Tensor, Tensor]:
        """(edges, G) gates and (edges, H) scalar messages that the branch starts from; empty without one."""
        n = mixed.shape[0] if self._weights.branch is not None else 0
        return mixed.new_empty(n, self._gates), mixed.new_empty(n, self._channels)

    def _gate_parts(self, visit: EdgeBlock, mixed: Tensor) -> tuple[Tensor, ...]:
        """The first arguments of every kernel."""
        w = self._weights
        radial = torch.mm(visit.weights.flatten(0, 1)[:, -w.n_radial :], w.radial[0].t())
        features = visit.senders.contiguous()
        return mixed, self._second_bias, radial, self._radial_bias, features, visit.frame, visit.block.filled

    def _programs(self, visit: EdgeBlock) -> tuple[int, int]:
        return visit.senders.shape[0], self._channel_blocks

    def _factor(self, visit: EdgeBlock) -> Tensor:
        return visit.block.filled if self._official else visit.frame[..., 3:]

    def _add_chunks(self, visit: EdgeBlock, of_chunks: Tensor, sums: Tensor) -> None:
        columns = of_chunks.shape[1]
        block = min(triton.next_power_of_2(columns), CHANNELS)
        kernels.sum_chunks[visit.senders.shape[0], triton.cdiv(columns, block)](
            of_chunks.contiguous(),
            segments_of(visit).first_chunk,
            sums,
            C=columns,
            WIDTH=self.width,
            FIRST=self._branch_at,
            ROWS=EDGES,
            BLOCK=block,
        )

    def _through_branch(self, visit: EdgeBlock, read: Tensor, scalars: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients by gates and scalar messages, of edges; adds that by the envelope, if messages fade with it."""
        w, columns = self._weights, visit.gradient[:, self._branch_at :][:, : self._branch_width]
        assert w.branch is not None
        by_sums = columns.index_select(0, visit.block.receiver)
        by_read, by_scalars, by_factor = self._branch.backward(
            (read, scalars, self._factor(visit)), (by_sums,), w.others
        )
        if not self._official:
            visit.frame_gradient[..., 3:].add_(by_factor)
        return torch.mm(by_read.flatten(0, 1), w.branch[0]), by_scalars.contiguous()

    def _gradients(
        self, visit: EdgeBlock, mixed: Tensor, by_gates: Tensor | None, by_scalars: Tensor | None, to: GatheredGradients
    ) -> tuple[Tensor, Tensor]:
        """Gradients (edges, G) by both factors of the gates; adds those by senders' features and frames."""
        block, segments = visit.block, segments_of(visit)
        parts, gradient = self._gate_parts(visit, mixed), visit.gradient
        kernels.gradients_by_senders[self._programs(visit)](
            *parts,
            block.receiver,
            segments.order,
            segments.first_place,
            gradient,
            by_scalars,
            to.to_senders,
            **self._kind,
        )
        by_mixed, by_radial, by_frame = (torch.empty_like(one) for one in (mixed, mixed, visit.frame))
        n_edges = mixed.shape[0]
        kernels.gradients_by_edges[(triton.cdiv(n_edges, EDGES),)](
            *parts,
            block.sender,
            block.receiver,
            gradient,
            by_scalars,
            by_gates,
            by_mixed,
            by_radial,
            by_frame,
            n_edges,
            **self._kind,
        )
        visit.frame_gradient.add_(by_frame)
        return by_mixed, by_radial


@dataclass(frozen=True)
class Segments:
    """Which edges of a block each atom receives and sends, so that one program sums over them without atomic additions.

    Of one block of n chunks of P edges and N atoms; all int32."""

    first_chunk: Tensor  # (N + 1,) atom i receives along the chunks from first_chunk[i] on, before first_chunk[i + 1]
    order: Tensor  # (n P,) edges by sender, ascending, the filling last
    first_place: Tensor  # (N + 1,) atom j sends along order[first_place[j] : first_place[j + 1]]


def segments_of(visit: EdgeBlock) -> Segments:
    """Those of the block, found once an evaluation."""
    key = (KEY, visit.index)
    if key not in visit.kept:
        visit.kept[key] = _sorted(visit)
    return Segments(*visit.kept[key])


def _sorted(visit: EdgeBlock) -> tuple[Tensor, ...]:
    block, n_atoms = visit.block, visit.senders.shape[0]
    atoms = torch.arange(n_atoms + 1, device=block.receiver.device)
    # The filling has a sender, too: it would be a long sum of zeros for one atom.
    sender = torch.where(block.filled.flatten() > 0, block.sender.flatten(), n_atoms)
    ascending, order = torch.sort(sender, stable=True)
    first_chunk, first_place = (torch.searchsorted(one, atoms, out_int32=True) for one in (block.receiver, ascending))
    return first_chunk, order.int(), first_place
