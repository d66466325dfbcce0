"""The physics audit as a table, as CSV and Markdown, and as a figure: potentials by properties."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.style

from alphanet.files import write_text
from alphanet.paths import resources
from alphanet.report.figures import save_figure

COLUMNS = ("model", "weights", "precision", "check", "group", "value", "unit", "limit", "passed", "where", "reason")
GROUPS = {
    "rotation": "rotation",
    "mirror": "mirror",
    "translation": "translation",
    "wrap": "wrap",
    "images": "atoms in\nother cells",
    "permutation": "permu-\ntation",
    "supercell": "supercell",
    "cutoff": "jump at\nthe cutoff",
    "cap": "jump at\na cap",
    "paths": "jump on\na path",
    "forces": "forces are\nderivatives",
    "stress": "stress is a\nderivative",
    "conservative": "conser-\nvative",
    "NVE": "NVE\ndrift",
    "dimers": "dimers",
    "float32": "float32",
}
NOTICEABLE = {
    "eV": 1e-4,
    "eV/atom": 1e-4,
    "eV/Å": 1e-3,
    "eV/Å^2": 1e-2,
    "eV/Å^3": 1e-5,
    "meV/atom/ps": 1e-2,
}
"""A tenth of what the best trainings resolve or less; 2 MPa; 40 K in a nanosecond. What fails below is called small."""
OK, SMALL, FAILS, UNCHECKED = "ok", "small", "FAILS", "not checked"
# Light enough for black text, and told apart with any color vision; the words say the same.
FILLS = {OK: "#BFE3F5", SMALL: "#F6EE9C", FAILS: "#EE8A4A", UNCHECKED: "#EDEDED"}


@dataclass(frozen=True)
class Finding:
    """The worst check of one property of one potential."""

    state: str
    text: str  # the value with its unit


def write_physics(folder: Path, found: dict[str, Any]) -> None:
    """Write `physics.json`, `physics.csv` (a line a check), `physics.md` and the figure into `folder`."""
    write_text(folder / "physics.json", json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / "physics.csv", _as_csv(found["models"]))
    write_text(folder / "physics.md", as_markdown(found["models"]))
    physics_figure(folder / "physics", found["models"])


def check_lines(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for a table of one potential: check, value, limit, verdict, and the place of the failure or the reason."""
    return [
        (
            check["check"],
            "–" if check["value"] is None else f"{_number(check['value'])} {check['unit']}",
            "–" if check["limit"] is None else f"{check['limit']:.1g}",
            _state([check], untrained=result["untrained"]),
            check["reason"] or ("" if check["passed"] else check["where"] or ""),
        )
        for check in result["checks"]
    ]


