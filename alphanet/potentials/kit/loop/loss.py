"""Losses of energy, forces and stress, the errors they are made of, and predictions that are not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from .data import Batch, Prediction

if TYPE_CHECKING:
    from alphanet.training.settings import LossSettings

TINY_FORCE = 1e-6  # eV/Å


class Errors(NamedTuple):
    """Sums over a batch, float64 scalars; a mean is a sum divided by its count, and sums of batches may be added."""

    structures: Tensor  # with an energy
    energy_loss: Tensor
    energy_error: Tensor  # absolute, eV/atom
    components: Tensor
    force_loss: Tensor
    force_error: Tensor  # absolute, eV/Å
    stress_components: Tensor
    stress_loss: Tensor
    stress_error: Tensor  # absolute, eV/Å^3


def errors(prediction: Prediction, batch: Batch, settings: LossSettings) -> Errors:
    """Loss and absolute errors of a prediction, summed over the batch.

    Energies enter per structure (divided by its number of atoms if the settings say so), forces and stresses
    per component; structures without a label leave the sums and counts of that label alone.
    """
    with_energy, with_forces = batch.has_energy, batch.has_forces[batch.graph.batch][:, None]
    n_atoms = torch.bincount(batch.graph.batch, minlength=len(batch.energy))
    difference = (prediction.energy - batch.energy) * with_energy
    per_atom = difference / n_atoms
    energy = penalty(per_atom if settings.energy_loss == "per_atom" else difference, settings)
    if prediction.forces is None:
        raise ValueError("training needs a prediction with forces")
    force = (prediction.forces - batch.forces) * with_forces
    if prediction.stress is None:
        stress = batch.stress.new_zeros(0)
    else:
        stress = (prediction.stress - batch.stress)[batch.has_stress]
    return Errors(
        structures=_sum(with_energy),
        energy_loss=energy.sum(),
        energy_error=per_atom.detach().abs().sum(),
        components=3 * _sum(with_forces),
        force_loss=_sum(_force_penalty(force, settings)),
        force_error=_sum(force.detach().abs()),
        stress_components=_count(stress),
        stress_loss=_sum(penalty(stress, settings)),
        stress_error=_sum(stress.detach().abs()),
    )


def _force_penalty(difference: Tensor, settings: LossSettings) -> Tensor:
    """Penalties of force errors (n, 3), whose sum is divided by the number of components.

    A vector's counts for its three components: the loss is then the mean over atoms.
    """
    if settings.force_loss == "components":
        return penalty(difference, settings)
    # the length of an error of zero has no derivative
    length = (difference.square().sum(dim=1) + TINY_FORCE**2).sqrt() - TINY_FORCE
    return 3 * penalty(length, settings)


def penalty(difference: Tensor, settings: LossSettings) -> Tensor:
    """|d|, d² or Huber's function of each difference."""
    if settings.kind == "mae":
        return difference.abs()
    if settings.kind == "mse":
        return difference.square()
    return F.huber_loss(difference, torch.zeros_like(difference), reduction="none", delta=settings.huber_delta)


def total_loss(sums: Errors, settings: LossSettings, energy_weight: float) -> Tensor:
    """The loss of a batch, or of many whose errors were added: means with their weights, a float64 scalar."""
    energy = sums.energy_loss / sums.structures.clamp(min=1)
    force = sums.force_loss / sums.components.clamp(min=1)
    loss = energy_weight * energy + settings.force_weight * force
    if settings.stress_weight > 0:
        loss = loss + settings.stress_weight * sums.stress_loss / sums.stress_components.clamp(min=1)
    return loss


def frames_at_fault(batch: Batch, prediction: Prediction) -> str:
    """Names the predicted quantities that are NaN or infinite and their frames; empty where all are finite."""
    found = []
    with torch.no_grad():
        for quantity in ("energy", "forces", "stress"):
            values = getattr(prediction, quantity)
            if values is None:
                continue
            bad = ~torch.isfinite(values)
            if quantity == "forces":
                bad = batch.sum_over_atoms(bad.to(torch.float32)) > 0
            frames = batch.frames[bad.flatten(start_dim=1).any(dim=1).cpu() if bad.dim() > 1 else bad.cpu()].tolist()
            if frames:
                found.append(f"predicted {quantity} of frames {frames} are not finite")
    return ", ".join(found)


def _sum(values: Tensor) -> Tensor:
    return values.sum(dtype=torch.float64)


def _count(values: Tensor) -> Tensor:
    return torch.tensor(values.numel(), dtype=torch.float64, device=values.device)
