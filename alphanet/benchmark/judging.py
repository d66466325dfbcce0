"""Cells: the paper's value beside the measured one, and a verdict that never claims more than was done."""

import statistics
from collections.abc import Sequence
from decimal import Decimal

from alphanet.benchmark.card import AnyCard, Contradiction, Metric
from alphanet.benchmark.findings import Findings, Place
from alphanet.benchmark.statistics import Interval, prediction_interval
from alphanet.results.records import Record
from alphanet.results.schema import INCONSISTENT, Cell, Independent, Verdict

RULE = (
    "Verdict of a comparable cell: `reproduced` if the 95 % prediction interval of one run (mean ± t(n - 1) s sqrt(1 "
    "+ 1/n) from n seeds with sample standard deviation s) lies within the margin around the printed value, 10 % "
    "unless the card says otherwise; `better` or `worse` if the interval excludes every number that rounds to the "
    "printed one; else `inconclusive`, as is a single seed. Times and memory have passes in new processes in place of "
    "seeds; released weights have neither, and are `reproduced` within the margin. If the paper contradicts its own "
    "value, the verdict is `paper inconsistent` and names the values that the interval holds. A cell that is not "
    "comparable or was not run keeps that verdict and is marked. Nothing is random in numbers that follow from "
    "published predictions: they are `reproduced` if they round to the printed digits. The verdict of settings and "
    "counts is `agrees` if they round to the printed digits, else `differs`; they are counted apart."
)


def build_cells(
    card: AnyCard, scale: str, findings: Findings, deviations: Sequence[str] = (), *, parts: bool = False
) -> list[Cell]:
    """All cells of `card`, in the order of its columns, metrics and rows.

    Args:
        card: the benchmark.
        scale: the protocol that was run.
        findings: the test records of each row and column, one a seed, and the reasons of cells without a number.
        deviations: differences from the protocol, such as fewer epochs; any makes cells incomparable.
        parts: the records of a cell are parts of one measurement, such as its structures, instead of seeds.
    """
    return [
        _cell(card, scale, (row, column), metric, findings, deviations, parts)
        for column in card.columns
        for metric in card.metrics
        for row in card.rows
        if card.shows(scale, row, column, metric)
    ]


def judge(printed: Decimal, values: Sequence[float], metric: Metric, repeats: Independent = "seed") -> Verdict:
    """The outcome of a comparable cell that nothing contradicts, by `RULE`.

    Args:
        printed: the paper's number.
        values: one a seed or pass, in the unit of the paper.
        metric: with the margin, and whether anything is random.
        repeats: what the values are of.
    """
    measured = statistics.fmean(values)
    if metric.better == "equal":
        return "agrees" if rounds_to(printed, measured) else "differs"
    if metric.deterministic:
        return "reproduced" if rounds_to(printed, measured) else _side(printed, measured, metric)
    if repeats == "none":
        near = abs(measured - float(printed)) <= margin_of(printed, metric)
        return "reproduced" if near else _side(printed, measured, metric)
    interval = prediction_interval(values)
    if interval is None:
        return "inconclusive"
    if abs(interval[0] - float(printed)) <= margin_of(printed, metric) >= abs(interval[1] - float(printed)):
        return "reproduced"
    return "inconclusive" if _holds(interval, printed) else _side(printed, measured, metric)


def margin_of(printed: Decimal, metric: Metric) -> float:
    """The largest difference from `printed` that counts as equal."""
    half_digit = last_digit(printed) / 2
    if not metric.is_random:
        return half_digit
    return max(half_digit, metric.margin * abs(float(printed)))


def rounds_to(printed: Decimal, measured: float) -> bool:
    """Whether `measured` rounds to the printed digits."""
    # A hair of slack: 0.235 - 0.23 is a rounding error above half a digit in binary.
    return abs(measured - float(printed)) <= last_digit(printed) / 2 * (1 + 1e-9)


