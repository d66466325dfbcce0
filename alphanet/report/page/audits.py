"""Read audits of physics and scores of crystal stability, as `alphanet bench physics` and `bench wbm` left them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alphanet.report.page.model import Grid, Number, Run
from alphanet.report.page.reading import listed, number, place_facts

SHOWN = {"n": "structures", "missing": "without prediction", "f1": "F1", "daf": "DAF", "precision": "precision"}
SHOWN |= {"recall": "recall", "accuracy": "accuracy", "mae": "MAE (eV/atom)", "rmse": "RMSE (eV/atom)", "r2": "R2"}


def read_physics(run: Run, found: Mapping[str, Any]) -> None:
    """Add the audits of a `physics.json` to `run`: a summary, and every check of each potential."""
    run.where = dict(found["where"])
    summary = []
    for place, audit in enumerate(found["models"]):
        key = f"{run.id}/{place}"
        name = f"{_short(audit['model'])}{' (random weights)' if audit['untrained'] else ''}"
        settings = listed(audit.get("provenance", {}))
        run.origins[key] = {"model": name, "file": "physics.json", "settings": settings} | place_facts(run.where)
        if "error" in audit:
            run.problems.append(f"{name}: failed: {audit['error']}")
        made = [check for check in audit["checks"] if check["passed"] is not None]
        passed = sum(check["passed"] for check in made)
        wrong = ", ".join(dict.fromkeys(check["group"] for check in made if not check["passed"]))
        counted = Number(f"{key}/passed", f"{passed} of {len(made)}", passed, key)
        left = Number(f"{key}/unchecked", str(len(audit["checks"]) - len(made)), len(audit["checks"]) - len(made), key)
        summary.append((name, str(audit.get("precision", "")), counted, left, wrong or "none"))
        run.grids.append(_checks(key, name, audit["checks"]))
    columns = ("potential", "precision", "checks passed", "not checked", "properties that fail")
    run.grids.insert(0, Grid(f"{run.id}/summary", "What each potential keeps", columns, tuple(summary)))


def read_stability(run: Run, scores: Mapping[str, Any]) -> None:
    """Add the scores of a `metrics.json`, a row a subset of WBM, to `run`."""
    first = {key: value for key, value in scores.items() if key != "subsets"}
    rows = []
    for score in (first, *scores.get("subsets", {}).values()):
        key = f"{run.id}/{score['subset']}"
        run.origins[key] = {"file": "metrics.json", "subset": str(score["subset"])} | place_facts(run.where)
        rows.append((str(score["subset"]), *(_score(key, score, name) for name in SHOWN)))
    columns = ("subset", *SHOWN.values())
    run.grids.append(Grid(f"{run.id}/scores", "Scores, with 95 % intervals", columns, tuple(rows)))


def _checks(key: str, name: str, checks: list[Mapping[str, Any]]) -> Grid:
    rows = []
    for place, check in enumerate(checks):
        value, limit = number(check["value"]), number(check["limit"])
        rows.append(
            (
                str(check["check"]),
                "–" if value is None else Number(f"{key}/{place}/value", f"{value:.2g} {check['unit']}", value, key),
                "–" if limit is None else Number(f"{key}/{place}/limit", f"{limit:.1g}", limit, key),
                {True: "ok", False: "FAILS", None: "not checked"}[check["passed"]],
                str(check["reason"] or ("" if check["passed"] else check["where"] or "")),
            )
        )
    columns = ("check", "value", "limit", "", "where, or why not")
    return Grid(f"{key}/checks", f"Every check of {name}", columns, tuple(rows), folded=True)


def _short(model: str) -> str:
    """The potential's name without the folders of its files."""
    head, colon, tail = model.partition(":")
    return f"{Path(head).name}{colon}{Path(tail).name}"


def _score(key: str, score: Mapping[str, Any], name: str) -> str | Number:
    value = number(score.get(name))
    if value is None:
        return "–"
    interval = score.get("intervals", {}).get(name)
    if interval is None:
        return Number(f"{key}/{name}", f"{value:.6g}" if name in ("n", "missing") else f"{value:.4f}", value, key)
    low, high = interval
    return Number(f"{key}/{name}", f"{value:.4f} ({low:.4f}–{high:.4f})", value, key, interval=(low, high))
