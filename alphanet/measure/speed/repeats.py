"""Several repeats of a sweep: every one measures a point in a fresh process."""

from collections.abc import Sequence

import numpy as np

from alphanet.measure.speed.points import SpeedPoint, Times
from alphanet.measure.speed.statistics import RatioInterval, ratio_intervals, ratio_of_repeat

LOST = ("failed", "oom")  # such a status of a later repeat is the point's, whatever earlier repeats measured


class Ratio(RatioInterval):
    """The time of a model over that of the reference at the same size."""

    model: str
    n_atoms: int
    task: str
    repeats: int


def combined(points: Sequence[SpeedPoint], tasks: Sequence[str]) -> SpeedPoint:
    """One point of the summary from those of all repeats.

    Args:
        points: of one model at one size, in the order of the repeats.
        tasks: that were timed.

    Returns:
        The first repeat's point with the times of all repeats and the largest of their memory peaks. If a later repeat
        failed, the point has failed; if its time was used up, the point keeps the earlier times.
    """
    first, *later = points
    failure = next((point for point in later if point.status in LOST), None)
    if failure is not None:
        reason = f"pass {failure.repeat}: {failure.reason}"
        return failure.model_copy(update={"reason": reason, "repeats": len(points)})
    timed = [point for point in points if point.ok]
    if not timed:
        return first.model_copy(update={"repeats": 0})
    neediest = max(timed, key=lambda point: point.used_mb)
    raw = {task: [ms for point in timed if task in point.times_ms for ms in point.times_ms[task].raw] for task in tasks}
    timed_tasks = [task for task in tasks if raw[task]]
    return first.model_copy(
        update={
            "repeats": len(timed),
            "peak_memory_mb": neediest.peak_memory_mb,
            "resident_before_mb": neediest.resident_before_mb,
            "repeats_mb": tuple(point.used_mb for point in timed),
            "compile_s": max(point.compile_s for point in timed),
            "load_s": float(np.median([point.load_s for point in timed])),
            "overhead_s": float(np.median([point.overhead_s for point in timed])),
            "cpu_s": {task: float(np.median([point.cpu_s[task] for point in timed])) for task in first.cpu_s},
            "noise_s": tuple(reading for point in points for reading in point.noise_s),
            "times_ms": {task: Times.of_milliseconds(raw[task]) for task in timed_tasks},
            "rounds": {task: tuple(rounds for point in timed for rounds in point.rounds[task]) for task in timed_tasks},
        }
    )


def ratios_to(reference: str, points: Sequence[SpeedPoint], task: str) -> list[Ratio]:
    """Every model's time over that of the reference at the same size: round by round, then repeat by repeat.

    Args:
        reference: name of the model.
        points: combined ones.
        task: of the times that are compared.
    """
    base = {point.n_atoms: point for point in points if point.model == reference and _timed(point, task)}
    ratios = []
    for model in dict.fromkeys(point.model for point in points if point.model != reference):
        own = [point for point in points if point.model == model and _timed(point, task) and point.n_atoms in base]
        of_repeats = [_of_repeats(point.rounds[task], base[point.n_atoms].rounds[task]) for point in own]
        for point, interval, repeats in zip(own, ratio_intervals(of_repeats), of_repeats, strict=True):
            ratios.append(Ratio(**dict(interval), model=model, n_atoms=point.n_atoms, task=task, repeats=len(repeats)))
    return ratios


def _of_repeats(own: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> list[float]:
    """The ratio of each repeat that both models made, over the rounds that both took."""
    return [
        ratio_of_repeat(rounds[: len(others)], others[: len(rounds)])
        for rounds, others in zip(own, reference, strict=False)
    ]


def _timed(point: SpeedPoint, task: str) -> bool:
    return point.ok and task in point.rounds
