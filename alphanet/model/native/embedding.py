"""The stages before the scalars by the kernels of `embedding.cpp`."""

import ctypes

from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.native.arguments import run_backward, run_forward
from alphanet.model.native.library import Kernels
from alphanet.model.native.packing import Packer
from alphanet.model.native.table import Table, table

ENVELOPES = ("cosine", "polynomial", "bump")  # by number


class _Radial(ctypes.Structure):
    _fields_ = (
        ("features", Table),
        ("envelope", ctypes.c_int64),
        *((name, ctypes.c_float) for name in ("cutoff", "epsilon")),
    )


class NativeRadial:
    """The radial features' constants, for both stages.

    Args:
        columns: see `RadialColumns`.
        envelope: its kind.
        epsilon: Å, added to the distance by which vectors are divided.
        kernels: for the model's channels.
    """

    def __init__(self, columns: RadialColumns, envelope: str, epsilon: float, kernels: Kernels) -> None:
        self.kernels, self.hidden_channels = kernels, columns.features.shape[0]
        self._packer = Packer(kernels.lanes(), kernels.panel())
        to_features = columns.features.double().t()
        features, self.error = table(
            lambda distance: columns.functions(distance) @ to_features, columns.cutoff, kernels.terms(), self._packer
        )
        self.struct = _Radial(features, ENVELOPES.index(envelope), columns.cutoff, epsilon)


class NativeEmbeddingStage:
    """Edges' unit vectors and envelopes; sums of radial features and of weighted vectors."""

    writes = True
    kept = 0

    def __init__(self, radial: NativeRadial) -> None:
        self.radial, self.width, self.error = radial, radial.hidden_channels + 4, radial.error

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds (N, H + 4): radial features times the neighbors' embeddings, envelope times vector, envelope."""
        run_forward(self.radial.kernels.embedding_forward, self.radial.struct, visit, sums)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds to the gradient by the vectors; the embeddings are constants."""
        by_sums = visit.gradient if visit.gradient.is_contiguous() else None  # expanded zeros
        run_backward(self.radial.kernels.embedding_backward, self.radial.struct, visit, to, by_sums)


class NativeSurroundingsStage:
    """S_i = sum over neighbors of unit vector times radial features times what the neighbor sends, (N, 3 H)."""

    writes = False
    kept = 0

    def __init__(self, radial: NativeRadial) -> None:
        self._radial, self.width = radial, 3 * radial.hidden_channels

    def forward(self, visit: EdgeBlock, sums: Tensor | None) -> None:
        """Adds (N, 3 H) from the neighbors' `senders` (N, H)."""
        run_forward(self._radial.kernels.surroundings_forward, self._radial.struct, visit, sums)

    def backward(self, visit: EdgeBlock, to: GatheredGradients) -> None:
        """Adds the gradients by vectors, frames and what the neighbors send."""
        run_backward(self._radial.kernels.surroundings_backward, self._radial.struct, visit, to, visit.gradient)
