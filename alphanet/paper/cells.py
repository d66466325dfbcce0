"""Cells: the paper's value beside the measured one, and a verdict that never claims more than was done."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from alphanet.paper.benchmark import Contradiction, Table
from alphanet.results import Record

RULE = (
    "Verdict of a comparable cell: `reproduced` if measured and paper differ by at most half a unit of the paper's "
    "last printed digit plus twice the sample standard deviation over seeds; else `better` or `worse`. With one seed "
    "the spread is unknown and counts as zero, which the verdict says. Where the paper contradicts its own value there "
    "is no value to reproduce: the verdict is `paper inconsistent`, and says with which of the values the measured one "
    "agrees by the same tolerance. A cell that is not comparable or was not run stays that, and is marked. Settings "
    "and counts have no seeds: they are `reproduced` if they round to the printed digits, else `worse`."
)

INCONSISTENT = "paper inconsistent"

Place = tuple[str, ...]  # row and column


@dataclass(frozen=True)
class Cell:
    """One number of a table. `paper`, `measured` and `spread` are in `unit`."""

    table: str
    row: str
    column: str
    metric: str
    unit: str
    paper: float | None
    measured: float | None  # mean over seeds
    spread: float | None  # sample standard deviation over seeds; none with one seed
    scale: str
    comparable: bool
    reason: str  # why not comparable; empty where it is
    verdict: str
    inconsistent: bool  # the paper contradicts `paper`, whatever the verdict is
    records: tuple[str, ...]  # ids of the records behind `measured`

    def as_dict(self) -> dict[str, Any]:
        """The cell as plain values."""
        return {**asdict(self), "records": list(self.records)}


def build_cells(
    benchmark: Table,
    scale: str,
    records: Mapping[Place, Sequence[Record]],
    *,
    missing: Mapping[Place, str],
    deviations: Sequence[str] = (),
) -> list[Cell]:
    """All cells of `benchmark`, in the order of its columns, metrics and rows.

    Args:
        benchmark: the card.
        scale: the protocol that was run.
        records: the test records of each row and column, one a seed.
        missing: why a row and column (or, with the metric as a third, one cell) has no number.
        deviations: what was done otherwise than the protocol says (say, fewer epochs); any makes cells
            incomparable.
    """
    return [
        _cell(benchmark, scale, (row, column), metric, records.get((row, column), ()), missing, deviations)
        for column in benchmark.columns
        for metric in benchmark.metrics
        for row in benchmark.rows
        if benchmark.shows(scale, row, column, metric)
    ]


def _cell(
    benchmark: Table,
    scale: str,
    place: Place,
    metric: str,
    records: Sequence[Record],
    missing: Mapping[Place, str],
    deviations: Sequence[str],
) -> Cell:
    row, column = place
    described = benchmark.metrics[metric]
    printed = benchmark.printed(row, column, metric)
    values = [described.per_record_unit * record.what[metric] for record in records if metric in record.what]
    measured = statistics.fmean(values) if values else None
    spread = statistics.stdev(values) if len(values) > 1 else None
    absence = missing.get((*place, metric), missing.get(place, "not asked for"))
    reason = _reason(benchmark, scale, printed, measured, absence, deviations)
    against = benchmark.contradictions(row, column, metric) if printed is not None else ()
    if measured is None:
        verdict = f"not run: {reason}"
    elif printed is None:
        verdict = "not in the paper"
    elif reason:
        verdict = f"not comparable: {reason}"
    elif against:
        verdict = judge_inconsistent(printed, against, measured, spread, described.better)
    else:
        verdict = judge(printed, measured, spread, described.better)
    return Cell(
        table=benchmark.name,
        row=row,
        column=column,
        metric=metric,
        unit=described.unit,
        paper=None if printed is None else float(printed),
        measured=measured,
        spread=spread,
        scale=scale,
        comparable=not reason,
        reason=reason,
        verdict=verdict,
        inconsistent=bool(against),
        records=tuple(record.id for record in records),
    )


def _reason(
    benchmark: Table,
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
    protocol = benchmark.scale(scale)
    if not protocol.comparable:
        return protocol.reason
    return f"not the paper's protocol: {', '.join(deviations)}" if deviations else ""


def judge(printed: Decimal, measured: float, spread: float | None, better: str) -> str:
    """The verdict of a comparable cell that nothing contradicts, by `RULE`."""
    if _agree(printed, measured, spread):
        verdict = "reproduced"
    elif better == "equal":
        verdict = "worse"
    else:
        verdict = "better" if (measured < float(printed)) == (better == "lower") else "worse"
    return verdict + _seeds(spread, better)


def judge_inconsistent(
    printed: Decimal, against: Sequence[Contradiction], measured: float, spread: float | None, better: str
) -> str:
    """The verdict of a comparable cell whose printed value the paper contradicts, by `RULE`.

    It tells all values with their places, and those that the measured one agrees with.
    """
    values = {"the table": printed, **{one.where: one.says for one in against}}
    told = [f"{place} has {value}" if value is not None else f"{place} excludes it" for place, value in values.items()]
    agreeing = [
        f"{value} ({place})" for place, value in values.items() if value is not None and _agree(value, measured, spread)
    ]
    agrees = " and ".join(agreeing) or "neither"
    return f"{INCONSISTENT}{_seeds(spread, better)}: {', '.join(told)}; measured agrees with {agrees}"


def _seeds(spread: float | None, better: str) -> str:
    """What a verdict says of seeds; a setting or a count has none."""
    return "" if spread is not None or better == "equal" else " (one seed)"


def _agree(printed: Decimal, measured: float, spread: float | None) -> bool:
    # A hair of slack: 0.235 - 0.23 is a rounding error above half a digit in binary.
    return abs(measured - float(printed)) <= tolerance(printed, spread) * (1 + 1e-9)


def tolerance(printed: Decimal, spread: float | None) -> float:
    """By how much a measured value may differ from the printed one to reproduce it, by `RULE`."""
    return last_digit(printed) / 2 + 2 * (spread or 0.0)


def last_digit(printed: Decimal) -> float:
    """One unit of the last printed digit: 0.01 for 0.50, 0.1 for 47.3."""
    exponent = printed.as_tuple().exponent
    assert isinstance(exponent, int)  # printed numbers are finite
    return float(Decimal(1).scaleb(exponent))
