"""Which stages evaluate a model: by kernels in C++ or Triton, if there are any, else by functions, compiled or not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from alphanet.model.basis import envelope
from alphanet.model.fast.compiler import Compiler
from alphanet.model.fast.layer_stage import LayerFunctions, LayerStage, LayerWeights, Messages
from alphanet.model.fast.local_stages import EmbeddingStage, SurroundingsStage
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.fast.stages import Stage
from alphanet.model.gpu.branch import Branch, BranchFunctions
from alphanet.model.native.embedding import NativeEmbeddingStage, NativeRadial, NativeSurroundingsStage
from alphanet.model.native.layer import NativeLayerStage
from alphanet.model.native.library import Kernels

if TYPE_CHECKING:
    from alphanet.model.gpu.layer import TritonLayerStage


@dataclass(frozen=True)
class Backend:
    """Kernels and compilers that a model is evaluated with; without either, plain functions of torch."""

    kernels: Kernels | None
    compiler: Compiler | None
    triton: bool = False
    """Whether layers are done by the kernels in Triton"""


def embedding_and_surroundings(
    columns: RadialColumns, frequencies: Tensor, kind: str, cutoff: float, backend: Backend, epsilon: float = 0.0
) -> tuple[Stage, Stage]:
    """The first two stages.

    Args:
        columns: see `RadialColumns`.
        frequencies: (R,) of the Bessel functions.
        kind: of the envelope.
        cutoff: Å.
        backend: evaluates them.
        epsilon: Å, added to the distance by which vectors are divided.
    """
    if backend.kernels is not None:
        radial = NativeRadial(columns, frequencies, kind, cutoff, epsilon, backend.kernels)
        return NativeEmbeddingStage(radial), NativeSurroundingsStage(radial)

    def smooth(distance: Tensor) -> Tensor:
        return envelope(distance, cutoff, kind)

    embedding = EmbeddingStage(columns, frequencies, smooth, cutoff, backend.compiler, epsilon)
    return embedding, SurroundingsStage(columns, backend.compiler)


class LayerStages:
    """Makes the layers' stages; those of one kind share what is compiled.

    Args:
        messages_of: (branched, vectors) to the message function of a kind, see `LayerFunctions`.
        branch: that part of it which is the branch, see `BranchFunctions`.
        hidden_channels: H.
        official: whether of official-v1; else of the paper's reading.
        backend: evaluates them.
    """

    def __init__(
        self,
        messages_of: Callable[[bool, bool], Messages],
        branch: Branch,
        hidden_channels: int,
        official: bool,
        backend: Backend,
    ) -> None:
        self._messages_of, self._channels, self._official, self._backend = (
            messages_of,
            hidden_channels,
            official,
            backend,
        )
        self._branch = BranchFunctions(branch, backend.compiler)
        self._kinds: dict[tuple[bool, bool], LayerFunctions] = {}

    def stage(
        self, number: int, last: bool, width: int, weights: LayerWeights, vectors: bool
    ) -> "LayerStage | NativeLayerStage | TritonLayerStage":
        """That of layer `number`, whose sums have `width` columns; `vectors`: whether neighbors send any."""
        kernels, compiler = self._backend.kernels, self._backend.compiler
        if kernels is not None:
            return NativeLayerStage(number, last, width, weights, kernels, official=self._official, vectors=vectors)
        if self._backend.triton:
            from alphanet.model.gpu.layer import TritonLayerStage  # triton is not everywhere

            branch = self._branch
            return TritonLayerStage(number, last, width, weights, branch, official=self._official, vectors=vectors)
        kind = (weights.branch is not None, vectors)
        if kind not in self._kinds:
            self._kinds[kind] = LayerFunctions(self._messages_of(*kind), self._channels, kind[0], compiler)
        return LayerStage(number, last, width, weights, self._kinds[kind])
