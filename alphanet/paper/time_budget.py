"""Time for a whole table, divided among its trainings."""

import statistics
import time
from collections.abc import Callable

LEAST = 5.0  # seconds of training, below which none is begun
TRAINING_PART = 0.8  # of a share; the rest is for starting and for the evaluation


class TimeBudget:
    """Minutes from now on. Each training gets an equal share of what is left when it begins.

    What an earlier one leaves over goes to the later ones, and of each share as much is kept for starting and
    evaluating as the earlier ones took beside their training. Where the shares would be less than `LEAST`, the first
    ones get that and the last ones nothing.
    """

    def __init__(self, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Start the clock."""
        self.minutes = minutes
        self._clock = clock
        self._end = clock() + 60 * minutes
        self._beside: list[float] = []  # seconds that earlier ones took beyond what they were given
        self._last: tuple[float, float] | None = None  # when the last one began, and its seconds

    def seconds(self, trainings: int) -> float | None:
        """Seconds of training for the next of `trainings` that are left; none where there is no time left for it."""
        now = self._clock()
        if self._last is not None:
            begun, given = self._last
            self._beside.append(max(0.0, now - begun - given))
        left = self._end - now
        if left < LEAST / TRAINING_PART:
            self._last = None
            return None
        share = left / trainings
        beside = max((1 - TRAINING_PART) * share, statistics.fmean(self._beside) if self._beside else 0.0)
        seconds = max(LEAST, share - beside)
        self._last = now, seconds
        return seconds
