"""Noise of the machine: a fixed piece of work on one core, timed beside every size."""

import time
from collections.abc import Sequence

import numpy as np

from alphanet.measure.speed.points import Typed

CALLS = 5
ELEMENTS = 200_000  # sorting them takes about 10 ms
ALLOWED_DRIFT = 0.15  # between the fastest and the slowest reading


class MachineNoise(Typed):
    """The readings of a run, and whether they differ by more than a quiet machine's."""

    noisy: bool
    drift: float  # relative, between the fastest and the slowest reading
    allowed: float
    readings_ms: tuple[float, ...]

    @property
    def warning(self) -> str | None:
        """One line about a noisy run; None if the run is quiet."""
        if not self.noisy:
            return None
        return (
            f"noisy: the same work took up to {100 * self.drift:.0f} % longer at some sizes than at others, and "
            f"{100 * self.allowed:.0f} % are allowed; the machine was busy or changed its clock. Models took turns, so "
            "ratios suffer least"
        )


def reading() -> float:
    """Seconds, the median of `CALLS`, that one core takes to sort the same numbers."""
    numbers = np.random.default_rng(0).random(ELEMENTS)
    seconds = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        np.sort(numbers)
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds))


def machine_noise(readings: Sequence[float]) -> MachineNoise:
    """The noise of a run, from its readings in s; zeros were not taken."""
    taken = [value for value in readings if value]
    drift = max(taken) / min(taken) - 1 if taken else 0.0
    return MachineNoise(
        noisy=drift > ALLOWED_DRIFT,
        drift=drift,
        allowed=ALLOWED_DRIFT,
        readings_ms=tuple(round(1e3 * value, 3) for value in taken),
    )
