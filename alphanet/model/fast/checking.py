"""Comparison of a fast path with its reference, in float64, on a small structure made for it."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from ase import Atoms

from alphanet.graph import AtomGraph
from alphanet.model.base import InteratomicModel
from alphanet.model.prediction import Prediction, predict

RELATIVE = {torch.float32: 1e-5, torch.float64: 1e-10}
ROUNDING = 5.0  # times what the reference itself loses in the same precision
SPACING, DISORDER = 2.2, 0.25  # Å


def small_structure(elements: tuple[str, ...], seed: int = 0) -> Atoms:
    """Twelve atoms of up to four elements on a disordered lattice in a cell smaller than most cutoffs."""
    random = np.random.default_rng(seed)
    sites = np.indices((3, 2, 2)).reshape(3, -1).T * SPACING
    chosen = [elements[k * (len(elements) - 1) // 3] if len(elements) > 1 else elements[0] for k in range(4)]
    cell = np.array([[3, 0.2, 0], [0, 2, 0.1], [0, 0, 2]]) * SPACING
    return Atoms(chosen * 3, sites + random.uniform(-DISORDER, DISORDER, sites.shape), cell=cell, pbc=True)


def largest_error(fast: Callable[[AtomGraph], Prediction], model: InteratomicModel) -> float:
    """The largest error of energy, forces and stress, divided by the error allowed.

    Allowed is `RELATIVE` of the largest value, and `ROUNDING` times the error that the reference makes in the same
    precision: both against the reference in float64 on the same graph, without dropout.
    """
    model = deepcopy(model).eval()
    graph = model.graph(small_structure(model.config.elements)).to(device=next(model.parameters()).device)
    exact = predict(deepcopy(model).double(), graph.to(dtype=torch.float64))
    reference = predict(model, graph)
    found = fast(graph)
    worst = 0.0
    for key in ("energy", "forces", "stress"):
        truth, rounded, value = (getattr(one, key).double() for one in (exact, reference, found))
        allowed = RELATIVE[model.dtype] * truth.abs().max() + ROUNDING * (rounded - truth).abs().max()
        error = float((value - truth).abs().max() / allowed.clamp(min=1e-300))
        worst = error if error > worst or np.isnan(error) else worst
    return worst
