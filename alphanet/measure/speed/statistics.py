"""Numbers of a speed run: quartiles, ratios with their interval, and exponents with their error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95


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
    ms = 1e3 * np.asarray(seconds, dtype=float)
    q25, median, q75 = np.percentile(ms, [25, 50, 75])
    return Timing(float(median), float(q25), float(q75), tuple(round(float(value), 3) for value in ms))


def ratio_interval(own: Sequence[float], reference: Sequence[float], seed: int = 0) -> dict[str, float]:
    """How many times longer `own` takes than `reference`, from the medians of the same rounds, pair by pair.

    Args:
        own: (R,) seconds, one a round.
        reference: (R,) seconds of the reference in the same rounds.
        seed: of the resampling.

    Returns:
        `ratio` (the median over the rounds) and `low`, `high` (95 % bootstrap interval).
    """
    ratios = np.asarray(own, dtype=float) / np.asarray(reference, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(ratios), (RESAMPLES, len(ratios)))
    medians = np.median(ratios[picks], axis=1)
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(medians, [tail, 100 - tail])
    return {"ratio": float(np.median(ratios)), "low": float(low), "high": float(high)}


def exponent(n_atoms: Sequence[float], values: Sequence[float]) -> dict[str, float] | None:
    """p of value = c N^p by least squares on logarithms, and its standard error; none below three sizes."""
    if len(n_atoms) < 3:
        return None
    x, y = np.log(np.asarray(n_atoms, dtype=float)), np.log(np.asarray(values, dtype=float))
    design = np.stack([x, np.ones_like(x)], axis=1)
    solution, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ solution
    variance = float(residual @ residual) / (len(x) - 2) / float(((x - x.mean()) ** 2).sum())
    return {"exponent": float(solution[0]), "error": float(np.sqrt(variance)), "n_sizes": len(x)}


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
