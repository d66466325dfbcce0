"""What several passes over a sweep say of one point: every pass measures it in a fresh process."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from alphanet.measure.speed.statistics import of_milliseconds, ratio_intervals, ratio_of_pass, used_memory

LOST = ("failed", "oom")  # in a later pass: the point's result, whatever earlier ones found


def combined(points: Sequence[Mapping[str, Any]], tasks: Sequence[str]) -> dict[str, Any]:
    """One point of the summary from what each pass says of it.

    Args:
        points: of one model at one size, as `measure_size` tells them, in the order of the passes.
        tasks: what was timed.

    Returns:
        The first pass's point with the times of all; the peak of the pass that needed most; `passes`, how many were
        made; `rounds`, for each task and pass the median of each turn (s). A model that failed in a later pass has
        failed; one whose time was used up there keeps what it has.
    """
    first, *later = points
    lost = next((point for point in later if point["status"] in LOST), None)
    if lost is not None:
        return {**lost, "reason": f"pass {lost['pass']}: {lost['reason']}", "passes": len(points)}
    fine = [point for point in points if point["status"] == "ok"]
    if not fine:
        return {**first, "passes": 0}
    neediest = max(fine, key=used_memory)
    together = {**first, "passes": len(fine), "rounds": {}}
    together |= {key: neediest[key] for key in ("peak_memory_mb", "resident_before_mb")}
    together["compile_s"] = max(point["compile_s"] for point in fine)
    together["overhead_s"] = float(np.median([point["overhead_s"] for point in fine]))
    together["cpu_s"] = {task: float(np.median([one["cpu_s"][task] for one in fine])) for task in first["cpu_s"]}
    together["yardstick_s"] = [reading for point in points for reading in point["yardstick_s"]]
    for task in tasks:
        raw = [ms for point in fine if point[f"{task}_ms"] for ms in point[f"{task}_ms"]["raw"]]
        together[f"{task}_ms"] = of_milliseconds(raw).as_json() if raw else None
        if raw:
            together["rounds"][task] = [point["rounds"][task] for point in fine]
    return together


def ratios_to(reference: str, points: Sequence[Mapping[str, Any]], task: str) -> list[dict[str, Any]]:
    """Every model's time over that of the reference model at the same size: turn by turn, then pass by pass.

    Args:
        reference: name of the model.
        points: combined ones.
        task: of the times that are compared.
    """
    base = {point["n_atoms"]: point for point in points if point["model"] == reference and _timed(point, task)}
    found: list[dict[str, Any]] = []
    for model in dict.fromkeys(point["model"] for point in points if point["model"] != reference):
        mine = [point for point in points if point["model"] == model and _timed(point, task)]
        mine = [point for point in mine if point["n_atoms"] in base]
        passes = [_of_passes(point["rounds"][task], base[point["n_atoms"]]["rounds"][task]) for point in mine]
        for point, ratio, told in zip(mine, ratio_intervals(passes), passes, strict=True):
            place = {"model": model, "n_atoms": point["n_atoms"], "task": task}
            found.append(place | {**ratio, "passes": len(told)})
    return found


def _of_passes(own: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> list[float]:
    """Passes that both have made; turns that both have taken."""
    return [
        ratio_of_pass(mine[: len(theirs)], theirs[: len(mine)]) for mine, theirs in zip(own, reference, strict=False)
    ]


def _timed(point: Mapping[str, Any], task: str) -> bool:
    return point["status"] == "ok" and task in point["rounds"]
