"""The figure of errors against the number of training frames: points, and the power laws through them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphanet.figures.style import panel_rows, plain_log_axes, save_figure, styled
from alphanet.files import write_text
from alphanet.results.schema import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = (("#0072B2", "o"), ("#E69F00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#56B4E9", "v"), ("#D55E00", "P"))
PAPER = "0.25"  # gray


def power_law_figure(
    path: Path, title: str, curves: Sequence[Curve], printed: Mapping[str, Sequence[tuple[float, float]]]
) -> list[Path]:
    """Draw one panel a quantity, logarithmic on both axes, in the manner of Figure 2.

    Args:
        path: where, without the format's ending.
        title: of the whole figure.
        curves: the measured points, with their power laws; rows keep their order and colors.
        printed: by quantity the paper's points (x, y); those that the measured sizes reach are drawn as stars.

    Returns:
        The files written: PNG, SVG, PDF; none if nothing was measured.
    """
    from matplotlib.figure import Figure

    measured = [curve for curve in curves if curve.points]
    if not measured:
        return []
    rows = list(dict.fromkeys(curve.row for curve in curves))
    quantities = list(dict.fromkeys(curve.quantity for curve in measured))
    with styled():
        rows_of_panels, abreast = panel_rows(len(quantities))
        figure = Figure(figsize=(3.8 * abreast, 3.4 * rows_of_panels), layout="constrained")
        figure.suptitle(title, fontsize=10)
        panels = list(figure.subplots(rows_of_panels, abreast, squeeze=False).flat)
        for empty in panels[len(quantities) :]:
            empty.set_axis_off()
        for index, (axes, quantity) in enumerate(zip(panels, quantities, strict=False)):
            of_panel = [curve for curve in measured if curve.quantity == quantity]
            for curve in of_panel:
                _draw(axes, curve, *ROWS[rows.index(curve.row) % len(ROWS)])
            _draw_paper(axes, of_panel, printed.get(quantity, ()))
            first = of_panel[0]
            axes.set_title(f"({'abcdefgh'[index]}) {first.y_title}")
            axes.set(xlabel=first.x_title, ylabel=f"{first.y_title} ({first.unit})")
            axes.legend(loc="best")
            plain_log_axes(axes)
            _tick_at(axes, sorted({int(point.x) for curve in of_panel for point in curve.points}))
        return save_figure(figure, path)


def write_power_law_csv(path: Path, curves: Sequence[Curve]) -> None:
    """Write the points of `power_law_figure`, and the power laws at the same sizes."""
    lines = ["row,metric,unit,train_frames,seed,value,power_law\n"]
    for curve in curves:
        for point in curve.points:
            fitted = "" if curve.law is None else f"{curve.law.at(point.x):.9g}"
            columns = f'"{curve.row}",{curve.quantity},{curve.unit}'
            lines.append(f"{columns},{point.x:g},{point.seed},{point.y:.9g},{fitted}\n")
    write_text(path, "".join(lines))


def _draw(axes: "Axes", curve: Curve, color: str, marker: str) -> None:
    sizes = np.array([point.x for point in curve.points])
    label = curve.row
    if curve.law is not None:
        line = np.geomspace(sizes.min(), sizes.max(), 50)
        axes.plot(line, [curve.law.at(size) for size in line], color=color, linewidth=1.2)
        error = "" if curve.law.exponent_error is None else f" ± {curve.law.exponent_error:.2f}"
        label += f": exponent {curve.law.exponent:.2f}{error}"
    values = [point.y for point in curve.points]
    axes.plot(sizes, values, linestyle="none", marker=marker, color=color, markersize=5, label=label)


def _tick_at(axes: "Axes", sizes: Sequence[int]) -> None:
    """Ticks where something was measured; thousands as k."""
    from matplotlib.ticker import NullLocator

    axes.set_xticks(sizes, [f"{size / 1000:g}k" if size >= 1000 else str(size) for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())


def _draw_paper(axes: "Axes", curves: Sequence[Curve], printed: Sequence[tuple[float, float]]) -> None:
    measured = [point.x for curve in curves for point in curve.points]
    reached = [(x, y) for x, y in printed if min(measured) <= x <= 2 * max(measured)]
    if reached:
        axes.plot(
            *zip(*reached, strict=True), linestyle="none", marker="*", markersize=9, color=PAPER, label="paper's text"
        )
