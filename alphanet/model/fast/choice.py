"""Which stages evaluate a model: by kernels in C++ where there are any, else by functions, compiled or not."""

from dataclasses import dataclass

from torch import Tensor

from alphanet.model.basis import envelope
from alphanet.model.fast.compiler import Compiler
from alphanet.model.fast.layer_stage import Branch, Layer, LayerFunctions, LayerStage
from alphanet.model.fast.local_stages import EmbeddingStage, SurroundingsStage
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.fast.stages import Stage
from alphanet.model.native.embedding import NativeEmbeddingStage, NativeRadial, NativeSurroundingsStage
from alphanet.model.native.layer import NativeLayerStage
from alphanet.model.native.library import Kernels


@dataclass(frozen=True)
class Backend:
    """Kernels and compilers that a model is evaluated with; without either, plain functions of torch."""

    kernels: Kernels | None
    compiler: Compiler | None


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
        radial = NativeRadial(columns, kind, epsilon, backend.kernels)
        return NativeEmbeddingStage(radial), NativeSurroundingsStage(radial)

    def smooth(distance: Tensor) -> Tensor:
        return envelope(distance, cutoff, kind)

    embedding = EmbeddingStage(columns, frequencies, smooth, cutoff, backend.compiler, epsilon)
    return embedding, SurroundingsStage(columns, backend.compiler)


class LayerStages:
    """Makes the layers' stages; those of one kind share what is compiled.

    Args:
        branch: of the reading.
        columns: see `RadialColumns`.
        backend: evaluates them.
    """

    def __init__(self, branch: Branch, columns: RadialColumns, backend: Backend) -> None:
        self._branch, self._columns, self._backend = branch, columns, backend
        self._kinds: dict[tuple[bool, bool], LayerFunctions] = {}

    def stage(self, layer: Layer) -> LayerStage | NativeLayerStage:
        """That of a layer."""
        kernels, compiler = self._backend.kernels, self._backend.compiler
        if kernels is not None:
            return NativeLayerStage(layer, self._columns, kernels)
        kind = (layer.weights.branch is not None, layer.vectors)
        if kind not in self._kinds:
            self._kinds[kind] = LayerFunctions(layer, self._branch, len(self._columns.features), compiler)
        return LayerStage(layer, self._kinds[kind])
