"""Learning rate and loss weights as functions of the step, so that resuming needs no state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphanet.training.settings import LossSettings, TrainingSettings

ENDLESS = 10**9  # epochs of a training that only steps end


def learning_rate_factor(step: int, steps_per_epoch: int, epochs: int, settings: TrainingSettings) -> float:
    """The learning rate of a step, as a part of the configured one: linear warm-up, then a cosine to the floor.

    Args:
        step: steps taken before this one.
        steps_per_epoch: optimizer steps in an epoch.
        epochs: length of the training.
        settings: gives warm-up, floor, and whether the rate changes at every step or every epoch.
    """
    total = total_steps(steps_per_epoch, epochs, settings)
    warmup = settings.warmup * total
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if settings.schedule_interval == "epoch":
        step -= step % steps_per_epoch
    progress = min(1.0, max(0.0, (step - warmup) / max(1.0, total - warmup)))
    floor = min(1.0, settings.learning_rate_floor / settings.learning_rate)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def total_steps(steps_per_epoch: int, epochs: int, settings: TrainingSettings) -> int:
    """Optimizer steps of a training of `epochs`, cut where the settings allow fewer."""
    return min(steps_per_epoch * epochs, settings.steps or ENDLESS * steps_per_epoch)


def energy_weight(progress: float, loss: LossSettings) -> float:
    """The energy's weight when a part `progress` (0 to 1) of the training is done; see `stage`."""
    if loss.dynamic is None:
        return loss.energy_weight
    place = stage(progress, loss) / (loss.dynamic.stages - 1)
    return loss.dynamic.start ** (1.0 - place) * loss.energy_weight**place


def stage(progress: float, loss: LossSettings) -> int:
    """The stage of the dynamic weight, from 0; all stages take the same number of steps."""
    if loss.dynamic is None:
        return 0
    return min(loss.dynamic.stages - 1, int(progress * loss.dynamic.stages))
