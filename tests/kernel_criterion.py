"""The criterion for kernels: as near to the reference in double precision as rounding allows."""

from collections.abc import Sequence

import torch

from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.model import FastModel
from alphanet.model.prediction import Prediction, predict

RELATIVE = 1e-5


def assert_as_exact(
    fast: FastModel,
    exact: InteratomicModel,
    model: InteratomicModel,
    graph: AtomGraph,
    rounding: float = 5,
) -> None:
    """Within `RELATIVE` of the largest value, and `rounding` times what the reference loses in the same precision."""
    assert_are_exact([fast.predict(graph)], exact, model, graph, rounding)


def assert_are_exact(
    answers: Sequence[Prediction],
    exact: InteratomicModel,
    model: InteratomicModel,
    graph: AtomGraph,
    rounding: float = 5,
) -> None:
    """The same of several answers for one graph."""
    truth, rounded = predict(exact, graph.to(dtype=torch.float64)), predict(model, graph)
    for key in ("energy", "atomic_energies", "forces", "stress"):
        right = getattr(truth, key)
        if not right.numel():
            assert all(getattr(found, key).shape == right.shape for found in answers)
            continue
        lost = float((getattr(rounded, key) - right).abs().max())
        allowed = RELATIVE * max(float(right.abs().max()), 1e-2) + rounding * lost
        for found in answers:
            value = getattr(found, key)
            assert value.shape == right.shape and torch.isfinite(value).all()
            assert float((value - right).abs().max()) <= allowed, key
