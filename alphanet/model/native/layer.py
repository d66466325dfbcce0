"""A message layer's stage by the kernels of `layer.cpp`, in place of compiled functions."""

import ctypes

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.layer_stage import Layer
from alphanet.model.native.arguments import run_backward, run_forward
from alphanet.model.native.library import Kernels
from alphanet.model.native.packing import Matrix, Packer

_MATRICES = (
    *("first", "second", "radial", "branch", "gate", "inner"),
    *("to_weights", "to_hidden", "to_radial", "to_gates", "to_branch", "to_scalar"),
)


class _Layer(ctypes.Structure):
    _fields_ = (
        *((name, Matrix) for name in _MATRICES),
        *((name, ctypes.c_void_p) for name in ("u", "v", "shift")),
        *((name, ctypes.c_int64) for name in ("parts", "K", "C", "official", "vectors", "branched")),
    )


class NativeLayerStage:
    """One message layer by the kernels for its channels."""

    writes = False

    def __init__(self, layer: Layer, kernels: Kernels) -> None:
        self._number, self._last, self.width = layer.number, layer.last, layer.width
        self._kernels = kernels
        self._packer = Packer(kernels.lanes(), kernels.panel())
        self.struct = _layer(layer, self._packer)
        weights = layer.weights
        self.kept = weights.first[0].shape[0] + weights.second[0].shape[0] + self.struct.branch.columns

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


def _layer(of: Layer, packer: Packer) -> _Layer:
    weights, official = of.weights, of.official
    (w1, b1), (w2, b2), (wq, bq) = weights.first, weights.second, weights.radial
    hidden_channels = len(w1) // 3
    layer = _Layer(
        first=packer.matrix(w1, -b1),
        second=packer.matrix(w2, -b2),
        radial=packer.matrix(wq, -bq),
        to_weights=packer.matrix(w1.t()),
        to_hidden=packer.matrix(w2.t()),
        to_radial=packer.matrix(wq.t()),
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
