"""The linear part of a trained network's readout, solved in closed form.

Energies and forces are linear in the weights of the last map and in the elements' shifts. Gradient steps are slow to
find what tells one composition or framework from another in them, since forces say little about it and outweigh the
energies in the loss. Least squares finds it at once. `docs/energy_offsets.md` has the measurements.
"""

import copy
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alphanet.data.subsets import evenly_spaced
from alphanet.graph import sum_over_atoms
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import load_model, read_metadata, save_model
from alphanet.potentials.kit.loop.costs import CostMeter, Times
from alphanet.potentials.kit.loop.data import Batch, GraphDataset
from alphanet.potentials.kit.loop.loss import errors
from alphanet.potentials.kit.loop.module import Predict, metrics
from alphanet.potentials.kit.loop.sampling import evaluation_batches
from alphanet.potentials.kit.loop.table import errors_text
from alphanet.potentials.kit.loop.trainer import Outcome
from alphanet.training.config import AlphaNetSettings

ENERGIES = 512  # training frames at most whose energies are fitted; evenly spaced
FORCES = 32  # of these, frames whose forces are fitted: each takes a backward pass for every weight
FORCE_WEIGHTS = (1e-2, 1e-1, 1.0)  # of a squared force (eV/Å)² beside a squared energy (eV/atom)²; validation chooses
RIDGE = 1e-8  # pull to the trained weights, as a part of each weight's own curvature: for weights that data leave open
KEY = "readout"  # of the provenance

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeastSquares:
    """Normal equations of one kind of label for a change of p weights: matrix (p, p) and right side (p,), float64."""

    matrix: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class SolvedReadout:
    """The validation errors of the better model, and what solving cost."""

    validation: dict[str, float]
    costs: Times


def solve_readout(
    file: Path,
    provenance_key: str,
    data: tuple[GraphDataset, GraphDataset],
    settings: AlphaNetSettings,
    predict: Predict,
) -> SolvedReadout:
    """Solve the readout of the model in `file`; keep a solution there if validation agrees.

    A solution is kept if the validation loss is lower and the force error is not higher. With none, the weights stay.
    The same call after an interruption returns what the file says.

    Args:
        file: a trained model.
        provenance_key: of its metadata, the JSON with the validation errors.
        data: training and validation frames.
        settings: of the training.
        predict: gives a network's prediction for a graph.

    Raises:
        UserError: the file cannot be read or written, or a frame is unsound.
    """
    metadata = read_metadata(file)
    provenance: dict[str, Any] = json.loads(metadata[provenance_key])
    if KEY in provenance:
        return SolvedReadout(provenance["validation"], provenance[KEY]["costs"])
    meter = CostMeter()
    model = load_model(file, dtype=settings.precision, device=settings.device)
    meter.start(str(model.device))
    best, weight, validation = model, None, provenance["validation"]
    energies, forces = normal_equations(model, data[0])
    for force_weight in FORCE_WEIGHTS:
        candidate = changed(model, solution(energies, forces, force_weight))
        errors_now = validate(candidate, data[1], settings, predict)
        if errors_now["loss"] < validation["loss"] and _forces(errors_now) <= _forces(provenance["validation"]):
            best, weight, validation = candidate, force_weight, errors_now
    logger.info(
        "readout in closed form: %s before, %s",
        errors_text(provenance["validation"]),
        "no solution is better" if weight is None else f"{errors_text(validation)} after",
    )
    costs = meter.now()
    provenance |= {"validation": validation, KEY: {"force_weight": weight, "costs": costs}}
    save_model(best, file, extra={provenance_key: json.dumps(provenance)})
    return SolvedReadout(validation, costs)


def with_readout(outcome: Outcome, solved: SolvedReadout) -> Outcome:
    """The outcome of a training whose readout was solved: errors of the better model, and the costs of both."""
    gpu = None if outcome.gpu_seconds is None else outcome.gpu_seconds + solved.costs["gpu_seconds"]
    return replace(
        outcome,
        seconds=outcome.seconds + solved.costs["seconds"],
        cpu_seconds=outcome.cpu_seconds + solved.costs["cpu_seconds"],
        gpu_seconds=gpu,
        validation=solved.validation,
    )


