"""Pareto fronts: what no other point beats in both of two quantities, of which less is better."""

from collections.abc import Sequence


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points on the front, in the order of the first quantity, then of the second.

    A point is beaten by one that is not larger in either quantity and smaller in one. Equal points do not beat each
    other.
    """
    order = sorted(range(len(points)), key=lambda index: (*points[index], index))
    front: list[int] = []
    for index in order:
        last = points[front[-1]] if front else None
        if last is None or points[index][1] < last[1] or points[index] == last:
            front.append(index)
    return front


def beaten_by(points: Sequence[tuple[float, float]], index: int) -> list[int]:
    """Indices of the points that beat the one at `index`; empty on the front."""
    x, y = points[index]
    return [other for other, (ox, oy) in enumerate(points) if ox <= x and oy <= y and (ox, oy) != (x, y)]
