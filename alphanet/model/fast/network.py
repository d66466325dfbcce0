"""A reading's network on blocks of edges: the stages over edges and the steps of atoms between them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from alphanet.graph import AtomGraph
from alphanet.model.fast.atoms import AtomFunction
from alphanet.model.fast.choice import Backend, LayerStages
from alphanet.model.fast.edge_arrays import EdgeArrays
from alphanet.model.fast.layer_stage import Branch, Layer, LayerWeights
from alphanet.model.fast.radial import RadialColumns
from alphanet.model.fast.stages import Stage, run_stage
from alphanet.model.fast.updates import Features, SourceFeatures, Update


class BlockNetwork(ABC):
    """The part of a reading's network that does not depend on the reading; constant weights.

    Args:
        columns: see `RadialColumns`.
        stages: those of the embedding, of the surroundings and of the scalars.
        source: what is between the first two.
        features: of the first layer.
        layers: folded weights of each, and its update.
        branch: of the layers.
        tables: embeddings of atoms and of neighbors, (elements, H).
        scale: (elements,) of the output.
        shift: (elements,) of the output.
        backend: evaluates it.
    """

    official: bool
    """Whether of official-v1; else of the paper's reading"""

    def __init__(
        self,
        *,
        columns: RadialColumns,
        stages: Sequence[Stage],
        source: SourceFeatures,
        features: Features,
        layers: Sequence[tuple[LayerWeights, Update]],
        branch: Branch,
        tables: Sequence[nn.Module],
        scale: Tensor,
        shift: Tensor,
        backend: Backend,
    ) -> None:
        self._tables, self._scale, self._shift = tables, scale, shift
        self._embedding, self._surroundings, self._scalars = stages
        self._source = AtomFunction(source, 2, backend.compiler)
        self._features = AtomFunction(features, 1, backend.compiler)
        H = len(columns.features)
        of_layers, self._layers = LayerStages(branch, columns, backend), list[tuple[Stage, AtomFunction]]()
        for number, (weights, update) in enumerate(layers):
            width = 4 * H + update.n_branch
            layer = Layer(number, update.next is None, width, weights, self.official, vectors=not update.first)
            function = AtomFunction(update, update.n_inputs, backend.compiler)
            self._layers.append((of_layers.stage(layer), function))
        self.branches = tuple(update.n_branch for _, update in layers)
        """Columns of each layer's sums that are of the branch"""
        self.kept: int = sum(stage.kept for stage in self.stages)
        self.n_columns = columns.n_columns if backend.kernels is None else 0
        """Radial ones of the weights of edges; the kernels have tables in their place"""
        self.radial_error = max(columns.error, *(getattr(stage, "error", 0.0) for stage in self.stages))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """All walks over edges, in order."""
        return self._embedding, self._surroundings, self._scalars, *(stage for stage, _ in self._layers)

    def __call__(self, graph: AtomGraph, edges: EdgeArrays, token: Tensor) -> Tensor:
        """(N,) output of the network, in units of the energy scale."""
        rows = self._rows(graph.numbers)
        z, neighbor = (F.layer_norm(vectors, vectors.shape[1:]) for vectors in (table(rows) for table in self._tables))
        sums, token = run_stage(self._embedding, edges, token, neighbor)
        s, source, *center = self._source(sums, z)
        surroundings, token = run_stage(self._surroundings, edges, token, source)
        _, token = run_stage(self._scalars, edges, token, *self._ends(surroundings, center, graph, edges))

        features, known = self._features(s), (s, *self._memory(z))
        for stage, update in self._layers[:-1]:
            sums, token = run_stage(stage, edges, token, features)
            features, *known = update(sums, *known)
        stage, update = self._layers[-1]
        sums, token = run_stage(stage, edges, token, features)
        return self._scale[rows] * update(sums, *known) + self._shift[rows]

    @abstractmethod
    def _rows(self, numbers: Tensor) -> Tensor:
        """(N,) rows of the tables for atomic numbers (N,)."""

    @abstractmethod
    def _ends(self, surroundings: Tensor, center: list[Tensor], graph: AtomGraph, edges: EdgeArrays) -> list[Tensor]:
        """(N, …) what atoms give to the scalars as senders and as receivers."""

    @abstractmethod
    def _memory(self, z: Tensor) -> tuple[Tensor, ...]:
        """(N, C) parts of the memory before the first layer, from the embedding (N, H); empty if there is none."""
