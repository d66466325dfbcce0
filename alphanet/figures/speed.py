"""The figure of speed: time and memory against the number of atoms, a panel each."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.figures.style import curve_style, panel_rows, plain_log_axes, save_figure, styled
from alphanet.results.schema import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {
    "step": "moved atoms in, forces out (neighbor list included)",
    "forward": "energy and forces, graph given",
    "train": "a step of training, graph given",
    "memory": "peak memory of the calls",
}
MEMORY = "memory"
PUBLISHED = "published, of other machines"


def speed_figure(
    path: Path, title: str, curves: Sequence[Curve], published: Mapping[str, Mapping[int, float]] | None = None
) -> list[Path]:
    """Draw `curves` on logarithmic axes, one panel a quantity, with quartiles as bands.

    Args:
        path: where, without the format's ending.
        title: conditions of the measurement.
        curves: of every row the times of each task (ms), whose panels have the same limits, and the memory (MB); what
            was measured of no row has no panel.
        published: for each model of others the times of a step (ms) by the number of atoms.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    rows = list(dict.fromkeys(curve.row for curve in curves))
    measured = [curve for curve in curves if curve.points] or curves  # logarithmic axes need a number
    quantities = list(dict.fromkeys(curve.quantity for curve in measured))
    with styled():
        rows_of_panels, abreast = panel_rows(len(quantities))
        figure = Figure(figsize=(3.6 * abreast + 1.8, 3.6 * rows_of_panels + 0.4), layout="constrained")
        figure.suptitle(title, fontsize=9)
        drawn = list(figure.subplots(rows_of_panels, abreast, squeeze=False).flat)
        panels = dict(zip(quantities, drawn, strict=False))
        for empty in drawn[len(quantities) :]:
            empty.set_axis_off()
        for curve in curves:
            if curve.quantity in panels:
                _draw(panels[curve.quantity], curve, rows.index(curve.row))
        if published and "step" in panels:
            _draw_published(panels["step"], published)
        if any(curve.points for curve in measured):
            for axes in panels.values():
                axes.set(xscale="log", yscale="log")
            _set_same_limits([axes for quantity, axes in panels.items() if quantity != MEMORY])
            for axes in panels.values():
                plain_log_axes(axes)
        handles, _ = panels[quantities[0]].get_legend_handles_labels()
        labels = [_label(row, [curve for curve in curves if curve.row == row]) for row in rows]
        labels += [PUBLISHED] * (len(handles) - len(labels))
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        return save_figure(figure, path)


def _draw(axes: "Axes", curve: Curve, index: int) -> None:
    style = curve_style(index)
    sizes = [point.x for point in curve.points]
    axes.set_title(TITLES[curve.quantity], fontsize=8)
    axes.set(xlabel=curve.x_title, ylabel=f"{curve.y_title} ({curve.unit})")
    axes.plot(sizes, [point.y for point in curve.points], label=curve.row, **style)
    low, high = ([getattr(point, name) or point.y for point in curve.points] for name in ("low", "high"))
    axes.fill_between(sizes, low, high, color=style["color"], alpha=0.25, linewidth=0)


def _draw_published(axes: "Axes", published: Mapping[str, Mapping[int, float]]) -> None:
    sizes, times = zip(*(point for step in published.values() for point in step.items()), strict=True)
    axes.plot(sizes, times, "o", color="0.65", markersize=3, zorder=0, label=PUBLISHED)


def _label(row: str, curves: Sequence[Curve]) -> str:
    """The row, and the exponents of its first time and of its memory."""
    parts = [row]
    for curve, word in ((curves[0], "time"), (curves[-1], MEMORY)):
        if curve.law is not None:
            parts.append(f"{word}: exponent {curve.law.exponent:.2f}")
    return "\n".join(parts)


def _set_same_limits(panels: Sequence["Axes"]) -> None:
    low = min(axes.get_ylim()[0] for axes in panels)
    high = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(low, high)
