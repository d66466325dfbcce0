"""Cells: the paper's value beside the measured one, and a verdict that never claims more than was done."""

import statistics
from collections.abc import Sequence
from decimal import Decimal

from alphanet.benchmark.card import AnyCard, Contradiction
from alphanet.benchmark.findings import Findings, Place
from alphanet.results.records import Record
from alphanet.results.schema import INCONSISTENT, Cell, Claim, ClaimVerdict, Verdict

RULE = (
    "Verdict of a comparable cell: `reproduced` if measured and paper differ by at most half a unit of the paper's "
    "last printed digit plus twice the sample standard deviation over seeds; else `better` or `worse`. With one seed "
    "the spread is unknown and counts as zero, which the verdict states. If the paper contradicts its own value, there "
    "is no value to reproduce: the verdict is `paper inconsistent` and names the values that the measured one agrees "
    "with by the same tolerance. A cell that is not comparable or was not run keeps that verdict and is marked. "
    "Settings and counts have no seeds: they are `agrees` if they round to the printed digits, else `differs`."
)


def build_cells(card: AnyCard, scale: str, findings: Findings, deviations: Sequence[str] = ()) -> list[Cell]:
    """All cells of `card`, in the order of its columns, metrics and rows.

    Args:
        card: the benchmark.
        scale: the protocol that was run.
        findings: the test records of each row and column, one a seed, and the reasons of cells without a number.
        deviations: differences from the protocol, such as fewer epochs; any makes cells incomparable.
    """
    return [
        _cell(card, scale, (row, column), metric, findings, deviations)
        for column in card.columns
        for metric in card.metrics
        for row in card.rows
        if card.shows(scale, row, column, metric)
    ]


def judge(printed: Decimal, measured: float, spread: float | None, better: str) -> Verdict:
    """The outcome of a comparable cell that nothing contradicts, by `RULE`."""
    agrees = _agree(printed, measured, spread)
    if better == "equal":
        return "agrees" if agrees else "differs"
    if agrees:
        return "reproduced"
    return "better" if (measured < float(printed)) == (better == "lower") else "worse"


def tolerance(printed: Decimal, spread: float | None) -> float:
    """The largest difference between the measured and the printed value that counts as reproduced, by `RULE`."""
    return last_digit(printed) / 2 + 2 * (spread or 0.0)


def last_digit(printed: Decimal) -> float:
    """One unit of the last printed digit: 0.01 for 0.50, 0.1 for 47.3."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)  # printed numbers are finite
    return float(Decimal(1).scaleb(exponent))


def judged_claim(
    identity: str,
    text: str,
    outcome: ClaimVerdict,
    reason: str,
    details: Sequence[str] = (),
    effect: float | None = None,
    threshold: float | None = None,
    scale: str = "mini",
) -> Claim:
    """A claim with its verdict in words; `reason` says why it is not comparable or not tested, if it is not."""
    verdict = f"{outcome} ({reason})" if reason else outcome
    return Claim(
        id=identity,
        text=text,
        place="",
        scale=scale,
        test="",
        outcome=outcome,
        verdict=verdict,
        details=tuple(details),
        effect=effect,
        threshold=threshold,
    )


def _cell(card: AnyCard, scale: str, place: Place, metric: str, findings: Findings, deviations: Sequence[str]) -> Cell:
    row, column = place
    described = card.metrics[metric]
    printed = card.printed(row, column, metric)
    of_place = findings.records.get(place, [])
    records = [record for record in of_place if record.value(metric) is not None]
    values = [described.factor * value for record in records if (value := record.value(metric)) is not None]
    measured = statistics.fmean(values) if values else None
    spread = statistics.stdev(values) if len(values) > 1 else None
    absence = findings.missing.get((*place, metric), findings.missing.get(place, "not asked for"))
    reason = _reason(card, scale, printed, measured, absence, deviations)
    against = card.contradictions(row, column, metric) if printed is not None else ()
    outcome, verdict = _verdict(printed, against, measured, spread, described.better, reason)
    judged = printed is not None and measured is not None and not reason
    return Cell(
        table=card.name,
        row=row,
        column=column,
        metric=metric,
        metric_title=described.title,
        unit=described.unit,
        scale=scale,
        printed=None if printed is None else str(printed),
        paper=None if printed is None else float(printed),
        measured=measured,
        spread=spread,
        interval=_interval(records, metric, described.factor),
        ratio=measured / float(printed) if printed and measured is not None else None,
        margin=tolerance(printed, spread) if judged and printed is not None else None,
        comparable=not reason,
        reason=reason,
        outcome=outcome,
        verdict=verdict,
        inconsistent=bool(against),
        errata=tuple(erratum.text for erratum in card.errata if erratum.touches(row, column, metric))
        if printed is not None
        else (),
        records=tuple(record.id for record in records),
        # Cells of one place that rest on the same records share their facts.
        origin="/".join(("cell", row, column, *(() if records == of_place else (metric,)))) if records else "",
    )


def _reason(
    card: AnyCard,
    scale: str,
    printed: Decimal | None,
    measured: float | None,
    absence: str,
    deviations: Sequence[str],
) -> str:
    if measured is None:
        return absence
    if printed is None:
        return "the paper has no such row"
    settings = card.scale(scale)
    if not settings.comparable:
        return str(settings.reason)
    return f"not the paper's protocol: {', '.join(deviations)}" if deviations else ""


def _verdict(
    printed: Decimal | None,
    against: Sequence[Contradiction],
    measured: float | None,
    spread: float | None,
    better: str,
    reason: str,
) -> tuple[Verdict, str]:
    """The outcome, and the outcome with its reasons."""
    if measured is None:
        return "not run", f"not run: {reason}"
    if printed is None:
        return "not in the paper", "not in the paper"
    if reason:
        return "not comparable", f"not comparable: {reason}"
    # A setting or a count has no seeds.
    seeds = "" if spread is not None or better == "equal" else " (one seed)"
    if against:
        return "paper inconsistent", f"{INCONSISTENT}{seeds}: {_agreement(printed, against, measured, spread)}"
    outcome = judge(printed, measured, spread, better)
    return outcome, outcome + seeds


def _agreement(printed: Decimal, against: Sequence[Contradiction], measured: float, spread: float | None) -> str:
    """All values with their places, and those that the measured one agrees with."""
    values = {"the table": printed, **{other.where: other.other_value for other in against}}
    texts = [f"{place} has {value}" if value is not None else f"{place} excludes it" for place, value in values.items()]
    agreeing = [
        f"{value} ({place})" for place, value in values.items() if value is not None and _agree(value, measured, spread)
    ]
    return f"{', '.join(texts)}; measured agrees with {' and '.join(agreeing) or 'neither'}"


def _agree(printed: Decimal, measured: float, spread: float | None) -> bool:
    # A hair of slack: 0.235 - 0.23 is a rounding error above half a digit in binary.
    return abs(measured - float(printed)) <= tolerance(printed, spread) * (1 + 1e-9)


def _interval(records: Sequence[Record], metric: str, factor: float) -> tuple[float, float] | None:
    """The 95 % interval of a single record's metric, in the unit of the table."""
    if len(records) != 1:
        return None
    intervals = records[0].metrics.get("intervals")
    bounds = intervals.get(metric) if isinstance(intervals, dict) else None
    if not isinstance(bounds, list) or len(bounds) != 2:
        return None
    low, high = bounds
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return None
    return factor * low, factor * high
