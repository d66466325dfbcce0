"""A message layer's stage by the kernels of `layer.cpp`, in place of compiled functions."""

import ctypes

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.layer_stage import Layer, LayerWeights
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.native.arguments import run_backward, run_forward
from alphanet.model.native.library import Kernels
from alphanet.model.native.packing import Matrix, Packer
from alphanet.model.native.table import Table, table

_MATRICES = (
    *("first", "second", "branch", "gate", "inner"),
    *("to_weights", "to_hidden", "to_gates", "to_branch", "to_scalar"),
)


class _Layer(ctypes.Structure):
    _fields_ = (
        ("radial", Table),
        *((name, Matrix) for name in _MATRICES),
        *((name, ctypes.c_void_p) for name in ("u", "v", "shift")),
        *((name, ctypes.c_int64) for name in ("parts", "K", "C", "official", "vectors", "branched")),
    )


class NativeLayerStage:
    """One message layer by the kernels for its channels; radial columns: see `RadialColumns`."""

    writes = False

    def __init__(self, layer: Layer, columns: RadialColumns, kernels: Kernels) -> None:
        self._number, self._last, self.width = layer.number, layer.last, layer.width
        self._kernels = kernels
        self._packer = Packer(kernels.lanes(), kernels.panel())
        radial, self.error = table(
            lambda distance: _radial(layer.weights, columns.functions(distance)),
            *(columns.cutoff, kernels.terms(), self._packer),
        )
        self.struct = _layer(layer, radial, self._packer)
        branch = (self.struct.branch, self.struct.gate, self.struct.inner)  # no columns where there is none
        self.kept = len(layer.weights.first[0]) + len(layer.weights.second[0]) + sum(one.columns for one in branch)

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds messages to the sums (N, C)."""
        assert sums is not None
        kept = None
        if visit.keeps:
            kept = visit.arena.empty(*visit.weights.shape[:2], self.kept)
            visit.kept[self._number, visit.index] = (kept,)
        run_forward(self._kernels.layer_forward, self.struct, visit, sums, kept)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds to the gradients of the senders' features, of weights and frames."""
        kept = visit.kept.pop((self._number, visit.index))[0] if visit.keeps else None
        run_backward(
            *(self._kernels.layer_backward, self.struct, visit, to, visit.gradient, kept),
            overwrites=self._last and visit.overwrites,
        )


def _radial(weights: LayerWeights, columns: Tensor) -> Tensor:
    """What radial columns (n, K) give to the hidden units, and the factors of the gates, (n, 3 H + G)."""
    (w1, b1), (wq, bq) = ([one.double() for one in pair] for pair in (weights.first, weights.radial))
    K = columns.shape[1]
    return torch.cat([columns @ w1[:, -K:].t() - b1, columns[:, K - wq.shape[1] :] @ wq.t() - bq], dim=1)


def _layer(of: Layer, radial: Table, packer: Packer) -> _Layer:
    weights, official = of.weights, of.official
    (w1, _), (w2, b2) = weights.first, weights.second
    hidden_channels = len(w1) // 3
    w1 = w1[:, : 2 * hidden_channels]
    layer = _Layer(
        radial=radial,
        first=packer.matrix(w1),
        second=packer.matrix(w2, -b2),
        to_weights=packer.matrix(w1.t()),
        to_hidden=packer.matrix(w2.t()),
        parts=len(w2) // hidden_channels,
        official=official,
        vectors=of.vectors,
        branched=weights.branch is not None,
    )
    if weights.branch is None:
        return layer
    (wb, bb), (wg, bg, inner) = weights.branch, weights.others[:3]
    # Real and imaginary parts are filled up each; in the paper's, the inner map's bias fades with the envelope.
    real, imaginary = (packer.filled(part) for part in inner.chunk(2))
    shift = torch.cat([packer.filled(part) for part in weights.others[3].chunk(2)])
    both = torch.cat([real, imaginary])
    layer.branch, layer.gate = packer.matrix(wb, bb), packer.matrix(wg, bg, rows=len(packer.filled(bb)))
    layer.inner = packer.matrix(both, shift if official else None)
    layer.to_gates, layer.to_scalar = packer.matrix(packer.filled(wb).t()), packer.matrix(both.t())
    layer.to_branch = packer.matrix(packer.filled(wg).t())
    layer.K = len(wg)
    if official:
        u, v, bias = weights.others[4:]
        layer.u, layer.v, layer.shift, layer.C = *(packer.padded(one) for one in (u, v, bias)), len(u)
    else:
        layer.shift = packer.padded(shift)
    return layer
