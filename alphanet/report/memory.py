"""The largest systems and what they need: figure, CSV, and lines for a terminal."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import matplotlib.style

from alphanet.files import write_text
from alphanet.measure.speed.statistics import used_memory
from alphanet.paths import resources
from alphanet.report.figures import plain_log_axes, save_figure
from alphanet.report.speed import style

COLUMNS = ("model", "task", "n_atoms", "batch", "status", "reason", "seconds", "used_mb")


def write_memory(folder: Path, found: dict[str, Any]) -> None:
    """Write `memory.json`, `memory.csv` (a line a trial) and the figure into `folder`."""
    write_text(folder / "memory.json", json.dumps(found, indent=1) + "\n")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    for trial in found["trials"]:
        used = round(used_memory(trial), 3) if trial["status"] == "ok" else ""
        writer.writerow(trial | {"used_mb": used})
    write_text(folder / "memory.csv", text.getvalue())
    memory_figure(folder / "memory", found)


def memory_figure(path: Path, found: dict[str, Any]) -> list[Path]:
    """Memory of a call against atoms on logarithmic axes; a cross where a system did not fit."""
    from matplotlib.figure import Figure

    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for place, described in enumerate(found["models"]):
            _curve(axes, found, described, style(place))
        axes.set(xlabel="atoms", ylabel="memory of energy and forces (MB)")
        axes.set_title(_title(found), fontsize=9)
        plain_log_axes(axes)
        if axes.get_legend_handles_labels()[0]:  # none where nothing was measured
            figure.legend(loc="outside right upper", fontsize=8)
        return save_figure(figure, path)


def memory_lines(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for a table: model, largest system, what limited it, kB an atom, seconds, exponent, training MB a sample."""
    return [
        (
            one["model"],
            "none" if one["largest"] is None else str(one["largest"]),
            _limit(one),
            _number(one["kb_per_atom"]),
            _number(one["seconds"]),
            "–" if one["scaling"] is None else f"N^{one['scaling']['exponent']:.2f} ± {one['scaling']['error']:.2f}",
            one["training_reason"] or _number(one["training_mb_per_sample"]),
        )
        for one in found["models"]
    ]


def _curve(axes: Any, found: dict[str, Any], described: dict[str, Any], drawn: dict[str, Any]) -> None:
    trials = [one for one in found["trials"] if one["model"] == described["model"] and one["task"] == "step"]
    fine = sorted((one["n_atoms"], used_memory(one)) for one in trials if one["status"] == "ok")
    if not fine:
        return
    label = f"{described['model']}, {described['kb_per_atom']:.3g} kB/atom"
    axes.plot([size for size, _ in fine], [used for _, used in fine], label=label, **drawn)
    limit = described["limited_by"]
    if limit is not None:
        axes.plot(limit["n_atoms"], fine[-1][1], color=drawn["color"], marker="x", markersize=7, linestyle="none")


def _title(found: dict[str, Any]) -> str:
    search, hardware = found["provenance"]["search"], found["provenance"]["hardware"]
    setting = search["setting"]
    place = ", ".join(hardware["gpus"]) if setting["device"].startswith("cuda") else hardware["cpu"]
    limit = "" if search["memory_limit"] is None else f", at most {search['memory_limit'] / 1e9:.3g} GB"
    return f"{search['structures']} · {place}{limit} · {setting['dtype']}; ×: did not fit"


def _limit(one: dict[str, Any]) -> str:
    limit = one["limited_by"]
    return "the search's end" if limit is None else f"{limit['status']} at {limit['n_atoms']}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
