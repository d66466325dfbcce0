"""A budget of time, divided among what shares it."""

import statistics
import time
from collections.abc import Callable, Mapping


class Budget:
    """Minutes from now on, of which each name gets its share when it begins.

    A share is to the time that is left as the name's limit is to the limits of all that still wait, and no more than
    its limit. Time that an earlier one does not use goes to the later ones; time that it overdraws is missing there.
    A training needs more than its limit, for starting and for evaluating: as much of a share is kept for that as
    earlier ones took beyond what they were given.
    """

    def __init__(
        self, minutes: float, limits: Mapping[str, float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock.

        Args:
            minutes: for everything.
            limits: seconds that each name takes at most, in the order in which they begin; 0 if it takes no time that
                could be cut; None if nothing limits it, which counts as all the time there is.
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
            overhead: part of the share that is kept for starting and evaluating, until earlier ones say more.
            least: seconds below which it is not worth beginning; if shares would be less, the first ones get this
                much and the last ones nothing.
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
        """Take `name` off the list: it was finished before, or cannot be measured."""
        self._waiting.pop(name, None)
