"""Speed curves as figure and CSV, and as lines for a terminal."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style

from alphanet.files import write_text
from alphanet.measure.speed.statistics import used_memory
from alphanet.paths import resources
from alphanet.report.figures import plain_log_axes, save_figure

# Okabe and Ito's palette, which people with any colour vision can tell apart; markers differ besides.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
MARKERS = "osD^vP*X"
COLUMNS = ("model", "n_atoms", "n_edges", "batch", "dtype", "device", "mode", "threads", "status", "reason")
TASKS = {
    "step": "moved atoms in, forces out (neighbour list included)",
    "forward": "energy and forces, graph given",
    "train": "a step of training, graph given",
}


def write_speed(
    folder: Path, summary: dict[str, Any], figure: str = "speed", names: Mapping[str, str] | None = None
) -> None:
    """Write `speed.json`, a CSV and the figure, both called `figure`, into `folder`.

    Args:
        folder: of the run.
        summary: what `speed.json` says.
        figure: name of the figure.
        names: what models are called in the figure, where that is not their name.
    """
    write_text(folder / "speed.json", json.dumps(summary, indent=1) + "\n")
    write_speed_csv(folder / f"{figure}.csv", summary)
    speed_figure(folder / figure, summary, where_text(summary), names or {})


def write_speed_csv(path: Path, summary: dict[str, Any]) -> None:
    """One line a point: medians and quartiles in ms, peak memory in MB."""
    quartiles = [f"{task}_ms_{key}" for task in summary["tasks"] for key in ("median", "q25", "q75")]
    memory = [f"peak_{key}_mb" for key in ("resident", "allocated", "reserved")]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *quartiles, *memory], restval="", extrasaction="ignore")
    writer.writeheader()
    for point in summary["points"]:
        row = dict(point)
        for task in summary["tasks"]:
            row |= {f"{task}_ms_{key}": value for key, value in (point[f"{task}_ms"] or {}).items() if key != "raw"}
        row |= {f"peak_{key}_mb": value for key, value in point["peak_memory_mb"].items()}
        writer.writerow(row)
    write_text(path, text.getvalue())


def speed_figure(path: Path, summary: dict[str, Any], title: str, names: Mapping[str, str]) -> list[Path]:
    """Time and memory against atoms on logarithmic axes, one panel a task, with quartiles as bands.

    Args:
        path: where, without the format's ending.
        summary: what `speed.json` says.
        title: what ran where.
        names: what models are called, where that is not their name.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(point["model"] for point in summary["points"]))
    tasks = summary["tasks"]
    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(3.6 * (len(tasks) + 1) + 1.6, 4.0), layout="constrained")
        figure.suptitle(title, fontsize=9)
        panels = figure.subplots(1, len(tasks) + 1)
        for axes, task in zip(panels, tasks, strict=False):
            axes.set_title(TASKS[task], fontsize=8)
            axes.set_ylabel(_time_label(summary))
            for place, model in enumerate(models):
                _time_curve(axes, summary, model, task, style(place))
        panels[-1].set_title("peak memory of the calls", fontsize=8)
        panels[-1].set_ylabel("memory (MB)")
        for place, model in enumerate(models):
            _memory_curve(panels[-1], summary, model, style(place))
        for axes in panels:
            axes.set_xlabel("atoms in a structure")
        if any(point["status"] == "ok" for point in summary["points"]):  # logarithmic axes need a number
            for axes in panels:
                axes.set(xscale="log", yscale="log")
            _same_limits(panels[: len(tasks)])
            for axes in panels:
                plain_log_axes(axes)
        handles, _ = panels[0].get_legend_handles_labels()
        labels = [_label(summary, model, tasks[0], names.get(model, model)) for model in models]
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        return save_figure(figure, path)


