"""Tables beside the cells of a table of stability: scores of all subsets, relaxations, comparisons."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from alphanet.measure.discovery.compare import Comparison
from alphanet.results.records import Record
from alphanet.results.schema import Grid, Number

RATES = ("f1", "daf", "precision", "recall", "accuracy", "tpr", "fpr", "tnr", "fnr")
ERRORS = ("mae", "rmse", "r2")
COUNTS = ("tp", "fp", "tn", "fn")
SIZES = {"n": "structures", "missing": "missing predictions"}
TITLES = SIZES | {name: name if name in ("precision", "recall", "accuracy") else name.upper() for name in RATES}
TITLES |= {"mae": "MAE (eV/atom)", "rmse": "RMSE (eV/atom)", "r2": "R2"} | {name: name.upper() for name in COUNTS}
LEFT_OUT = {
    "unlabeled": "structures left out: the truth lacks a DFT label",
    "unknown": "predictions left out: their structures are not in the truth",
    "discarded": "predictions further off than the largest error allowed, counted as missing",
}
RELAXED = ("structures", "converged", "unconverged", "failed", "steps", "seconds", "median_seconds")
COMPARED = {"n": 1.0, "mae": 1e3, "largest": 1e3, "within_1_mev": 1.0, "within_10_mev": 1.0}


def origin_of(row: str) -> str:
    """The key of the facts behind a row's numbers."""
    return f"discovery/{row}"


def scores_grid(row: str, record: Record) -> Grid:
    """The metrics of a row with 95 % intervals, one column per subset."""
    scores = _scores(record)
    lines = []
    for name, title in TITLES.items():
        numbers = [_score(score, name, origin_of(row)) for score in scores]
        lines.append((title, *numbers))
    columns = ("metric", *(str(score["subset"]) for score in scores))
    return Grid(id=f"scores/{row}", title=f"{row}: scores, with 95 % intervals", columns=columns, rows=tuple(lines))


def left_out(row: str, record: Record) -> list[str]:
    """Notes on the structures that the scores of a row leave out."""
    return [f"{row}: {record.data[key]} {text}" for key, text in LEFT_OUT.items() if record.data.get(key)]


def relaxations_grid(measured: Mapping[str, Record]) -> Grid | None:
    """Counts of the relaxations of each row; None if no row was relaxed."""
    relaxed = {row: record for row, record in measured.items() if "relaxations" in record.metrics}
    names: dict[str, None] = {}
    values: dict[str, dict[str, JsonValue]] = {}
    for row, record in relaxed.items():
        summary: Any = record.metrics["relaxations"]
        counts = {name.replace("_", " "): summary[name] for name in RELAXED if name in summary}
        counts |= {f"flagged: {flag}": count for flag, count in summary["flags"].items()}
        counts |= {f"failed: {reason}": count for reason, count in summary["reasons"].items()}
        counts |= {f"geometry: {name}": value for name, value in summary.get("geometry", {}).items()}
        values[row] = counts
        names |= dict.fromkeys(counts)
    if not relaxed:
        return None
    lines = [(name, *(_plain(values[row].get(name), origin_of(row)) for row in relaxed)) for name in names]
    return Grid(id="relaxations", title="Relaxations", columns=("", *relaxed), rows=tuple(lines))


def anew_grid(compared: Mapping[str, Comparison | str], origins: Mapping[str, str]) -> Grid:
    """Differences from the published predictions of a sample that was relaxed here; a reason in place of numbers."""
    lines: list[tuple[str | Number, ...]] = []
    for row, comparison in compared.items():
        if isinstance(comparison, str):
            lines.append((row, *("–" for _ in COMPARED), comparison))
            continue
        found = comparison.numbers
        numbers = [_plain(factor * found[name], origins[row]) for name, factor in COMPARED.items()]
        lines.append((row, *numbers, f"largest: {comparison.largest_id}"))
    columns = ("row", "structures", "MAE (meV/atom)", "largest (meV/atom)", "within 1", "within 10", "")
    return Grid(
        id="relaxed-anew",
        title="A sample relaxed anew, beside the published predictions",
        columns=columns,
        rows=tuple(lines),
    )


def cross_check_grid(row: str, record: Record) -> Grid | None:
    """The metrics by this code and by the package, side by side; None if they were not compared."""
    check: Any = record.metrics.get("cross_check")
    if not check or not check["package"]:
        return None
    lines = []
    for name, package in check["package"].items():
        verdict = "differs" if name in check["differences"] else "same"
        own = check["own"].get(name)
        lines.append((TITLES.get(name, name), _plain(own, origin_of(row)), _plain(package, origin_of(row)), verdict))
    columns = ("metric", "here", f"matbench-discovery {check['version']}".strip(), "")
    title = f"{row}: computed twice, all structures"
    return Grid(id=f"cross-check/{row}", title=title, columns=columns, rows=tuple(lines))


def _scores(record: Record) -> list[dict[str, Any]]:
    """The scores of all subsets of a record; empty if it has none."""
    scores: Any = record.metrics.get("scores", [])
    return list(scores)


def _score(score: Mapping[str, Any], name: str, origin: str) -> str | Number:
    value = score.get(name)
    if value is None:
        return "undefined (0/0)"
    interval = score.get("intervals", {}).get(name)
    if name in COUNTS or name in SIZES:
        return Number(text=str(value), value=value, origin=origin)
    if interval is None:
        return Number(text=f"{value:.4f}", value=value, origin=origin)
    low, high = interval
    return Number(text=f"{value:.4f} ({low:.4f}–{high:.4f})", value=value, origin=origin, interval=(low, high))


def _plain(value: JsonValue, origin: str) -> str | Number:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    return Number(text=f"{value:.6g}", value=value, origin=origin)
