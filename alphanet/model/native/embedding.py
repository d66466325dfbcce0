"""The stages before the scalars by the kernels of `embedding.cpp`."""

import ctypes

from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.native.arguments import run_backward, run_forward
from alphanet.model.native.library import Kernels
from alphanet.model.native.packing import Matrix, Packer

_MATRICES = ("first", "last", "taken", "features", "to_hidden", "to_basis", "taken_to_basis", "to_columns")
ENVELOPES = ("cosine", "polynomial", "bump")  # by number


class _Radial(ctypes.Structure):
    _fields_ = (
        *((name, Matrix) for name in _MATRICES),
        ("frequencies", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in ("R", "r", "reduced", "envelope")),
        *((name, ctypes.c_float) for name in ("cutoff", "epsilon")),
    )


class NativeRadial:
    """The radial network's constants, for both stages.

    Args:
        columns: see `RadialColumns`.
        frequencies: (R,) of the Bessel functions.
        envelope: its kind.
        cutoff: Å.
        epsilon: Å, added to the distance by which vectors are divided.
        kernels: for the model's channels.
    """

    def __init__(
        self,
        columns: RadialColumns,
        frequencies: Tensor,
        envelope: str,
        cutoff: float,
        epsilon: float,
        kernels: Kernels,
    ) -> None:
        self.kernels, self.hidden_channels = kernels, columns.features.shape[0]
        self._packer = packer = Packer(kernels.lanes(), kernels.panel())
        (w1, b1), (w2, b2) = columns.first, columns.last
        R = len(packer.filled(frequencies))
        self.struct = _Radial(
            first=packer.matrix(w1, b1, rows=R),
            last=packer.matrix(w2, b2),
            taken=packer.matrix(columns.taken, rows=R),
            features=packer.matrix(columns.features),
            to_hidden=packer.matrix(packer.filled(w2).t()),
            to_basis=packer.matrix(w1.t()),
            taken_to_basis=packer.matrix(packer.filled(columns.taken).t()),
            to_columns=packer.matrix(columns.features.t()),
            frequencies=packer.padded(frequencies),
            R=len(frequencies),
            r=len(w2),
            reduced=columns.reduced,
            envelope=ENVELOPES.index(envelope),
            cutoff=cutoff,
            epsilon=epsilon,
        )


class NativeEmbeddingStage:
    """Edges' unit vectors, envelopes and radial columns; sums of radial features and of weighted vectors."""

    writes = True
    kept = 0

    def __init__(self, radial: NativeRadial) -> None:
        self.radial, self.width = radial, radial.hidden_channels + 4

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
        """Adds the gradients by frames, radial columns and what the neighbors send."""
        run_backward(self._radial.kernels.surroundings_backward, self._radial.struct, visit, to, visit.gradient)
