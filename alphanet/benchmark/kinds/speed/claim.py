"""The claim that one row is the fastest at every size."""

from alphanet.benchmark.judging import judged_claim
from alphanet.benchmark.kinds.speed.card import SpeedCard
from alphanet.measure.speed.summary import SweepSummary
from alphanet.results.schema import Claim, ClaimVerdict


def fastest_claim(card: SpeedCard, summary: SweepSummary | None, reason: str) -> Claim:
    """Whether the row `card.fastest` is ahead of every other at every size that was measured.

    Args:
        card: with the claim.
        summary: of the sweep whose first task decides; None if it was not run.
        reason: why the run is not comparable with the paper's; empty if it is.
    """
    assert card.fastest is not None
    text = f"{card.fastest} is the fastest at every size"
    ahead = {} if summary is None else rows_ahead(card, summary)
    outcome: ClaimVerdict = "not tested"
    if ahead:
        outcome = "contradicted" if any(ahead.values()) else "supported"
    details = [f"{size} atoms: ahead of it {', '.join(rows)}" for size, rows in ahead.items() if rows]
    return judged_claim("fastest", text, outcome, reason, details)


def rows_ahead(card: SpeedCard, summary: SweepSummary) -> dict[int, list[str]]:
    """The rows that were faster than `card.fastest`, fastest first, at each size where it has a rival."""
    assert card.fastest is not None
    titles = {row.model: title for title, row in card.rows.items()}
    own_model, task = card.rows[card.fastest].model, summary.tasks[0]
    times: dict[int, dict[str, float]] = {}
    for point in summary.points:
        if task in point.times_ms:
            times.setdefault(point.n_atoms, {})[point.model] = point.times_ms[task].median
    return {
        size: [titles[model] for model in sorted(of_size, key=of_size.__getitem__) if of_size[model] < own]
        for size, of_size in times.items()
        if len(of_size) > 1 and (own := of_size.get(own_model)) is not None
    }
