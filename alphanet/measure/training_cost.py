"""The cost of training steps, in seconds of a processor or of a GPU, from two short trainings."""

import contextlib
import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from alphanet.cards import Card
from alphanet.errors import UserError
from alphanet.training.folder import TrainingResult

STEPS = 10  # of an epoch of the short trainings
EPOCHS = (1, 3)  # of the first and of the second; their difference tells a validation from the start


class TrainingCost(Card):
    """Seconds of the parts of a training: of all its processors together, or of its GPUs."""

    unit: str
    """CPU or GPU"""
    start: float
    """Beside steps and validations: compiling, the first use of everything"""
    step: float
    validation: float
    """Of all validation frames, with a checkpoint"""
    wall: float
    """Wall time of a step"""
    flops: float | None = None
    """Floating-point operations of a step; None if they could not be counted"""
    parameters: int

    def seconds(self, steps: int, validations: int) -> float:
        """Processor or GPU seconds of a whole training."""
        return self.start + steps * self.step + validations * self.validation

    def wall_seconds(self, steps: int, validations: int) -> float:
        """Wall time of a whole training, if the machine stays as busy as it was when the cost was measured."""
        return self.seconds(steps, validations) * (self.wall / self.step if self.step > 0 else 1.0)


def measured_cost(train: Callable[[int, Path], TrainingResult]) -> TrainingCost:
    """The cost of a training from two short ones, of one and of three epochs of `STEPS` steps.

    What else a machine does can only add to a time, so the cheaper step of both counts.

    Args:
        train: trains for a number of epochs in a folder, which is removed; every epoch ends with a validation.

    Raises:
        UserError: the training fails, or was too short to time a step.
    """
    results = []
    for epochs in EPOCHS:
        with tempfile.TemporaryDirectory(prefix="alphanet-cost-") as folder, _silence():
            results.append(train(epochs, Path(folder)))
    steps = [_step(result) for result in results]
    step = min(steps)
    short, long = (max(0.0, _spent(result) - one * result.steps) for result, one in zip(results, steps, strict=True))
    validation = max(0.0, (long - short) / (_validations(results[1]) - _validations(results[0])))
    first = results[0]
    return TrainingCost(
        unit="CPU" if first.gpu_seconds is None else "GPU",
        start=max(0.0, short - validation * _validations(first)),
        step=step,
        validation=validation,
        wall=min(map(_wall, results)),
        flops=None if first.flops is None else first.flops / first.steps,
        parameters=first.parameters,
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """No messages of the short trainings."""
    logger = logging.getLogger("alphanet")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _spent(result: TrainingResult) -> float:
    return result.cpu_seconds if result.gpu_seconds is None else result.gpu_seconds


def _step(result: TrainingResult) -> float:
    """Seconds of a step; if it was not timed, its wall time, times the processors that the training kept busy."""
    if result.gpu_seconds is None and result.step_cpu_seconds is not None:
        return result.step_cpu_seconds
    return _wall(result) * _spent(result) / result.seconds


def _wall(result: TrainingResult) -> float:
    """Wall time of a step; on average over the whole training if none was timed by itself."""
    if result.steps < 1 or result.seconds <= 0:
        raise UserError(f"{result.name}: {result.steps} steps in {result.seconds:g} s are too few to tell their cost")
    return result.step_seconds or result.seconds / result.steps


def _validations(result: TrainingResult) -> int:
    return max(1, math.ceil(result.steps / result.steps_per_epoch))