def speed_lines(summary: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for a table: model, atoms, a time for each task, memory, ratio to the reference with its interval."""
    tasks = summary["tasks"]
    ratios = {(one["model"], one["n_atoms"]): one for one in summary["ratios"] if one["task"] == tasks[0]}
    rows: list[tuple[str, ...]] = []
    for point in summary["points"]:
        ratio = ratios.get((point["model"], point["n_atoms"]))
        name = point["model"] if point.get("mode", "eager") == "eager" else f"{point['model']} ({point['mode']})"
        if point["status"] != "ok":
            empty = [""] * len(tasks)
            rows.append((name, str(point["n_atoms"]), point["status"], *empty, point["reason"] or ""))
            continue
        rows.append(
            (
                name,
                str(point["n_atoms"]),
                *(_ms(point[f"{task}_ms"]) for task in tasks),
                f"{used_memory(point):.0f}",
                "" if ratio is None else interval_text(ratio),
            )
        )
    return rows


def interval_text(ratio: Mapping[str, Any], digits: int = 2) -> str:
    """A ratio and its interval, or how many passes there were, too few for one."""
    if ratio["low"] is None:
        return f"{ratio['ratio']:.{digits}f} ({ratio['passes']} pass{'es' if ratio['passes'] > 1 else ''})"
    return f"{ratio['ratio']:.{digits}f} ({ratio['low']:.{digits}f}–{ratio['high']:.{digits}f})"


def scaling_lines(summary: dict[str, Any]) -> list[str]:
    """The fitted exponents in words, a line a model."""
    lines = []
    for model in dict.fromkeys(one["model"] for one in summary["scaling"]):
        fits = [one for one in summary["scaling"] if one["model"] == model]
        parts = [f"{one['quantity'].replace('_', ' ')} N^{one['exponent']:.2f} ± {one['error']:.2f}" for one in fits]
        lines.append(f"{model}: {', '.join(parts)}")
    return lines


def where_text(summary: dict[str, Any]) -> str:
    """What was measured where, in one line."""
    hardware, setting = summary["provenance"]["hardware"], summary["provenance"]["setting"]
    place = ", ".join(hardware["gpus"]) if setting["device"].startswith("cuda") else hardware["cpu"]
    threads = f"{setting['threads']} thread{'s' if setting['threads'] > 1 else ''}"
    noisy = " · noisy" if summary["quiet"]["noisy"] else ""
    how = f"{setting['dtype']}, {setting['weights']} weights, mode {summary['provenance']['mode']}"
    return f"{summary['provenance']['structures']} · {place}, {threads} · {how}{noisy}"


def style(place: int) -> dict[str, Any]:
    """Colour and marker of the model at `place`."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)], "markersize": 4}


def _time_curve(axes: Any, summary: dict[str, Any], model: str, task: str, style: dict[str, Any]) -> None:
    timed = [point for point in summary["points"] if point["model"] == model and point[f"{task}_ms"]]
    sizes = [point["n_atoms"] for point in timed]
    low, middle, high = ([point[f"{task}_ms"][key] for point in timed] for key in ("q25", "median", "q75"))
    axes.plot(sizes, middle, label=model, **style)
    axes.fill_between(sizes, low, high, color=style["color"], alpha=0.25, linewidth=0)


def _memory_curve(axes: Any, summary: dict[str, Any], model: str, style: dict[str, Any]) -> None:
    fine = [point for point in summary["points"] if point["model"] == model and point["status"] == "ok"]
    axes.plot([point["n_atoms"] for point in fine], [used_memory(point) for point in fine], **style)


def _label(summary: dict[str, Any], model: str, task: str, name: str) -> str:
    fits = {one["quantity"]: one for one in summary["scaling"] if one["model"] == model}
    parts = [
        f"{word} $N^{{{fits[key]['exponent']:.2f}}}$"
        for key, word in ((f"{task}_time", "time"), ("memory", "memory"))
        if key in fits
    ]
    return "\n".join([name, *parts])


def _same_limits(panels: Sequence[Any]) -> None:
    low = min(axes.get_ylim()[0] for axes in panels)
    high = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(low, high)


def _time_label(summary: dict[str, Any]) -> str:
    batch = summary["provenance"]["protocol"]["batch"]
    return "time (ms)" if batch == 1 else f"time of a batch of {batch} (ms)"


def _ms(times: dict[str, float] | None) -> str:
    return "–" if times is None else f"{times['median']:.4g} ({times['q25']:.4g}–{times['q75']:.4g})"
