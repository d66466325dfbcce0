"""The figure of errors against the number of training frames: points, and the power laws through them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.style
import numpy as np

from alphanet.files import write_text
from alphanet.paper.benchmark import Benchmark
from alphanet.paper.power_law import Curve
from alphanet.paths import resources
from alphanet.report.figures import plain_log_axes, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = (("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#56B4E9", "v"), ("#D55E00", "P"))
PAPER = "0.25"  # grey


def scaling_figure(path: Path, benchmark: Benchmark, scale: str, found: Sequence[Curve]) -> list[Path]:
    """Draw one panel a metric, logarithmic on both axes, in the manner of Figure 2.

    The paper's values are drawn where the sizes that were measured reach them: stars.

    Args:
        path: where, without the format's ending.
        benchmark: the card.
        scale: what was run.
        found: its curves.

    Returns:
        The files written: PNG, SVG, PDF; none where nothing was measured.
    """
    from matplotlib.figure import Figure

    if not any(curve.points for curve in found):
        return []
    metrics = [metric for metric in benchmark.power_law if any(c.points for c in found if c.metric == metric)]
    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(3.6 * len(metrics), 3.4), layout="constrained")
        figure.suptitle(f"{benchmark.title}, scale {scale}", fontsize=10)
        panels = figure.subplots(1, len(metrics), squeeze=False)[0]
        for place, (axes, metric) in enumerate(zip(panels, metrics, strict=True)):
            described = benchmark.metrics[metric]
            of_it = [curve for curve in found if curve.metric == metric and curve.points]
            for curve in of_it:
                _draw(axes, curve, *ROWS[list(benchmark.rows).index(curve.row) % len(ROWS)])
            _draw_paper(axes, benchmark, metric, of_it)
            axes.set_title(f"({'abcdefgh'[place]}) {described.title}")
            axes.set(xlabel="training frames", ylabel=f"{described.title} ({described.unit})")
            axes.legend(loc="best")
            plain_log_axes(axes)
            _tick_at(axes, sorted({point.train_frames for curve in of_it for point in curve.points}))
        return save_figure(figure, path)


def write_scaling_csv(path: Path, found: Sequence[Curve]) -> None:
    """Write the points of `scaling_figure`, and the power laws at the same sizes."""
    lines = ["row,metric,unit,train_frames,seed,value,power_law\n"]
    for curve in found:
        for point in curve.points:
            fitted = "" if curve.law is None else f"{curve.law.at(point.train_frames):.9g}"
            named = f'"{curve.row}",{curve.metric},{curve.unit}'
            lines.append(f"{named},{point.train_frames},{point.seed},{point.value:.9g},{fitted}\n")
    write_text(path, "".join(lines))


def _draw(axes: "Axes", curve: Curve, colour: str, shape: str) -> None:
    sizes = np.array([point.train_frames for point in curve.points])
    label = curve.row
    if curve.law is not None:
        line = np.geomspace(sizes.min(), sizes.max(), 50)
        axes.plot(line, [curve.law.at(size) for size in line], color=colour, linewidth=1.2)
        error = "" if curve.law.exponent_error is None else f" ± {curve.law.exponent_error:.2f}"
        label += f": $N^{{{-curve.law.exponent:.2f}{error}}}$"
    values = [point.value for point in curve.points]
    axes.plot(sizes, values, linestyle="none", marker=shape, color=colour, markersize=5, label=label)


def _tick_at(axes: "Axes", sizes: Sequence[int]) -> None:
    """Ticks where something was measured; thousands as k."""
    from matplotlib.ticker import NullLocator

    axes.set_xticks(sizes, [f"{size / 1000:g}k" if size >= 1000 else str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_paper(axes: "Axes", benchmark: Benchmark, metric: str, found: Sequence[Curve]) -> None:
    measured = [point.train_frames for curve in found for point in curve.points]
    shown = []  # size and value
    for value in benchmark.paper:
        size = benchmark.columns[value.column].train_frames
        if value.metric == metric and size is not None and min(measured) <= size <= 2 * max(measured):
            shown.append((size, float(value.printed)))
    if shown:
        axes.plot(
            *zip(*shown, strict=True), linestyle="none", marker="*", markersize=9, color=PAPER, label="paper's text"
        )
