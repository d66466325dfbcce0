"""Losses of energy, forces and stress, and the errors they are made of."""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.model.prediction import Prediction
from alphanet.training.config import LossConfig
from alphanet.training.data import Batch


class Errors(NamedTuple):
    """Sums over a batch, float64 scalars; a mean is a sum divided by its count, and sums of batches may be added."""

    structures: Tensor
    energy_loss: Tensor
    energy_error: Tensor  # absolute, eV/atom
    components: Tensor
    force_loss: Tensor
    force_error: Tensor  # absolute, eV/Å
    stress_components: Tensor
    stress_loss: Tensor
    stress_error: Tensor  # absolute, eV/Å^3


def errors(prediction: Prediction, batch: Batch, config: LossConfig) -> Errors:
    """Loss and absolute errors of a prediction, summed over the batch.

    Energies enter per structure (divided by its number of atoms where the configuration says so), forces and stresses
    per component; structures without a stress label leave the stress sums alone.
    """
    n_atoms = torch.bincount(batch.graph.batch, minlength=batch.graph.n_structures)
    difference = prediction.energy - batch.energy
    per_atom = difference / n_atoms
    energy = penalty(per_atom if config.energy_loss == "per_atom" else difference, config)
    if prediction.forces is None:
        raise ValueError("training needs a prediction with forces")
    force = prediction.forces - batch.forces
    if prediction.stress is None:
        stress = batch.stress.new_zeros(0)
    else:
        stress = (prediction.stress - batch.stress)[batch.has_stress]
    return Errors(
        structures=_count(difference),
        energy_loss=energy.sum(),
        energy_error=per_atom.detach().abs().sum(),
        components=_count(force),
        force_loss=_sum(penalty(force, config)),
        force_error=_sum(force.detach().abs()),
        stress_components=_count(stress),
        stress_loss=_sum(penalty(stress, config)),
        stress_error=_sum(stress.detach().abs()),
    )


def penalty(difference: Tensor, config: LossConfig) -> Tensor:
    """|d|, d² or Huber's function of each difference."""
    if config.kind == "mae":
        return difference.abs()
    if config.kind == "mse":
        return difference.square()
    return F.huber_loss(difference, torch.zeros_like(difference), reduction="none", delta=config.huber_delta)


def total_loss(sums: Errors, config: LossConfig, energy_weight: float) -> Tensor:
    """The loss of a batch, or of many whose errors were added: means with their weights, a float64 scalar."""
    loss = energy_weight * sums.energy_loss / sums.structures + config.force_weight * sums.force_loss / sums.components
    if config.stress_weight > 0:
        loss = loss + config.stress_weight * sums.stress_loss / sums.stress_components.clamp(min=1)
    return loss


def _sum(values: Tensor) -> Tensor:
    return values.sum(dtype=torch.float64)


def _count(values: Tensor) -> Tensor:
    return torch.tensor(values.numel(), dtype=torch.float64, device=values.device)