def last_digit(printed: Decimal) -> float:
    """One unit of the last printed digit: 0.01 for 0.50, 0.1 for 47.3."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)  # printed numbers are finite
    return float(Decimal(1).scaleb(exponent))


def _cell(
    card: AnyCard,
    scale: str,
    place: Place,
    metric: str,
    findings: Findings,
    deviations: Sequence[str],
    parts: bool,
) -> Cell:
    row, column = place
    described = card.metrics[metric]
    printed = card.printed(row, column, metric)
    of_place = findings.records.get(place, [])
    records = [record for record in of_place if record.value(metric) is not None]
    values, repeats = _values(records, metric, described.factor)
    if parts and values:
        values, repeats = [statistics.fmean(values)], "none"
    measured = statistics.fmean(values) if values else None
    absence = findings.missing.get((*place, metric), findings.missing.get(place, "not asked for"))
    reason = _reason(card, scale, place, printed, measured, absence, deviations)
    against = card.contradictions(row, column, metric) if printed is not None else ()
    outcome, verdict = _verdict(printed, against, values, described, reason, repeats)
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
        spread=statistics.stdev(values) if len(values) > 1 else None,
        repeats=repeats,
        interval=_interval(records, metric, described.factor),
        ratio=measured / float(printed) if printed and measured is not None else None,
        prediction=prediction_interval(values) if judged and not described.deterministic else None,
        margin=margin_of(printed, described) if judged and printed is not None else None,
        comparable=not reason,
        reason=reason,
        follows=card.follows(scale, row, column),
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


def _values(records: Sequence[Record], metric: str, factor: float) -> tuple[list[float], Independent]:
    """The values that the cell is the mean of, one a seed; or one a pass, if its record is of several passes."""
    if len(records) == 1 and (passes := records[0].repeats(metric)):
        return [factor * value for value in passes], "pass"
    values = [factor * value for record in records if (value := record.value(metric)) is not None]
    return values, "none" if any(record.released for record in records) else "seed"


def _reason(
    card: AnyCard,
    scale: str,
    place: Place,
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
    if own := card.incomparable(scale, *place):
        return own
    return f"not the paper's protocol: {', '.join(deviations)}" if deviations else ""


def _verdict(
    printed: Decimal | None,
    against: Sequence[Contradiction],
    values: Sequence[float],
    metric: Metric,
    reason: str,
    repeats: Independent,
) -> tuple[Verdict, str]:
    """The outcome, and the outcome with its reasons."""
    if not values:
        return "not run", f"not run: {reason}"
    if printed is None:
        return "not in the paper", "not in the paper"
    if reason:
        return "not comparable", f"not comparable: {reason}"
    single = f" (one {repeats})" if metric.is_random and len(values) == 1 and repeats != "none" else ""
    if against:
        return "paper inconsistent", f"{INCONSISTENT}{single}: {_agreement(printed, against, values, metric, repeats)}"
    outcome = judge(printed, values, metric, repeats)
    return outcome, outcome + single


def _agreement(
    printed: Decimal, against: Sequence[Contradiction], values: Sequence[float], metric: Metric, repeats: Independent
) -> str:
    """All values with their places, and those that the measured one agrees with."""
    named = {"the table": printed, **{other.where: other.other_value for other in against}}
    texts = [f"{place} has {value}" if value is not None else f"{place} excludes it" for place, value in named.items()]
    if metric.is_random and len(values) < 2:
        return f"{', '.join(texts)}; one {repeats} does not tell which"
    agreeing = [
        f"{value} ({place})" for place, value in named.items() if value is not None and _agree(value, values, metric)
    ]
    return f"{', '.join(texts)}; measured agrees with {' and '.join(agreeing) or 'neither'}"


def _agree(printed: Decimal, values: Sequence[float], metric: Metric) -> bool:
    if not metric.is_random:
        return rounds_to(printed, statistics.fmean(values))
    interval = prediction_interval(values)
    return interval is not None and _holds(interval, printed)


def _holds(interval: Interval, printed: Decimal) -> bool:
    """Whether the interval holds a number that rounds to the printed one."""
    half_digit = last_digit(printed) / 2 * (1 + 1e-9)
    return interval[0] <= float(printed) + half_digit and float(printed) - half_digit <= interval[1]


def _side(printed: Decimal, measured: float, metric: Metric) -> Verdict:
    return "better" if (measured < float(printed)) == (metric.better == "lower") else "worse"


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
