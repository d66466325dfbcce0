"""A budget of time, divided among what shares it."""

import statistics
import time
from collections.abc import Callable, Mapping


class Budget:
    """Minutes from now on, of which each name gets its share when it begins.

    The share of a name is the remaining time times its limit over the sum of the limits of all waiting names, and at
    most its limit. Later names get the time that an earlier one does not use, and lose the time that it overdraws.
    A training also takes time outside its limit, to start and to evaluate: a share leaves as much of it for that as
    earlier trainings took.
    """

    def __init__(
        self, minutes: float, limits: Mapping[str, float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock.

        Args:
            minutes: for everything.
            limits: seconds that each name takes at most, in the order in which they begin; 0 if it takes no time that
                could be cut; None if nothing limits it, which counts as the whole budget.
            clock: seconds.
        """
        self.minutes = minutes
        self._clock = clock
        self._end = clock() + 60 * minutes
        self._waiting = {name: 60 * minutes if limit is None else limit for name, limit in limits.items()}
        self._begun: tuple[float, float] | None = None  # when the last one began, and its seconds
        self._beyond: list[float] = []  # seconds that earlier ones took beyond their share

    def share(self, name: str, *, overhead: float = 0.0, least: float = 0.0) -> float | None:
        """Seconds for `name`, which begins now; None if there is no time left for it.

        Args:
            name: one of those that wait.
            overhead: least part of the share that is left for starting and evaluating.
            least: seconds below which nothing is started; if shares would be smaller, the first ones get this much
                and the last ones nothing.
        """
        now = self._clock()
        if self._begun is not None:
            begun, given = self._begun
            self._beyond.append(max(0.0, now - begun - given))
            self._begun = None
        together = sum(self._waiting.values())
        limit = self._waiting.pop(name)
        if not limit:
            return 0.0
        left = self._end - now
        if left <= 0 or left * (1 - overhead) < least:
            return None
        share = left * min(1.0, limit / together)
        if overhead:
            share -= max(overhead * share, statistics.fmean(self._beyond) if self._beyond else 0.0)
        seconds = round(min(limit, max(least, share)), 1)
        self._begun = now, seconds
        return seconds

    def skip(self, name: str) -> None:
        """Remove `name`, which was finished before or cannot be measured, from the waiting names."""
        self._waiting.pop(name, None)
