"""A table as a drawing: a word on a color in every field."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Field = tuple[str, str]  # words and color


def draw_words(
    axes: "Axes",
    fields: Sequence[Sequence[Field]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    fontsize: float,
    linewidth: float | None = None,
) -> None:
    """Fill `axes` with the fields of each row, the first row on top; titles of columns stand above.

    Args:
        axes: of an empty figure.
        fields: by row and column.
        rows: titles.
        columns: titles.
        fontsize: of the words.
        linewidth: of the white lines between fields; matplotlib's own if None.
    """
    from matplotlib.patches import Rectangle

    for row, line in enumerate(fields):
        for column, (words, color) in enumerate(line):
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=color, edgecolor="white", linewidth=linewidth))
            axes.text(column, row, words, ha="center", va="center", fontsize=fontsize)
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7)
    axes.spines[:].set_visible(False)
