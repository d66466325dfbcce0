"""Numbers of a speed run: quartiles, ratios with their interval, and exponents with their error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import linregress
from scipy.stats import t as student

CONFIDENCE = 0.99
FEWEST_FREE = 2  # degrees of freedom of the scatter; with a single one the interval would span orders of magnitude


@dataclass(frozen=True)
class Timing:
    """Times of one task at one point, ms."""

    median: float
    q25: float
    q75: float
    raw: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"median": self.median, "q25": self.q25, "q75": self.q75, "raw": list(self.raw)}


def timing(seconds: Sequence[float]) -> Timing:
    """Quartiles in ms; raw times are kept to the microsecond."""
    return of_milliseconds([round(1e3 * value, 3) for value in seconds])


def of_milliseconds(ms: Sequence[float]) -> Timing:
    """Quartiles of times that are in ms."""
    q25, median, q75 = np.percentile(np.asarray(ms, dtype=float), [25, 50, 75])
    return Timing(float(median), float(q25), float(q75), tuple(ms))


def ratio_of_pass(own: Sequence[float], reference: Sequence[float]) -> float:
    """How many times longer `own` takes than `reference`: the median over the turns of one pass, (R,) seconds each."""
    return float(np.median(np.asarray(own, dtype=float) / np.asarray(reference, dtype=float)))


def ratio_intervals(passes: Sequence[Sequence[float]]) -> list[dict[str, float | None]]:
    """Ratios of one model at several sizes, with intervals that cover what differs from process to process.

    Turns inside one pair of processes agree far better than two runs do: where memory lies, and how busy the machine
    was in those minutes, is the same for all of them. Every pass has processes of its own and comes minutes after the
    last, so it is the scatter between passes that says how far another run may be. Two or three passes of one size say
    little of it; those of all sizes together say enough.

    Args:
        passes: for each size the ratio of every pass.

    Returns:
        For each size `ratio` (the geometric mean) and `low`, `high`: the 99 % t interval of its logarithm, with the
        scatter pooled over the sizes, or the size's own where that is larger. None where there are too few passes:
        one size needs three, two sizes two.
    """
    logs = [np.log(np.asarray(one, dtype=float)) for one in passes]
    squares = [float(((one - one.mean()) ** 2).sum()) for one in logs]
    freedom = sum(len(one) - 1 for one in logs)
    enough = freedom >= FEWEST_FREE
    pooled = sum(squares) / freedom if enough else np.nan
    factor = float(student.ppf(0.5 + CONFIDENCE / 2, freedom)) if enough else np.nan
    found: list[dict[str, float | None]] = []
    for one, square in zip(logs, squares, strict=True):
        middle, variance = float(one.mean()), max(pooled, square / max(1, len(one) - 1))
        half = factor * float(np.sqrt(variance / len(one)))
        low, high = (None, None) if np.isnan(half) else (float(np.exp(middle - half)), float(np.exp(middle + half)))
        found.append({"ratio": float(np.exp(middle)), "low": low, "high": high})
    return found


def exponent(n_atoms: Sequence[float], values: Sequence[float]) -> dict[str, float] | None:
    """p of value = c N^p by least squares on logarithms, and its standard error; none below three sizes."""
    if len(n_atoms) < 3:
        return None
    line = linregress(np.log(np.asarray(n_atoms, dtype=float)), np.log(np.asarray(values, dtype=float)))
    return {"exponent": float(line.slope), "error": float(line.stderr), "n_sizes": len(n_atoms)}


def settled(seconds: Sequence[float], window: int = 3, tolerance: float = 0.05) -> bool:
    """Whether the running median has stopped moving: the last two windows agree within `tolerance`."""
    if len(seconds) < 2 * window:
        return False
    last, before = np.median(seconds[-window:]), np.median(seconds[-2 * window : -window])
    return bool(abs(last - before) <= tolerance * before)


def used_memory(point: Mapping[str, Any]) -> float:
    """MB that the calls of a point needed beside what the process held before: on CUDA allocated, else resident."""
    peak = point["peak_memory_mb"]
    if "allocated" in peak:
        return max(1.0, float(peak["allocated"]))
    return max(1.0, float(peak["resident"] - point["resident_before_mb"]))


def by_size(points: Sequence[Mapping[str, Any]], task: str) -> tuple[list[float], list[float]]:
    """Atoms and median times (ms) of the points that have them."""
    timed = [(point["n_atoms"], point[f"{task}_ms"]["median"]) for point in points if point.get(f"{task}_ms")]
    return [float(n) for n, _ in timed], [float(ms) for _, ms in timed]
