"""The time budget of a sweep: the points that fit, the number of repeats, and the time of each point."""

from collections.abc import Iterable, Mapping, Sequence

from alphanet.measure.speed.points import SpeedPoint

GROWTH = 1.1  # exponent by which a larger system is expected to take longer
CALLS_A_TASK = 2  # that a repeat needs at least of a point: one to warm up, and one round

Slot = tuple[int, int]  # repeat and atoms; all models are measured in it, taking turns


class Costs:
    """Measured times of points, and estimates for other points from them."""

    def __init__(self, points: Iterable[SpeedPoint], tasks: Sequence[str]) -> None:
        """Add the times of `points`."""
        self._known: dict[str, dict[int, tuple[float, float]]] = {}
        for point in points:
            if point.ok:
                call = sum(point.times_ms[task].median for task in tasks if task in point.times_ms) / 1e3
                self._known.setdefault(point.model, {})[point.n_atoms] = (point.overhead_s, call)

    def overhead(self, model: str, n_atoms: int) -> float:
        """Seconds until the model is ready: its process, its weights, its compiler."""
        return self._expected(model, n_atoms)[0]

    def needs(self, model: str, n_atoms: int) -> float:
        """Least seconds of one repeat; 0 if the model has not been measured yet."""
        overhead, call = self._expected(model, n_atoms)
        return overhead + CALLS_A_TASK * call

    def _expected(self, model: str, n_atoms: int) -> tuple[float, float]:
        sizes = self._known.get(model, {})
        if not sizes:
            return 0.0, 0.0
        nearest = max((size for size in sizes if size <= n_atoms), default=min(sizes))
        overhead, call = sizes[nearest]
        return overhead, call * (n_atoms / nearest) ** GROWTH


def models_over_budget(costs: Costs, models: Sequence[str], sizes: Sequence[int], left: float) -> dict[str, float]:
    """Models to skip at `sizes[0]` so that one repeat over all sizes fits into `left` seconds; and the seconds of each.

    The most expensive points, the slowest models at the largest sizes, are given up first, until the rest fits.

    Args:
        costs: of the points so far.
        models: that take part.
        sizes: atoms, ascending.
        left: s.
    """
    needed = {(size, model): costs.needs(model, size) for size in sizes for model in models}
    given_up: dict[str, float] = {}
    while needed and sum(needed.values()) > left:
        size, model = max(needed, key=lambda pair: needed[pair])
        seconds = needed.pop((size, model))
        if size == sizes[0]:
            given_up[model] = seconds
    return given_up


def slots_within_budget(
    costs: Costs, slots: Sequence[Slot], models: Mapping[int, Sequence[str]], left: float
) -> list[Slot]:
    """The slots whose least time fits into `left` seconds together; whole repeats are given up, the last first.

    Args:
        costs: of the points so far.
        slots: still to be measured, the next one first.
        models: that take part, by size.
        left: s.
    """
    fitting = list(slots)
    while fitting and fitting[-1][0] > fitting[0][0] and _needs(costs, fitting, models) > left:
        fitting = [slot for slot in fitting if slot[0] < fitting[-1][0]]
    return fitting


def allowance(costs: Costs, slots: Sequence[Slot], models: Mapping[int, Sequence[str]], left: float) -> float:
    """Seconds of each model, once ready, in `slots[0]`: what it needs, and its share of the time that nobody needs."""
    slot, surplus = slots[0], max(0.0, left - _needs(costs, slots, models)) / len(slots)
    of_slot = models[slot[1]]
    ready = sum(costs.overhead(model, slot[1]) for model in of_slot)
    return max(1.0, (_needs(costs, [slot], models) - ready + surplus) / max(1, len(of_slot)))


def _needs(costs: Costs, slots: Sequence[Slot], models: Mapping[int, Sequence[str]]) -> float:
    return sum(costs.needs(model, size) for _, size in slots for model in models[size])
