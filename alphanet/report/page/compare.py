"""Differences between two reports: values of cells, verdicts, and verdicts that got worse."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.report.page.collect import collect
from alphanet.report.page.model import SCHEMA, VERSION, Report
from alphanet.results.schema import INCONSISTENT, RESULTS, BenchmarkResult, Part, read_result

RANKS = {
    "reproduced": 3,
    "better": 3,
    "agrees": 3,
    "supported": 3,
    "worse": 2,
    INCONSISTENT: 2,
    "differs": 2,
    "contradicted": 2,
    "inconclusive": 1,
    "undecided": 1,
    "not comparable": 1,
    "not in the paper": 1,
    "not run": 0,
    "not tested": 0,
}
"""A verdict got worse if it moved to a lower rank: away from the paper, to a cell that can no longer be compared, or to
no number. A missing cell ranks as one not run. A change from `not comparable` to `worse` is no loss, because more is
known."""
GONE = "not there"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A cell or a claim."""

    value: float | None
    verdict: str


class Change(Part):
    """A cell or claim that differs."""

    cell: str
    a: float | None
    b: float | None
    difference: float | None
    relative: float | None
    verdicts: tuple[str, str]
    worse: bool


class Comparison(Part):
    """The differences between two reports, verdicts that got worse first, then the largest relative differences."""

    same: int  # cells and claims that do not differ
    changes: tuple[Change, ...]


def read_judged(place: Path) -> dict[Key, Judged]:
    """Cells by table, scale, column, metric and row, and claims by figure, scale and claim.

    Args:
        place: a report's folder, the `results.json` of a report or a run, or a folder of runs.

    Raises:
        UserError: it is none of these, or a report of another version.
    """
    path = place / RESULTS if place.is_dir() else place
    if path.is_file():
        values = read_json_object(path)
        if values.get("schema") == SCHEMA:
            return _judged(_read_report(path).results)
        if not place.is_dir() or values.get("schema"):
            return _judged([read_result(path)])
    if not place.is_dir():
        raise UserError(f"{place} is no report and no folder of runs")
    return _judged(collect([place]).report.results)


def compare(first: Mapping[Key, Judged], second: Mapping[Key, Judged]) -> Comparison:
    """The differences between two reports.

    Raises:
        UserError: the two have nothing in common.
    """
    if not first.keys() & second.keys():
        raise UserError("the two have no cell or claim in common: other tables, or other scales")
    keys = list(dict.fromkeys([*first, *second]))
    absent = Judged(None, GONE)
    pairs = {key: (first.get(key, absent), second.get(key, absent)) for key in keys}
    changes = [_change(key, a, b) for key, (a, b) in pairs.items() if a != b]
    changes.sort(key=lambda change: (not change.worse, -abs(change.relative or 0.0)))
    return Comparison(same=len(keys) - len(changes), changes=tuple(changes))


def difference_lines(changes: Sequence[Change]) -> list[tuple[str, ...]]:
    """Rows for a table: cell, both values, their difference, the verdict or how it changed."""
    lines = []
    for change in changes:
        percent = "" if change.relative is None else f" ({100 * change.relative:+.3g} %)"
        difference = "" if change.difference is None else f"{change.difference:+.4g}{percent}"
        a, b = change.verdicts
        verdict = a if a == b else f"{a} → {b}"
        values = ("–" if value is None else f"{value:.6g}" for value in (change.a, change.b))
        lines.append((change.cell, *values, difference, f"WORSE: {verdict}" if change.worse else verdict))
    return lines


def _read_report(path: Path) -> Report:
    values = read_json_object(path)
    if values.get("version") != VERSION:
        raise UserError(f"{path} is a report of version {values.get('version')}, not {VERSION}; make it again")
    try:
        return Report.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is no whole report ({key}: {first['msg']}); make it again") from error


def _judged(results: Iterable[BenchmarkResult]) -> dict[Key, Judged]:
    judged: dict[Key, Judged] = {}
    for result in results:
        for cell in result.cells:
            key = (cell.table, cell.scale, cell.column, cell.metric, cell.row)
            judged.setdefault(key, Judged(cell.measured, cell.outcome))
        for claim in result.claims:
            judged.setdefault((result.name, result.scale, claim.id), Judged(claim.effect, claim.outcome))
    return judged


def _change(key: Key, a: Judged, b: Judged) -> Change:
    difference = None if a.value is None or b.value is None else b.value - a.value
    return Change(
        cell=" · ".join(key),
        a=a.value,
        b=b.value,
        difference=difference,
        relative=difference / abs(a.value) if difference is not None and a.value else None,
        verdicts=(a.verdict, b.verdict),
        worse=RANKS.get(b.verdict, 0) < RANKS.get(a.verdict, 0),
    )
