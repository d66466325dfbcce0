"""The figure of speed against accuracy, marker area by the number of parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.figures.style import COLORS, plain_log_axes, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AREA_PER_MILLION = 30.0  # points^2 a million parameters


@dataclass(frozen=True)
class TradeoffPoint:
    """One row of the figure."""

    row: str
    accuracy: float
    speed: float  # structures/s
    slow: float  # quartile
    fast: float  # quartile
    parameters: float | None


def tradeoff_figure(path: Path, title: str, accuracy: str, points: Sequence[TradeoffPoint]) -> list[Path]:
    """Draw accuracy against speed.

    Args:
        path: where, without the format's ending.
        title: conditions of the measurement.
        accuracy: label of the accuracies, with their sources.
        points: those that were measured.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(7.6, 4.4), layout="constrained")
        axes = figure.subplots()
        for index, point in enumerate(points):
            _mark(axes, point, COLORS[index % len(COLORS)])
        axes.set(xlabel="structures per second, measured here", ylabel=accuracy)
        axes.set_title(title, fontsize=9)
        axes.margins(0.12)
        if points:  # a logarithmic axis needs a number
            axes.set_xscale("log")
            plain_log_axes(axes, "x")
            figure.legend(loc="outside right upper", fontsize=8, title="area: parameters", title_fontsize=8)
        return save_figure(figure, path)


def _mark(axes: "Axes", point: TradeoffPoint, color: str) -> None:
    label = point.row
    error = [[point.speed - point.slow], [point.fast - point.speed]]
    axes.errorbar(point.speed, point.accuracy, xerr=error, color=color, linewidth=1)
    if point.parameters is not None:
        millions = point.parameters / 1e6
        label += f", {millions:.3g} M"
        area = AREA_PER_MILLION * millions
        axes.scatter(point.speed, point.accuracy, s=area, color=color, alpha=0.35, linewidth=0)
    # Areas span two orders of magnitude: a dot marks the small ones, and the legend shows only the dot.
    axes.scatter(point.speed, point.accuracy, s=14, color=color, label=label)
