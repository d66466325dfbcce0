"""Numbers of a speed run: ratios with their interval, and when a warm-up has settled."""

from collections.abc import Sequence

import numpy as np

from alphanet.measure.speed.points import Typed

CONFIDENCE = 0.99
FEWEST_FREE = 2  # degrees of freedom of the scatter; with a single one the interval would span orders of magnitude


class RatioInterval(Typed):
    """A ratio of times with its 99 % interval; None if there are too few repeats for one."""

    ratio: float
    low: float | None
    high: float | None


def ratio_of_repeat(own: Sequence[float], reference: Sequence[float]) -> float:
    """How many times longer `own` takes than `reference`: the median over the rounds of one repeat, (R,) s each."""
    return float(np.median(np.asarray(own, dtype=float) / np.asarray(reference, dtype=float)))


def ratio_intervals(repeats: Sequence[Sequence[float]]) -> list[RatioInterval]:
    """Ratios of one model at several sizes, with intervals that cover the differences from process to process.

    Rounds inside one pair of processes agree far better than two runs do, because they share the layout of memory and
    the load of the machine in those minutes. Every repeat runs in new processes, minutes after the last, so the scatter
    between repeats estimates the difference to another run. Two or three repeats of one size estimate it poorly; those
    of all sizes together estimate it well.

    Args:
        repeats: for each size the ratio of every repeat.

    Returns:
        For each size the geometric mean and the 99 % t interval of its logarithm, with the scatter pooled over the
        sizes, or the size's own if that is larger. No interval with too few repeats: one size needs three, two sizes
        two.
    """
    from scipy.stats import t as student

    logs = [np.log(np.asarray(ratios, dtype=float)) for ratios in repeats]
    squares = [float(((values - values.mean()) ** 2).sum()) for values in logs]
    freedom = sum(len(values) - 1 for values in logs)
    enough = freedom >= FEWEST_FREE
    pooled = sum(squares) / freedom if enough else np.nan
    factor = float(student.ppf(0.5 + CONFIDENCE / 2, freedom)) if enough else np.nan
    intervals = []
    for values, square in zip(logs, squares, strict=True):
        middle, variance = float(values.mean()), max(pooled, square / max(1, len(values) - 1))
        half = factor * float(np.sqrt(variance / len(values)))
        low, high = (None, None) if np.isnan(half) else (float(np.exp(middle - half)), float(np.exp(middle + half)))
        intervals.append(RatioInterval(ratio=float(np.exp(middle)), low=low, high=high))
    return intervals


def settled(seconds: Sequence[float], window: int = 3, tolerance: float = 0.05) -> bool:
    """Whether the running median has stopped moving: the last two windows agree within `tolerance`."""
    if len(seconds) < 2 * window:
        return False
    last, before = np.median(seconds[-window:]), np.median(seconds[-2 * window : -window])
    return bool(abs(last - before) <= tolerance * before)
