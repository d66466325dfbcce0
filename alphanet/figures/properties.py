"""Properties as figures: force errors against errors of properties, and curves beside those of the reference."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.figures.style import curve_style, panel_rows, plain_log_axes, save_figure, styled
from alphanet.files import write_text
from alphanet.measure.properties.task import Curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST = 1e-9  # smaller errors are those of the reference itself, and a logarithmic axis has no zero


def plane_figure(
    path: Path, points: Mapping[str, Mapping[str, tuple[float, float]]], titles: Mapping[str, tuple[str, str]]
) -> list[Path]:
    """A panel a property: a mark for each potential, force error across, error of the property up.

    Potentials without any error, such as the reference itself, have no mark.

    Args:
        path: where, without the format's ending.
        points: force error (meV/Å) and error, by property and potential.
        titles: of each panel and of its axis.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    models = list(dict.fromkeys(row for by_row in points.values() for row in by_row))
    with styled():
        rows, columns = panel_rows(len(points))
        figure = Figure(figsize=(4.4 * columns, 2.6 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, by_row) in zip(panels, points.items(), strict=False):
            for place, model in enumerate(models):
                if model in by_row and min(by_row[model]) > LEAST:
                    axes.plot(*by_row[model], linestyle="", label=model, **curve_style(place))
            title, quantity = titles[name]
            axes.set(xlabel="force MAE, meV/Å", ylabel=quantity, title=title)
            if axes.lines:
                plain_log_axes(axes)
        _finish(figure, panels[len(points) :], columns)
        return save_figure(figure, path)


def curves_figure(path: Path, panels: Mapping[str, Mapping[str, Curve]], reference: str) -> list[Path]:
    """A panel a property: the curve of each potential, and in black that of the reference.

    Args:
        path: where, without the format's ending.
        panels: by title, the curves by potential; the empty name is the reference.
        reference: its name.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    with styled():
        rows, columns = panel_rows(len(panels))
        figure = Figure(figsize=(4.4 * columns, 2.6 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (title, curves) in zip(grid, panels.items(), strict=False):
            if true := curves.get(""):
                axes.plot(true.x, true.y, color="black", linewidth=2.5, alpha=0.4, label=reference)
            for place, model in enumerate(name for name in curves if name):
                style = curve_style(place) | {"marker": ""}
                axes.plot(curves[model].x, curves[model].y, linewidth=1, label=model, **style)
            one = next(iter(curves.values()))
            axes.set(xlabel=one.x_title, ylabel=one.y_title, title=title)
        _finish(figure, grid[len(panels) :], columns)
        return save_figure(figure, path)


def write_plane_csv(
    path: Path, points: Mapping[str, Mapping[str, tuple[float, float]]], titles: Mapping[str, tuple[str, str]]
) -> None:
    """Write the points of `plane_figure`."""
    lines = ["property,potential,force_mae_meV/Å,error,error_of\n"]
    for name, by_row in points.items():
        lines += [f'{name},"{row}",{x:.9g},{y:.9g},"{titles[name][1]}"\n' for row, (x, y) in by_row.items()]
    write_text(path, "".join(lines))


def write_curves_csv(path: Path, panels: Mapping[str, Mapping[str, Curve]], reference: str) -> None:
    """Write the points of `curves_figure`."""
    lines = ["panel,potential,x,y\n"]
    for title, curves in panels.items():
        for name, curve in curves.items():
            lines += [
                f'"{title}","{name or reference}",{x:.9g},{y:.9g}\n' for x, y in zip(curve.x, curve.y, strict=True)
            ]
    write_text(path, "".join(lines))


def _finish(figure: "Figure", empty: Iterable["Axes"], columns: int) -> None:
    """One legend for all panels, below them: names of models are long; no axes where there is no panel."""
    for axes in empty:
        axes.set_axis_off()
    entries = {
        label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if entries:
        figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=columns, fontsize=7)
