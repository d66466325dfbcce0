"""Whether two runs of the same sweep say the same: every ratio within the intervals that they print."""

from collections.abc import Mapping
from typing import Any


def agreement(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ratios that have an interval in both runs, with both intervals and whether they overlap.

    Args:
        first: what a `speed.json` says.
        second: another.
    """
    there = {_key(one): one for one in second["ratios"] if one["low"] is not None}
    return [
        {"model": one["model"], "n_atoms": one["n_atoms"], "task": one["task"]}
        | {"first": _interval(one), "second": _interval(there[_key(one)])}
        | {"agree": one["low"] <= there[_key(one)]["high"] and there[_key(one)]["low"] <= one["high"]}
        for one in first["ratios"]
        if one["low"] is not None and _key(one) in there
    ]


def _key(ratio: Mapping[str, Any]) -> tuple[Any, ...]:
    return ratio["model"], ratio["n_atoms"], ratio["task"]


def _interval(ratio: Mapping[str, Any]) -> dict[str, float]:
    return {key: ratio[key] for key in ("ratio", "low", "high")}
