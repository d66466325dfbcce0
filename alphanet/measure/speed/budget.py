"""The time of a sweep: which points fit, in how many passes, and how long each may take."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

GROWTH = 1.1  # exponent by which a larger system is expected to take longer
CALLS_A_TASK = 2  # that a pass needs at least of a point: one to warm up, and one turn

Slot = tuple[int, int]  # pass and atoms; all models are measured in it, taking turns


class Costs:
    """What points have taken so far, and so what others will take."""

    def __init__(self, points: Iterable[Mapping[str, Any]], tasks: Sequence[str]) -> None:
        """Take note of `points`, as `measure_size` tells them."""
        self._known: dict[str, dict[int, tuple[float, float]]] = {}
        for point in points:
            if point["status"] == "ok":
                call = sum(point[f"{task}_ms"]["median"] for task in tasks if point[f"{task}_ms"]) / 1e3
                self._known.setdefault(point["model"], {})[point["n_atoms"]] = (point["overhead_s"], call)

    def overhead(self, model: str, n_atoms: int) -> float:
        """Seconds until the model is ready: its process, its weights, its compiler."""
        return self._expected(model, n_atoms)[0]

    def needs(self, model: str, n_atoms: int) -> float:
        """Seconds of one pass at the least; nothing where the model has not been measured yet."""
        overhead, call = self._expected(model, n_atoms)
        return overhead + CALLS_A_TASK * call

    def _expected(self, model: str, n_atoms: int) -> tuple[float, float]:
        sizes = self._known.get(model, {})
        if not sizes:
            return 0.0, 0.0
        nearest = max((size for size in sizes if size <= n_atoms), default=min(sizes))
        overhead, call = sizes[nearest]
        return overhead, call * (n_atoms / nearest) ** GROWTH


def cut_here(costs: Costs, models: Sequence[str], sizes: Sequence[int], left: float) -> dict[str, float]:
    """Models that the first of `sizes` cannot have if one pass over all of them is to end in `left` seconds.

    What costs most, the slowest models at the largest sizes, is given up first, until the rest fits.

    Args:
        costs: what is known.
        models: that take part.
        sizes: atoms, ascending; the first is at hand.
        left: s.

    Returns:
        What each would have needed, s.
    """
    needed = {(size, model): costs.needs(model, size) for size in sizes for model in models}
    given_up: dict[str, float] = {}
    while needed and sum(needed.values()) > left:
        size, model = max(needed, key=lambda pair: needed[pair])
        seconds = needed.pop((size, model))
        if size == sizes[0]:
            given_up[model] = seconds
    return given_up


def fitting(costs: Costs, slots: Sequence[Slot], taking_part: Mapping[int, Sequence[str]], left: float) -> list[Slot]:
    """The slots whose least time fits into `left` seconds together; whole passes are given up, the last first.

    Args:
        costs: what is known.
        slots: still to be measured, the one at hand first.
        taking_part: models at each size.
        left: s.
    """
    kept = list(slots)
    while kept and kept[-1][0] > kept[0][0] and _needs(costs, kept, taking_part) > left:
        kept = [slot for slot in kept if slot[0] < kept[-1][0]]
    return kept


def allowance(costs: Costs, slots: Sequence[Slot], taking_part: Mapping[int, Sequence[str]], left: float) -> float:
    """Seconds for each model in the first of `slots`, once ready: what it needs, and its share of what nobody needs."""
    here, surplus = slots[0], max(0.0, left - _needs(costs, slots, taking_part)) / len(slots)
    models = taking_part[here[1]]
    ready = sum(costs.overhead(model, here[1]) for model in models)
    return max(1.0, (_needs(costs, [here], taking_part) - ready + surplus) / max(1, len(models)))


def _needs(costs: Costs, slots: Sequence[Slot], taking_part: Mapping[int, Sequence[str]]) -> float:
    return sum(costs.needs(model, size) for _, size in slots for model in taking_part[size])
