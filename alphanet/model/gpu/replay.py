"""Evaluations captured as a CUDA graph: one start of the whole instead of one of each of some hundred kernels."""

from collections.abc import Callable
from dataclasses import fields, replace
from math import ceil
from typing import Any

import torch
from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.fast.arena import Arena
from alphanet.model.fast.layout import EdgeLayout, chunks_of_atoms, edge_layout
from alphanet.model.fast.model import FastModel
from alphanet.model.prediction import Prediction

MARGIN = 1.1  # chunks of edges there is room for, times those of the structure that was captured
WARM_UPS = 3  # calls before the capture, in which kernels are compiled and libraries take their memory

Evaluation = Callable[[], Prediction]


class Replay:
    """Predicts what `FastModel.predict` does, for structures that follow each other, as in dynamics.

    The first structure is evaluated with filling beside its edges and captured; later ones of the same number of atoms
    whose edges find room are copied to the same memory and evaluated by one start. Others are captured anew. Small
    systems gain, where kernels are shorter than the time to start one.

    Capturing has never been run on a GPU: only the filling, the copies and what is captured anew are tested, on a CPU,
    where every call evaluates.

    Args:
        fast: the model, on CUDA; where it is its reference (`eager`), this is what is called.
    """

    def __init__(self, fast: FastModel) -> None:
        self._fast = fast
        self._held: _Held | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """The model alone: a copy (pickle, deepcopy) captures its own evaluation."""
        return Replay, (self._fast,)

    def predict(self, graph: AtomGraph, *, forces: bool = True, stress: bool = True) -> Prediction:
        """Energy, and forces and stress if asked; see `FastModel.predict`."""
        if self._fast.mode == "eager":
            return self._fast.predict(graph, forces=forces, stress=stress)
        n_chunks = int(chunks_of_atoms(graph).sum())
        shape = (graph.n_atoms, graph.n_structures, forces, stress)
        if self._held is None or self._held.shape != shape or self._held.n_chunks < n_chunks:
            self._held = None  # its memory goes before that of the next is taken
            self._held = _Held(self._fast, graph, max(ceil(MARGIN * n_chunks), 2), forces, stress)
        return self._held.predicted(graph)


class _Held:
    """One evaluation, and the memory that it reads."""

    def __init__(self, fast: FastModel, graph: AtomGraph, n_chunks: int, forces: bool, stress: bool) -> None:
        self.shape, self.n_chunks = (graph.n_atoms, graph.n_structures, forces, stress), n_chunks
        self._fast = fast
        self._graph = AtomGraph(**{field.name: getattr(graph, field.name).clone() for field in fields(graph)})
        self._layout = edge_layout(graph, n_chunks)
        self._vector = fast.vectors(graph, self._layout)

        def evaluated() -> Prediction:
            arena = Arena(self._vector)  # a captured call must not share its memory with others
            return fast.evaluate(self._graph, self._layout, self._vector, arena, forces=forces, stress=stress)

        self._evaluated = _captured(evaluated, self._vector) if self._vector.device.type == "cuda" else evaluated

    def predicted(self, graph: AtomGraph) -> Prediction:
        layout = edge_layout(graph, self.n_chunks)
        new = _read(graph, layout, self._fast.vectors(graph, layout))
        for own, other in zip(_read(self._graph, self._layout, self._vector), new, strict=True):
            own.copy_(other)
        found = self._evaluated()
        # The next call writes to the same memory.
        given = {field.name: getattr(found, field.name) for field in fields(found)}
        return replace(found, **{name: one.clone() for name, one in given.items() if one is not None})


def _read(graph: AtomGraph, layout: EdgeLayout, vector: Tensor) -> tuple[Tensor, ...]:
    """All that an evaluation reads of a structure."""
    of_graph = (graph.positions, graph.numbers, graph.cell, graph.pbc, graph.batch)
    return *of_graph, layout.sender, layout.receiver, layout.filled, vector


def _captured(function: Evaluation, on: Tensor) -> Evaluation:
    with torch.cuda.device_of(on):
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UPS):
                function()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = function()

    def replayed() -> Prediction:
        graph.replay()
        return found

    return replayed
