"""What the paper claims of a figure without printing numbers, and whether the measured curves bear it out."""

from collections.abc import Mapping
from typing import Any

from alphanet.paper.speed_cards import SpeedFigure


def fastest_claim(card: SpeedFigure, summary: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """Whether the row `card.fastest` is ahead of every other at every size that was measured.

    Args:
        card: the figure.
        summary: what `speed.json` says.
        reason: why the run is not comparable with the paper's; empty where it is.

    Returns:
        `claim`, `verdict` (holds, does not hold, not measured; with the reason in brackets), `ahead` (for each size the
        rows that were faster).
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
    return {"claim": claim, "verdict": f"{verdict} ({reason})" if reason else verdict, "ahead": ahead}


def claim_lines(found: Mapping[str, Any]) -> list[str]:
    """The claim and its verdict in words."""
    lines = [f"claimed: {found['claim']}", f"here: {found['verdict']}"]
    return lines + [f"  {size} atoms: ahead of it {', '.join(rows)}" for size, rows in found["ahead"].items() if rows]
