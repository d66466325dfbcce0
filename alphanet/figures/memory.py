"""The figure of the largest systems: memory of a call against atoms, and where a system did not fit."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from alphanet.figures.style import curve_style, plain_log_axes, save_figure, styled
from alphanet.results.schema import Curve


def memory_figure(path: Path, title: str, curves: Sequence[Curve], limits: Mapping[str, float]) -> list[Path]:
    """Draw memory against atoms on logarithmic axes.

    Args:
        path: where, without the format's ending.
        title: conditions of the measurement.
        curves: memory of energy and forces (MB), one a row.
        limits: row -> atoms of the smallest system that did not fit, drawn as a cross.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    with styled():
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.subplots()
        for index, curve in enumerate(curves):
            if not curve.points:
                continue
            style, last = curve_style(index), curve.points[-1]
            label = f"{curve.row}, {1e3 * last.y / last.x:.3g} kB/atom"
            axes.plot([point.x for point in curve.points], [point.y for point in curve.points], label=label, **style)
            if curve.row in limits:
                axes.plot(limits[curve.row], last.y, color=style["color"], marker="x", markersize=7, linestyle="none")
        axes.set(xlabel="atoms", ylabel="memory of energy and forces (MB)")
        axes.set_title(f"{title}; ×: did not fit", fontsize=9)
        if axes.get_legend_handles_labels()[0]:  # logarithmic axes and a legend need a number
            plain_log_axes(axes)
            figure.legend(loc="outside right upper", fontsize=8)
        return save_figure(figure, path)
