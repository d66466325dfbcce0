"""The criterion for kernels: as near to the reference in double precision as rounding allows."""

import torch

from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.fast.model import FastModel
from alphanet.model.prediction import predict


def assert_as_exact(
    fast: FastModel,
    exact: InteratomicModel,
    model: InteratomicModel,
    graph: AtomGraph,
    relative: float = 1e-5,
    rounding: float = 5,
) -> None:
    """Within 1e-5 of the largest value, and `rounding` times what the reference itself loses in the same precision."""
    truth, rounded, found = predict(exact, graph.to(dtype=torch.float64)), predict(model, graph), fast.predict(graph)
    for key in ("energy", "atomic_energies", "forces", "stress"):
        right, value = getattr(truth, key), getattr(found, key)
        assert value.shape == right.shape and torch.isfinite(value).all()
        if not right.numel():
            continue
        lost = float((getattr(rounded, key) - right).abs().max())
        allowed = relative * max(float(right.abs().max()), 1e-2) + rounding * lost
        assert float((value - right).abs().max()) <= allowed, key
