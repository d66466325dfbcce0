"""Speed curves as figure and CSV, and as a table for a terminal."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.style

from alphanet.files import write_text
from alphanet.paths import resources
from alphanet.report.figures import save_figure

# Okabe and Ito's palette, which people with any colour vision can tell apart; markers differ besides.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
MARKERS = "osD^vP*X"
COLUMNS = ("model", "n_atoms", "n_edges", "batch", "dtype", "device", "mode", "threads", "status", "reason")
MODES = {"step": "moved atoms in, forces out (neighbour list included)", "forward": "energy and forces, graph given"}


def write_speed_csv(path: Path, summary: dict[str, Any]) -> None:
    """One line a point: medians and quartiles in ms, peak memory in MB."""
    quartiles = [f"{mode}_ms_{key}" for mode in MODES for key in ("median", "q25", "q75")]
    memory = [f"peak_{key}_mb" for key in ("resident", "allocated", "reserved")]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *quartiles, *memory], restval="", extrasaction="ignore")
    writer.writeheader()
    for point in summary["points"]:
        row = {"device": summary["provenance"]["setting"]["device"]} | point
        for mode in MODES:
            row |= {f"{mode}_ms_{key}": value for key, value in (point.get(f"{mode}_ms") or {}).items() if key != "raw"}
        row |= {f"peak_{key}_mb": value for key, value in point.get("peak_memory_mb", {}).items()}
        writer.writerow(row)
    write_text(path, text.getvalue())


def speed_figure(path: Path, summary: dict[str, Any], title: str) -> list[Path]:
    """Time against atoms on logarithmic axes, one panel a mode, with quartiles as bands.

    Args:
        path: where, without the format's ending.
        summary: what `speed.json` says.
        title: what ran where.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(point["model"] for point in summary["points"]))
    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(8.4, 4.2), layout="constrained")
        figure.suptitle(title, fontsize=9)
        for axes, (mode, caption) in zip(figure.subplots(1, 2, sharey=True), MODES.items(), strict=True):
            axes.set_title(caption, fontsize=9)
            for place, model in enumerate(models):
                _curve(axes, summary, model, mode, COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)])
            axes.set(xscale="log", yscale="log", xlabel="atoms in a structure")
            axes.grid(True, which="major")
            axes.label_outer()
        figure.axes[0].set_ylabel(_time_label(summary))
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        return save_figure(figure, path)


def speed_lines(summary: dict[str, Any]) -> list[tuple[str, ...]]:
    """Rows for a table: model, atoms, step and forward times, memory, ratio to the reference with its interval."""
    ratios = {(one["model"], one["n_atoms"]): one for one in summary["ratios"] if one["mode"] == "step"}
    rows: list[tuple[str, ...]] = []
    for point in summary["points"]:
        ratio = ratios.get((point["model"], point["n_atoms"]))
        if point["status"] != "ok":
            rows.append((point["model"], str(point["n_atoms"]), point["status"], "", "", point["reason"] or ""))
            continue
        rows.append(
            (
                point["model"],
                str(point["n_atoms"]),
                *(_ms(point[f"{mode}_ms"]) for mode in MODES),
                f"{point['peak_memory_mb']['resident']:.0f}",
                "" if ratio is None else f"{ratio['ratio']:.2f} ({ratio['low']:.2f}–{ratio['high']:.2f})",
            )
        )
    return rows


def scaling_lines(summary: dict[str, Any]) -> list[str]:
    """The fitted exponents in words."""
    return [
        f"{one['model']}: {one['quantity'].replace('_', ' ')} grows as N^{one['exponent']:.2f} ± {one['error']:.2f}"
        for one in summary["scaling"]
    ]


def _curve(axes: Any, summary: dict[str, Any], model: str, mode: str, colour: str, marker: str) -> None:
    timed = [point for point in summary["points"] if point["model"] == model and point.get(f"{mode}_ms")]
    if not timed:
        return
    sizes = [point["n_atoms"] for point in timed]
    low, middle, high = (_values(timed, mode, key) for key in ("q25", "median", "q75"))
    axes.plot(sizes, middle, color=colour, marker=marker, markersize=4, label=_labelled(summary, model, mode))
    axes.fill_between(sizes, low, high, color=colour, alpha=0.25, linewidth=0)


def _labelled(summary: dict[str, Any], model: str, mode: str) -> str:
    fits = [one for one in summary["scaling"] if one["model"] == model and one["quantity"] == f"{mode}_time"]
    return f"{model}, N^{fits[0]['exponent']:.2f}" if fits else model


def _values(points: Sequence[dict[str, Any]], mode: str, key: str) -> list[float]:
    return [point[f"{mode}_ms"][key] for point in points]


def _time_label(summary: dict[str, Any]) -> str:
    batch = summary["provenance"]["protocol"]["batch"]
    return "time (ms)" if batch == 1 else f"time of a batch of {batch} (ms)"


def _ms(times: dict[str, float] | None) -> str:
    return "–" if times is None else f"{times['median']:.4g} ({times['q25']:.4g}–{times['q75']:.4g})"