def group_lines(models: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows for a table of several potentials: the property, then one finding for each potential."""
    by_model = [findings(result) for result in models]
    rows = [(group, *(f"{row[group].state} {row[group].text}".strip() for row in by_model)) for group in GROUPS]
    if any("error" in result for result in models):
        rows.append(("failed", *(result.get("error", "") for result in models)))
    return rows


def model_lines(models: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows for a table of any number of potentials: name, precision, number of passed properties, failed ones."""
    rows: list[tuple[str, ...]] = []
    for result in models:
        by_group = findings(result)
        by_state = {state: [group for group, finding in by_group.items() if finding.state == state] for state in FILLS}
        wrong = [f"{state}: {group} {by_group[group].text}" for state in (FAILS, SMALL) for group in by_state[state]]
        rows.append(
            (
                label(result),
                result.get("precision", ""),
                f"{len(by_state[OK])} of {len(GROUPS)}",
                f"failed: {result['error']}" if "error" in result else "\n".join(wrong),
                ", ".join(by_state[UNCHECKED]),
            )
        )
    return rows


def as_markdown(models: Sequence[dict[str, Any]]) -> str:
    """The table of `group_lines`, as Markdown."""
    header = ["property", *(label(result) for result in models)]
    lines = [header, ["---"] * len(header), *group_lines(models)]
    return "".join("| " + " | ".join(text.replace("|", r"\|") for text in line) + " |\n" for line in lines)


def findings(result: dict[str, Any]) -> dict[str, Finding]:
    """The worst check of each property, in units of its limit."""
    worst_of = {}
    for group in GROUPS:
        checks = [check for check in result["checks"] if check["group"] == group]
        finished = [check for check in checks if check["passed"] is not None]
        if not finished:
            worst_of[group] = Finding(UNCHECKED, "")
            continue
        worst = max(finished, key=lambda check: (not check["passed"], check["value"] / (check["limit"] or 1.0)))
        state = _state(finished, untrained=result["untrained"])
        worst_of[group] = Finding(state, f"{_number(worst['value'])} {worst['unit']}")
    return worst_of


def label(result: dict[str, Any]) -> str:
    """The potential's name without folders, marked if its weights are random."""
    head, colon, tail = result["model"].partition(":")
    name = f"{Path(head).name}{colon}{Path(tail).name}"
    return f"{name} (random)" if result["untrained"] else name


def physics_figure(path: Path, models: Sequence[dict[str, Any]]) -> list[Path]:
    """Draw a grid with a row per potential and a column per property: verdict and worst value, in words and color.

    Args:
        path: where, without the format's ending.
        models: the audits.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(0.8 * len(GROUPS) + 2.4, 0.5 * len(models) + 1.5), layout="constrained")
        axes = figure.subplots()
        for row, result in enumerate(models):
            for column, (group, one) in enumerate(findings(result).items()):
                corner = (column - 0.5, row - 0.5)
                axes.add_patch(Rectangle(corner, 1, 1, facecolor=FILLS[one.state], edgecolor="white", linewidth=1.5))
                axes.text(column, row, _words(result, group, one), ha="center", va="center", fontsize=6)
        axes.set(xlim=(-0.5, len(GROUPS) - 0.5), ylim=(len(models) - 0.5, -0.5))
        axes.set_xticks(range(len(GROUPS)), list(GROUPS.values()))
        axes.set_yticks(range(len(models)), [_row_label(result) for result in models])
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelsize=7)
        axes.spines[:].set_visible(False)
        meanings = {
            OK: "within what rounding explains",
            SMALL: "beyond rounding, below what matters in use",
            FAILS: "the rule is broken",
            UNCHECKED: "cannot be made, see physics.json",
        }
        legend = [Patch(facecolor=FILLS[state], label=f"{state}: {text}") for state, text in meanings.items()]
        figure.legend(handles=legend, loc="outside lower center", ncols=4, fontsize=7)
        return save_figure(figure, path)


def _words(result: dict[str, Any], group: str, one: Finding) -> str:
    if one.state == UNCHECKED:
        failed = "error" in result and not any(check["group"] == group for check in result["checks"])
        return "failed" if failed else "not\nchecked"
    return "\n".join([one.state, *one.text.split(" ")])


def _row_label(result: dict[str, Any]) -> str:
    return f"{label(result)}\n{result.get('precision', 'failed')}"


def _state(checks: Sequence[dict[str, Any]], *, untrained: bool) -> str:
    """The worst state of checks. With random weights no failure is `small`, because their energies have no scale."""
    if all(check["passed"] is None for check in checks):
        return UNCHECKED
    failed = [check for check in checks if check["passed"] is False]
    if not failed:
        return OK
    return SMALL if not untrained and all(check["value"] <= NOTICEABLE[check["unit"]] for check in failed) else FAILS


def _number(value: float) -> str:
    """Two digits, without an exponent if that is short."""
    return f"{float(f'{value:.2g}'):g}"


def _as_csv(models: Sequence[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    for result in models:
        columns = {"model": result["model"], "weights": "random" if result["untrained"] else "trained"}
        columns |= {"precision": result.get("precision", "")}
        if "error" in result:
            writer.writerow(columns | {"check": "failed", "reason": result["error"]})
        for check in result["checks"]:
            writer.writerow(check | columns)
    return text.getvalue()
