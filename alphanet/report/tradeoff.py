"""Figure 3b: energies per second against F1 on WBM, marker area by size of the model."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style

from alphanet.files import write_text
from alphanet.paths import resources
from alphanet.report.figures import plain_log_axes, save_figure
from alphanet.report.speed import COLOURS

AREA_PER_MILLION = 30.0  # points^2 a million parameters
COLUMNS = ("row", "model", "f1", "f1_is", "parameters", "energies_per_s", "low", "high", "status", "reason")


def tradeoff_rows(
    rows: Mapping[str, Any], summary: Mapping[str, Any], missing: Mapping[str, str], computed: Mapping[str, float]
) -> list[dict[str, Any]]:
    """A mapping a row of the figure: F1, published parameters, measured energies per second with quartiles.

    Args:
        rows: the card's.
        summary: what `speed.json` says, for one size.
        missing: why rows were not measured.
        computed: F1 of rows for which it was computed from predictions (`repro table4`); else it is the published one.
    """
    points = {point["model"]: point for point in summary["points"]}
    found = []
    for title, row in rows.items():
        point = points.get(row.model)
        f1 = {"f1": computed.get(title, float(row.f1)), "f1_is": "computed" if title in computed else "published"}
        told = {"row": title, "model": row.model, **f1, "parameters": row.parameters}
        if point is None or point["status"] != "ok":
            why = missing.get(title) if point is None else point["reason"]
            found.append(told | {"status": "missing" if point is None else point["status"], "reason": why})
            continue
        rates = {
            key: 1e3 * point["batch"] / point["step_ms"][quartile]
            for key, quartile in (("energies_per_s", "median"), ("low", "q75"), ("high", "q25"))
        }
        found.append(told | rates | {"status": "ok", "reason": None})
    return found


def write_tradeoff(folder: Path, rows: Sequence[Mapping[str, Any]], title: str) -> None:
    """Write `fig3b.csv` and the figure `fig3b` into `folder`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / "fig3b.csv", text.getvalue())
    tradeoff_figure(folder / "fig3b", rows, title)


def tradeoff_figure(path: Path, rows: Sequence[Mapping[str, Any]], title: str) -> list[Path]:
    """Draw the rows that were measured; returns the files written: PNG, SVG, PDF."""
    from matplotlib.figure import Figure

    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(7.6, 4.4), layout="constrained")
        axes = figure.subplots()
        for place, row in enumerate(rows):
            if row["status"] == "ok":
                _mark(axes, row, COLOURS[place % len(COLOURS)])
        origin = ", ".join(dict.fromkeys(row["f1_is"] for row in rows))
        axes.set(xlabel="energies per second, measured here", ylabel=f"F1 on WBM, {origin}")
        axes.set_title(title, fontsize=9)
        axes.margins(0.12)
        if any(row["status"] == "ok" for row in rows):  # a logarithmic axis needs a number
            axes.set_xscale("log")
            plain_log_axes(axes, "x")
            figure.legend(loc="outside right upper", fontsize=8, title="area: parameters", title_fontsize=8)
        return save_figure(figure, path)


def _mark(axes: Any, row: Mapping[str, Any], colour: str) -> None:
    millions = row["parameters"] / 1e6
    label = f"{row['row']}, {millions:.3g} M"
    axes.errorbar(
        row["energies_per_s"],
        row["f1"],
        xerr=[[row["energies_per_s"] - row["low"]], [row["high"] - row["energies_per_s"]]],
        color=colour,
        linewidth=1,
    )
    axes.scatter(row["energies_per_s"], row["f1"], s=AREA_PER_MILLION * millions, color=colour, alpha=0.35, linewidth=0)
    # Areas span two orders of magnitude: a dot says where the small ones are, and stands for all in the legend.
    axes.scatter(row["energies_per_s"], row["f1"], s=14, color=colour, label=label)
