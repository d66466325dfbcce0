"""What the paper claims of a figure without printing numbers, and whether the measured curves bear it out."""

from collections.abc import Mapping
from typing import Any

from alphanet.measure.landscape import Landscape
from alphanet.paper.landscape_cards import LandscapeFigure
from alphanet.paper.speed_cards import SpeedFigure


def fastest_claim(card: SpeedFigure, summary: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Whether the row `card.fastest` is ahead of every other at every size that was measured.

    Args:
        card: the figure.
        summary: what `speed.json` says.
        reason: why the run is not comparable with the paper's; empty where it is.

    Returns:
        `claim`, `verdict` (holds, does not hold, not measured; with the reason in brackets), `details` in words, and
        `ahead` (for each size the rows that were faster).
    """
    assert card.fastest is not None
    claim = f"{card.fastest} is the fastest at every size"
    titles = {row.model: title for title, row in card.rows.items()}
    times: dict[int, dict[str, float]] = {}
    for point in summary["points"]:
        if point["step_ms"]:
            times.setdefault(point["n_atoms"], {})[titles[point["model"]]] = point["step_ms"]["median"]
    own = {size: found for size, found in times.items() if card.fastest in found and len(found) > 1}
    ahead = {
        size: sorted((row for row in found if found[row] < found[card.fastest]), key=found.__getitem__)
        for size, found in own.items()
    }
    held = "does not hold" if any(ahead.values()) else "holds"
    verdict = held if own else "not measured"
    details = [f"{size} atoms: ahead of it {', '.join(rows)}" for size, rows in ahead.items() if rows]
    return _judged(claim, verdict, reason) | {"details": details, "ahead": ahead}


def sliding_claim(card: LandscapeFigure, found: Landscape | None, reason: str) -> dict[str, Any]:
    """Whether the sliding surface of the row `card.claim.row` is as close to the reference as the paper says.

    Args:
        card: the figure.
        found: the row's landscape; none: it was not measured.
        reason: why it was not, or why it is not comparable with the paper's; empty where it is.

    Returns:
        `claim`, `verdict` and `details` as `fastest_claim`; where measured also `value` and `below`, meV/atom.
    """
    if found is None:
        return _judged(card.claim.text, "not measured", reason) | {"details": []}
    metrics, below = found.metrics(), float(card.claim.below)
    value, corrugation = 1e3 * metrics["sliding_max_difference"], 1e3 * metrics["corrugation_reference"]
    x, y = found.slide[abs(found.difference).argmax()]
    details = [
        f"largest difference {value:.3g} meV/atom, at ({x:.2f}, {y:.2f}) Å from AB",
        f"the reference itself varies by {corrugation:.3g} meV/atom",
    ]
    verdict = "holds" if value < below else "does not hold"
    return _judged(card.claim.text, verdict, reason) | {"details": details, "value": value, "below": below}


def claim_lines(found: Mapping[str, Any]) -> list[str]:
    """The claim and its verdict in words."""
    return [f"claimed: {found['claim']}", f"here: {found['verdict']}", *(f"  {line}" for line in found["details"])]


def _judged(claim: str, verdict: str, reason: str) -> dict[str, Any]:
    return {"claim": claim, "verdict": f"{verdict} ({reason})" if reason else verdict}
