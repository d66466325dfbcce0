"""When a training has converged: its validation is flat over the last fifth of the steps that it took."""

from __future__ import annotations

from collections.abc import Sequence

LEAST = 10  # validations, below which nothing is called flat
PART = 0.2  # of the steps
FALL = 0.01  # of the loss, below which it counts as flat


def is_flat(validations: Sequence[tuple[int, float]]) -> bool:
    """Whether the best loss of the last fifth is not 1 % below the best before it.

    Args:
        validations: step and loss of each, in order.
    """
    if len(validations) < LEAST:
        return False
    border = (1 - PART) * validations[-1][0]
    early = [loss for step, loss in validations if step <= border]
    late = [loss for step, loss in validations if step > border]
    return bool(early) and len(late) > 1 and min(late) > (1 - FALL) * min(early)
