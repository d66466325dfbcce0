"""Time for several tables and figures, divided among them by what each takes at most."""

import time
from collections.abc import Callable, Mapping

LEAST = 0.1  # minutes; whatever is begun says for itself that it had no time


class Division:
    """Minutes from now on, of which each name gets its part when it begins.

    The part of a name is to what is left as its limit is to the limits of all that are left, and no more than its
    limit. So what earlier ones leave over, having been finished before, goes to the later ones, and what they overdraw
    is missing there.
    """

    def __init__(
        self, minutes: float, limits: Mapping[str, float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock.

        Args:
            minutes: for everything.
            limits: minutes that each name takes at most, in the order in which they will begin; 0 where it takes no
                time that could be cut; none where nothing limits it, which counts as `minutes`.
            clock: seconds.
        """
        self._clock = clock
        self._end = clock() + 60 * minutes
        self._waiting = {name: minutes if limit is None else limit for name, limit in limits.items()}

    def share(self, name: str) -> float | None:
        """Minutes for `name`, which begins now; none where it takes no time that could be cut."""
        together = sum(self._waiting.values())
        limit = self._waiting.pop(name)
        if not limit:
            return None
        left = (self._end - self._clock()) / 60
        return round(max(LEAST, limit * min(1.0, left / together)), 2)
