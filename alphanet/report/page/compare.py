"""What differs between two reports: values of cells, verdicts, and whether a verdict got worse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.files import read_json_object
from alphanet.paper.cells import INCONSISTENT
from alphanet.report.page.collect import RESULTS, collect
from alphanet.report.page.model import SCHEMA, VERSION
from alphanet.report.page.reading import number

RANKS = {
    "reproduced": 3,
    "better": 3,
    "holds": 3,
    "worse": 2,
    INCONSISTENT: 2,
    "does not hold": 2,
    "not comparable": 1,
    "not in the paper": 1,
    "not run": 0,
    "not measured": 0,
}
"""A verdict got worse where it moved to a lower rank: away from the paper, to what can no longer be compared, or to no
number. A cell that is gone ranks as one not run. From `not comparable` to `worse` is no loss: more is known."""
GONE = "not there"

Key = tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A cell or a claim."""

    value: float | None
    verdict: str


def read_judged(place: Path) -> dict[Key, Judged]:
    """Cells by table, scale, column, metric and row, and claims by figure, scale and claim.

    Args:
        place: a report's folder, its `results.json`, or a folder of runs.

    Raises:
        UserError: it is none of these, or a report of another version.
    """
    path = place / RESULTS if place.is_dir() else place
    if path.is_file():
        values = read_json_object(path)
        if values.get("schema") == SCHEMA:
            return _judged(values, path)
    if not place.is_dir():
        raise UserError(f"{place} is no report and no folder of runs")
    return _judged(collect([place]).as_dict(), place)


def changes_of(first: Mapping[Key, Judged], second: Mapping[Key, Judged]) -> dict[str, Any]:
    """What differs, the largest relative differences first.

    Returns:
        `same` (how many), `changes` (each `cell`, `a`, `b`, `difference`, `relative`, `verdicts`, `worse`).

    Raises:
        UserError: the two have nothing in common.
    """
    if not first.keys() & second.keys():
        raise UserError("the two have no cell or claim in common: other tables, or other scales")
    keys = list(dict.fromkeys([*first, *second]))
    absent = Judged(None, GONE)
    pairs = {key: (first.get(key, absent), second.get(key, absent)) for key in keys}
    changes = [_change(key, a, b) for key, (a, b) in pairs.items() if a != b]
    changes.sort(key=lambda change: (not change["worse"], -abs(change["relative"] or 0.0)))
    return {"same": len(keys) - len(changes), "changes": changes}


def difference_lines(changes: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows for a table: cell, both values, their difference, the verdict or how it changed."""
    lines = []
    for change in changes:
        percent = "" if change["relative"] is None else f" ({100 * change['relative']:+.3g} %)"
        difference = "" if change["difference"] is None else f"{change['difference']:+.4g}{percent}"
        a, b = change["verdicts"]
        verdict = a if a == b else f"{a} → {b}"
        values = ("–" if change[side] is None else f"{change[side]:.6g}" for side in ("a", "b"))
        lines.append((change["cell"], *values, difference, f"WORSE: {verdict}" if change["worse"] else verdict))
    return lines


def _judged(report: Mapping[str, Any], place: Path) -> dict[Key, Judged]:
    if report["version"] != VERSION:
        raise UserError(f"{place} is a report of version {report['version']}, not {VERSION}; make it again")
    found: dict[Key, Judged] = {}
    try:
        for run in report["runs"]:
            for cell in run["cells"]:
                key = (cell["table"], cell["scale"], cell["column"], cell["metric"], cell["row"])
                found.setdefault(key, Judged(number(cell["measured"]), cell["verdict"]))
            for claim in run["claims"]:
                found.setdefault((run["name"], run["scale"], claim["text"]), Judged(None, claim["verdict"]))
    except (KeyError, TypeError) as error:
        raise UserError(f"{place} is no whole report ({error}); make it again") from error
    return found


def _change(key: Key, a: Judged, b: Judged) -> dict[str, Any]:
    difference = None if a.value is None or b.value is None else b.value - a.value
    return {
        "cell": " · ".join(key),
        "a": a.value,
        "b": b.value,
        "difference": difference,
        "relative": difference / abs(a.value) if difference is not None and a.value else None,
        "verdicts": [a.verdict, b.verdict],
        "worse": RANKS.get(b.verdict, 0) < RANKS.get(a.verdict, 0),
    }
