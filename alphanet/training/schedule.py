"""Learning rate and loss weights as functions of the step, so that resuming needs no state."""

import math

from alphanet.training.config import LossConfig, TrainConfig


def learning_rate_factor(step: int, steps_per_epoch: int, epochs: int, config: TrainConfig) -> float:
    """The learning rate of a step, as a part of the configured one: linear warm-up, then a cosine to the floor.

    Args:
        step: steps taken before this one.
        steps_per_epoch: optimiser steps in an epoch.
        epochs: length of the training; shorter than configured where the time is short.
        config: gives warm-up, floor, and whether the rate changes at every step or every epoch.
    """
    total = steps_per_epoch * epochs
    warmup = config.warmup * total
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if config.schedule_interval == "epoch":
        step -= step % steps_per_epoch
    progress = min(1.0, max(0.0, (step - warmup) / max(1.0, total - warmup)))
    floor = min(1.0, config.learning_rate_floor / config.learning_rate)
    return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * progress))


def energy_weight(progress: float, loss: LossConfig) -> float:
    """The energy's weight when a part `progress` (0 to 1) of the training is done; see `stage`."""
    if loss.dynamic is None:
        return loss.energy_weight
    place = stage(progress, loss) / (loss.dynamic.stages - 1)
    return loss.dynamic.start ** (1.0 - place) * loss.energy_weight**place


def stage(progress: float, loss: LossConfig) -> int:
    """The stage of the dynamic weight, from 0; all stages take the same number of steps."""
    if loss.dynamic is None:
        return 0
    return min(loss.dynamic.stages - 1, int(progress * loss.dynamic.stages))


def epochs_that_fit(done: int, seconds: float, seconds_per_epoch: float, config: TrainConfig) -> int:
    """Length of the training so that it ends, with its schedules, within `max_time`.

    Args:
        done: epochs done.
        seconds: wall time so far.
        seconds_per_epoch: what an epoch takes.
        config: gives the epochs that are wanted and the time.
    """
    if config.max_time is None:
        return config.epochs
    left = 0.97 * config.max_time - seconds  # the rest is for what comes after the last epoch
    return min(config.epochs, done + max(0, int(left / seconds_per_epoch)))