def normal_equations(model: InteratomicModel, frames: GraphDataset) -> tuple[LeastSquares, LeastSquares]:
    """Least squares of the model's errors: energies per atom (eV/atom), and force components (eV/Å).

    Each is a mean over its labels. Frames without a label leave its equations alone.
    """
    chosen = evenly_spaced(len(frames), ENERGIES)
    with_forces = {int(chosen[place]) for place in evenly_spaced(len(chosen), FORCES)}
    size = sum(weight.numel() for weight in model.linear_weights())
    energies, forces = _Sums(size), _Sums(size)
    for index in map(int, chosen):
        batch = frames[index].to(model.device)
        counts = index in with_forces and bool(batch.has_forces)
        if counts or bool(batch.has_energy):
            _add_frame(model, batch, energies, forces if counts else None)
    return energies.mean(), forces.mean()


def solution(energies: LeastSquares, forces: LeastSquares, force_weight: float) -> np.ndarray:
    """(p,) change of the weights with the smallest sum of squares."""
    matrix = energies.matrix + force_weight * forces.matrix
    right = energies.right + force_weight * forces.right
    scale = np.sqrt(np.diag(matrix))
    scale[scale == 0] = 1.0  # an element that no frame has
    scaled = matrix / np.outer(scale, scale) + RIDGE * np.eye(len(scale))
    return np.asarray(np.linalg.solve(scaled, right / scale) / scale)


def changed(model: InteratomicModel, change: np.ndarray) -> InteratomicModel:
    """A copy of `model` whose linear weights are moved by `change` (p,)."""
    moved = copy.deepcopy(model)
    weights = moved.linear_weights()
    parts = torch.from_numpy(change).split([weight.numel() for weight in weights])
    with torch.no_grad():
        for weight, part in zip(weights, parts, strict=True):
            weight.add_(part.view_as(weight).to(weight))
    return moved


def validate(
    model: InteratomicModel, frames: GraphDataset, settings: AlphaNetSettings, predict: Predict
) -> dict[str, float]:
    """Loss and errors over all of `frames`, as the training's own validation has them."""
    sums = [
        torch.stack(
            errors(predict(model, batch.graph, _wants_stress(batch, settings), False), batch, settings.loss)
        ).detach()
        for batch in _batches(frames, settings.batch_size, model.device)
    ]
    return metrics(torch.stack(sums).sum(dim=0), settings, settings.loss.energy_weight)


class _Sums:
    """Sums of products of rows (n, p) and errors (n,)."""

    def __init__(self, size: int) -> None:
        self._matrix, self._right, self._rows = np.zeros((size, size)), np.zeros(size), 0

    def add(self, rows: Tensor, error: Tensor) -> None:
        design, missing = rows.double().cpu().numpy(), error.double().cpu().numpy()
        self._matrix += design.T @ design
        self._right += design.T @ missing
        self._rows += len(design)

    def mean(self) -> LeastSquares:
        return LeastSquares(self._matrix / max(1, self._rows), self._right / max(1, self._rows))


def _add_frame(model: InteratomicModel, batch: Batch, energies: _Sums, forces: _Sums | None) -> None:
    """Add the equations of one frame; those of its forces only if asked for."""
    positions = batch.graph.positions.detach().requires_grad_(forces is not None)
    graph = replace(batch.graph, positions=positions)
    energy = sum_over_atoms(model(graph), graph).sum()
    slopes = torch.autograd.grad(energy, model.linear_weights(), create_graph=forces is not None, retain_graph=True)
    row = torch.cat([slope.flatten() for slope in slopes])  # (p,) eV: the energy is its product with the weights
    if bool(batch.has_energy):
        n_atoms = graph.n_atoms
        energies.add(row.detach()[None] / n_atoms, (batch.energy - energy.detach()) / n_atoms)
    if forces is not None:
        columns = [-_gradient(part, positions) for part in (*row, energy)]
        predicted = columns.pop()
        forces.add(torch.stack(columns, dim=1), batch.forces.flatten() - predicted)


def _gradient(value: Tensor, positions: Tensor) -> Tensor:
    """(3 N,) derivatives of a number."""
    (gradient,) = torch.autograd.grad(value, positions, retain_graph=True, materialize_grads=True)
    return gradient.flatten()


def _forces(validation: dict[str, float]) -> float:
    """Force MAE, eV/Å; zero if no frame has forces."""
    return validation.get("force_mae", 0.0)


def _batches(frames: GraphDataset, size: int, device: torch.device) -> Iterator[Batch]:
    for indices in evaluation_batches(len(frames), size):
        yield frames.collate([frames[index] for index in indices]).to(device)


def _wants_stress(batch: Batch, settings: AlphaNetSettings) -> bool:
    return settings.loss.stress_weight > 0 and bool(batch.has_stress.any())
