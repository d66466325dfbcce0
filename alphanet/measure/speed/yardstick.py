"""Whether the machine was quiet: a fixed piece of work on one core, timed beside every size."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

REPEATS = 5
ELEMENTS = 200_000  # sorting them takes about 10 ms
ALLOWED_DRIFT = 0.15  # between the fastest and the slowest reading


def yardstick() -> float:
    """Seconds, the median of `REPEATS`, that one core takes to sort the same numbers."""
    numbers = np.random.default_rng(0).random(ELEMENTS)
    seconds = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        np.sort(numbers)
        seconds.append(time.perf_counter() - begun)
    return float(np.median(seconds))


def quietness(readings: Sequence[float]) -> dict[str, Any]:
    """What the readings (s) of a run say: `noisy`, their relative `drift`, and the readings in ms."""
    fine = [reading for reading in readings if reading]
    drift = max(fine) / min(fine) - 1 if fine else 0.0
    return {
        "noisy": drift > ALLOWED_DRIFT,
        "drift": drift,
        "allowed": ALLOWED_DRIFT,
        "yardstick_ms": [round(1e3 * reading, 3) for reading in fine],
    }


def warning(quiet: dict[str, Any]) -> str | None:
    """One line for a noisy run."""
    if not quiet["noisy"]:
        return None
    return (
        f"noisy: the same work took up to {100 * quiet['drift']:.0f} % longer at some sizes than others; the machine "
        "was busy or changed its clock. Models took turns, so ratios suffer least"
    )
