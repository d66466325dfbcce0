"""Time for a whole table, divided among its trainings."""

import time
from collections.abc import Callable

LEAST = 5.0  # seconds of training, below which none is begun
TRAINING_PART = 0.8  # of a share; the rest is for starting and for the evaluation


class TimeBudget:
    """Minutes from now on. Each training gets an equal share of what is left when it begins.

    What an earlier one leaves over goes to the later ones. Where the shares would be less than `LEAST`, the first ones
    get that and the last ones nothing.
    """

    def __init__(self, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock."""
        self.minutes = minutes
        self._clock = clock
        self._end = clock() + 60 * minutes

    def seconds(self, trainings: int) -> float | None:
        """Seconds of training for the next of `trainings` that are left; none where there is no time left for it."""
        left = self._end - self._clock()
        share = max(left / trainings, LEAST / TRAINING_PART)
        return None if share > left else TRAINING_PART * share
