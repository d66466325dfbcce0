"""Learning curves: errors of training and validation frames over the epochs of one or several trainings."""

from collections.abc import Sequence
from pathlib import Path

from alphanet.figures.style import COLORS, plain_log_axes, save_figure, styled
from alphanet.files import write_text
from alphanet.results.schema import Curve

TRAINING = "training"  # begins the quantities that are drawn pale, behind those of validation
LETTERS = "abcdef"


def learning_figure(path: Path, title: str, curves: Sequence[Curve]) -> list[Path]:
    """Draw one panel for each unit of the curves, over epochs, with a logarithmic axis of errors.

    Args:
        path: where, without the format's ending.
        title: of the whole figure.
        curves: of trainings, which are their rows; those of training frames are pale.

    Returns:
        The files written: PNG, SVG, PDF; none if there is no point above zero.
    """
    from matplotlib.figure import Figure

    drawn = [curve for curve in curves if any(point.y > 0 for point in curve.points)]
    if not drawn:
        return []
    rows, units = (list(dict.fromkeys(getattr(curve, name) for curve in drawn)) for name in ("row", "unit"))
    with styled():
        figure = Figure(figsize=(3.6 * len(units), 3.4), layout="constrained")
        figure.suptitle(title, fontsize=10)
        panels = figure.subplots(1, len(units), squeeze=False)[0]
        for letter, axes, unit in zip(LETTERS, panels, units, strict=False):
            of_panel = [curve for curve in drawn if curve.unit == unit]
            for curve in of_panel:
                pale = curve.quantity.startswith(TRAINING)
                points = [(point.x, point.y) for point in curve.points if point.y > 0]
                axes.plot(
                    *zip(*points, strict=True),
                    color=COLORS[rows.index(curve.row) % len(COLORS)],
                    alpha=0.4 if pale else 1.0,
                    linewidth=0.9 if pale else 1.4,
                    linestyle="--" if pale else "-",
                    marker="" if len(points) > 1 else "o",
                    label=f"{curve.row}, {curve.quantity.partition(' ')[0]}"
                    if len(rows) > 1
                    else curve.quantity.partition(" ")[0],
                )
            axes.set_title(f"({letter}) {of_panel[0].y_title}")
            axes.set(xlabel=of_panel[0].x_title, ylabel=f"{of_panel[0].y_title} ({unit})")
            axes.legend(loc="best")
            plain_log_axes(axes, "y")
        return save_figure(figure, path)


def write_learning_csv(path: Path, curves: Sequence[Curve]) -> None:
    """Write the points of `learning_figure`."""
    lines = ["training,quantity,unit,epoch,value\n"]
    for curve in curves:
        lines += [f'"{curve.row}",{curve.quantity},{curve.unit},{point.x:g},{point.y:.9g}\n' for point in curve.points]
    write_text(path, "".join(lines))
