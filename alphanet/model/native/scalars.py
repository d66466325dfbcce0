"""The scalars of both ends of an edge by the kernels of `scalars.cpp`, in both readings."""

import ctypes

from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.native.arguments import address, run_backward, run_forward
from alphanet.model.native.library import Kernels

KEY = -1  # among the numbers of layers, for what is kept


class _Scalars(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("first", "bias", "last", "mixing")),
        *((name, ctypes.c_int64) for name in ("units", "official")),
        *((name, ctypes.c_float) for name in ("shift", "softness")),
    )


class NativeScalarsStage:
    """Scalars (n, P, 2 H) of the surroundings of both ends, times the envelope; of either reading.

    Args:
        constants: of official-v1's network, (U, 3), (U,), (U,) and (1,), or the paper's mixing (3, H).
        softness: of the paper's absolute value.
        hidden_channels: H.
        kernels: for H.
    """

    width = 0
    writes = True

    def __init__(self, constants: tuple[Tensor, ...], softness: float, hidden_channels: int, kernels: Kernels) -> None:
        official = len(constants) > 1
        self._kernels = kernels
        # Derivatives: where these are simple factors, nothing is gained by keeping them.
        self.kept = 6 * hidden_channels if official else 0
        first = constants[0].t() if official else constants[0]
        self._alive = tuple(one.detach().contiguous() for one in (first, *constants[1:]))
        places = [address(one) for one in self._alive]
        if official:
            self.struct = _Scalars(*places[:3], None, len(constants[1]), 1, float(constants[3]), 0.0)
        else:
            self.struct = _Scalars(None, None, None, places[0], 0, 0, 0.0, softness)

    def forward(self, visit: EdgeBlock, _sums: Tensor | None) -> None:
        """Writes the first 2 H columns of the weights."""
        slopes = None
        if visit.keeps and self.kept:
            slopes = visit.arena.empty(*visit.weights.shape[:2], self.kept)
            visit.kept[KEY, visit.index] = (slopes,)
        run_forward(self._kernels.scalars_forward, self.struct, visit, slopes)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds gradients by frames and by what both ends gave."""
        kept = visit.kept.pop((KEY, visit.index), None)
        run_backward(self._kernels.scalars_backward, self.struct, visit, to, kept[0] if kept else None)
