"""A budget of time: it chooses what is run, and divides itself among what can do a part of its work."""

import time
from collections.abc import Callable, Mapping


class Budget:
    """Minutes from now on, for names that begin one after another.

    What can only be done as a whole, such as a training, gets all the time that it needs or none: see `fits`. What can
    do a part of its work gets a share: the remaining time times its limit over the sum of the limits of all waiting
    names, and at most its limit. Later names get the time that an earlier one does not use, and lose the time that it
    overdraws.
    """

    def __init__(
        self, minutes: float, limits: Mapping[str, float | None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start the clock.

        Args:
            minutes: for everything.
            limits: seconds that each name needs or takes at most, in the order in which they begin; 0 if it takes no
                time that could be counted; None if nothing limits it, which counts as the whole budget.
            clock: seconds.
        """
        self.minutes = minutes
        self._clock = clock
        self._end = clock() + 60 * minutes
        self._waiting: dict[str, float] = {}
        self.expect(limits)

    @property
    def left(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self._end - self._clock())

    def expect(self, limits: Mapping[str, float | None]) -> None:
        """Add names with their seconds, as at the start."""
        self._waiting |= {name: 60 * self.minutes if limit is None else limit for name, limit in limits.items()}

    def fits(self, name: str) -> bool:
        """Whether the remaining time is enough for all of `name`, which begins now if it is."""
        return self._waiting.pop(name) <= self.left

    def share(self, name: str, *, capped: bool = True) -> float | None:
        """Seconds for `name`, which begins now; 0 if it takes no time, None if there is no time left for it.

        Args:
            name: one of those that wait.
            capped: give at most its limit; otherwise its part of all the time that is left.
        """
        together = sum(self._waiting.values())
        limit = self._waiting.pop(name)
        if not limit:
            return 0.0
        if not self.left:
            return None
        share = self.left * limit / together
        return round(min(limit, share) if capped else share, 1)

    def skip(self, name: str) -> None:
        """Remove `name`, which was finished before or cannot be measured, from the waiting names."""
        self._waiting.pop(name, None)
