"""Errors against the compute of training, with bands; and against the time of a step, with the Pareto front."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.figures.style import curve_style, panel_rows, plain_log_axes, save_figure, styled
from alphanet.files import write_text
from alphanet.results.schema import Curve

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LETTERS = "abcdefgh"
BAND = 0.18  # opacity


@dataclass(frozen=True)
class PlanePoint:
    """One potential in the plane of accuracy and cost."""

    row: str
    time: float  # ms a step
    low: float  # ms, quartile
    high: float  # ms, quartile
    error: float
    spread: float  # sample standard deviation over seeds; 0 with one
    on_front: bool


@dataclass(frozen=True)
class Plane:
    """One error against the time of a step."""

    title: str
    unit: str
    points: tuple[PlanePoint, ...]


def learning_curves_figure(path: Path, title: str, curves: Sequence[Curve], floors: Sequence[str] = ()) -> list[Path]:
    """Draw one panel a quantity, logarithmic on both axes; the band of a point is from its `low` to its `high`.

    Args:
        path: where, without the format's ending.
        title: of the whole figure.
        curves: rows keep their order and colors.
        floors: rows that learn nothing, drawn as dashed lines.

    Returns:
        The files written: PNG, SVG, PDF; none if there is no point.
    """
    drawn = [curve for curve in curves if curve.points]
    if not drawn:
        return []
    quantities = list(dict.fromkeys(curve.quantity for curve in drawn))
    rows = list(dict.fromkeys(curve.row for curve in curves))
    with styled():
        figure, panels = _panels(len(quantities), title)
        for letter, axes, quantity in zip(LETTERS, panels, quantities, strict=False):
            of_panel = [curve for curve in drawn if curve.quantity == quantity]
            for curve in of_panel:
                _draw(axes, curve, rows.index(curve.row), floor=curve.row in floors)
            axes.set_title(f"({letter}) {of_panel[0].y_title}")
            axes.set(xlabel=of_panel[0].x_title, ylabel=f"{of_panel[0].y_title} ({of_panel[0].unit})")
            plain_log_axes(axes)
        _legend(figure, panels[: len(quantities)])
        return save_figure(figure, path)


def write_learning_curves_csv(path: Path, curves: Sequence[Curve]) -> None:
    """Write the points of `learning_curves_figure`."""
    lines = ["row,quantity,unit,x,x_is,value,low,high\n"]
    for curve in curves:
        for point in curve.points:
            band = ",".join("" if bound is None else f"{bound:.9g}" for bound in (point.low, point.high))
            head = f'"{curve.row}","{curve.quantity}",{curve.unit},{point.x:.9g},"{curve.x_title}"'
            lines.append(f"{head},{point.y:.9g},{band}\n")
    write_text(path, "".join(lines))


def plane_figure(path: Path, title: str, planes: Sequence[Plane], rows: Sequence[str]) -> list[Path]:
    """Draw one panel a plane: filled markers and a line on the Pareto front, open markers behind it.

    Args:
        path: where, without the format's ending.
        title: of the whole figure.
        planes: each with a point at least.
        rows: of all points, in the order of their colors.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    with styled():
        figure, panels = _panels(len(planes), title)
        for letter, axes, plane in zip(LETTERS, panels, planes, strict=False):
            front = sorted((point for point in plane.points if point.on_front), key=lambda point: point.time)
            axes.plot(
                [point.time for point in front],
                [point.error for point in front],
                color="0.5",
                linewidth=1,
                drawstyle="steps-post",
                label="Pareto front",
                zorder=1,
            )
            for point in plane.points:
                _mark(axes, point, rows.index(point.row))
            axes.set_title(f"({letter}) {plane.title}")
            axes.set(xlabel="time of a step in simulation (ms)", ylabel=f"{plane.title} ({plane.unit})")
            axes.margins(0.15)
            plain_log_axes(axes)
        _legend(figure, panels[: len(planes)])
        return save_figure(figure, path)


def _panels(count: int, title: str) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    down, abreast = panel_rows(count)
    figure = Figure(figsize=(3.8 * abreast, 3.3 * down + 0.7), layout="constrained")
    figure.suptitle(title, fontsize=10)
    panels = list(figure.subplots(down, abreast, squeeze=False).flat)
    for empty in panels[count:]:
        empty.set_axis_off()
    return figure, panels


def _legend(figure: "Figure", panels: "Sequence[Axes]") -> None:
    """One legend for all panels, below them."""
    named: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=min(4, len(named)), fontsize=8)


def _draw(axes: "Axes", curve: Curve, place: int, *, floor: bool) -> None:
    style = curve_style(place)
    xs, ys = [point.x for point in curve.points], [point.y for point in curve.points]
    if floor:
        axes.plot(xs, ys, color=style["color"], linestyle="--", linewidth=1, label=curve.row)
        return
    axes.plot(xs, ys, linewidth=1.3, label=curve.row, **style)
    low = [point.y if point.low is None else point.low for point in curve.points]
    high = [point.y if point.high is None else point.high for point in curve.points]
    if low != high:
        axes.fill_between(xs, low, high, color=style["color"], alpha=BAND, linewidth=0)


def _mark(axes: "Axes", point: PlanePoint, place: int) -> None:
    style = curve_style(place)
    axes.errorbar(
        point.time,
        point.error,
        xerr=[[point.time - point.low], [point.high - point.time]],
        yerr=min(point.spread, 0.9 * point.error) or None,
        color=style["color"],
        marker=style["marker"],
        markersize=6,
        markerfacecolor=style["color"] if point.on_front else "white",
        linestyle="none",
        elinewidth=1,
        label=point.row,
    )
