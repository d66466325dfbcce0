"""From an amount of compute to the length of a training: steps, epochs, validations. No clock is asked."""

import math

from alphanet.benchmark.kind import NothingToMeasureError
from alphanet.cards import Card
from alphanet.measure.training_cost import TrainingCost

MOST_VALIDATIONS = 20  # of a training whose trainer lets them be chosen
VALIDATION_SHARE = 0.2  # of the compute at most, if the trainer lets it be chosen
DIGITS = 2  # of a number of steps: small differences of two measurements of the cost give the same training


class Length(Card):
    """The length of a training."""

    steps: int
    epochs: int
    """That hold all steps, the last one perhaps in part"""
    validate_every: int
    """Epochs"""

    @property
    def validations(self) -> int:
        """The number of validations, the one at the end included."""
        return math.ceil(self.epochs / self.validate_every)


def training_length(
    cost: TrainingCost, compute: float, frames: int, batch_size: int, *, validates_every_epoch: bool
) -> Length:
    """As many steps as `compute` buys, with the validations and the start that belong to them, rounded down.

    Args:
        cost: measured.
        compute: processor or GPU seconds.
        frames: to train on.
        batch_size: frames of a step.
        validates_every_epoch: the trainer knows nothing else.

    Raises:
        NothingToMeasureError: it does not buy one pass over the frames.
    """
    per_epoch = max(1, frames // batch_size)  # some trainers leave out an incomplete batch
    one_pass = math.ceil(frames / batch_size)
    least = cost.seconds(one_pass, 1)
    if compute < least:
        raise NothingToMeasureError(
            f"{compute:g} {cost.unit} s do not buy one pass over {frames} frames in batches of {batch_size} at "
            f"{cost.step:.3g} {cost.unit} s a step; give at least {_rounded_up(least):g} s, or fewer training frames"
        )
    left = compute - cost.start
    if validates_every_epoch:
        steps = max(one_pass, _rounded_down(int(left / (cost.step + cost.validation / per_epoch))))
        return Length(steps=steps, epochs=math.ceil(steps / per_epoch), validate_every=1)
    validations = MOST_VALIDATIONS
    if validations * cost.validation > VALIDATION_SHARE * left:
        validations = max(1, int(VALIDATION_SHARE * left / cost.validation))
    for _ in range(2):  # a training of few epochs has no use for so many
        steps = max(one_pass, _rounded_down(int((left - validations * cost.validation) / cost.step)))
        epochs = math.ceil(steps / per_epoch)
        validations = min(validations, epochs)
    return Length(steps=steps, epochs=epochs, validate_every=math.ceil(epochs / validations))


def _rounded_down(steps: int) -> int:
    """`steps` to `DIGITS` significant digits, not above it."""
    unit = int(10 ** max(0, len(str(steps)) - DIGITS))
    return steps // unit * unit


def _rounded_up(seconds: float) -> float:
    unit = 10.0 ** (math.floor(math.log10(seconds)) - DIGITS + 1)
    return math.ceil(seconds / unit * (1 - 1e-9)) * unit  # 0.3 may be a hair above itself
