"""A periodic table colored by a number of each element."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from alphanet.figures.style import save_figure, styled

COLORS = "YlGnBu"  # light to dark: read with any color vision
EMPTY = "#ECECEC"
ROWS, COLUMNS = 9.4, 18  # the lanthanides and actinides lie below, after a gap
GAP = 0.4


def place_of(number: int) -> tuple[float, int]:
    """Row and column of an element in the table of 18 columns, from (1, 1) for hydrogen."""
    if 57 <= number <= 71:
        return 8 + GAP, number - 54
    if 89 <= number <= 103:
        return 9 + GAP, number - 86
    period_ends = (2, 10, 18, 36, 54, 86, 118)
    period = next(row for row, last in enumerate(period_ends, 1) if number <= last)
    before = (0, *period_ends)[period - 1]
    first = number - before
    length = period_ends[period - 1] - before
    left = {2: 1, 8: 2, 18: 2, 32: 2}[length]  # elements at the left edge; the others end at the right edge
    return period, first if first <= left else 18 - (period_ends[period - 1] - number)


def periodic_table_figure(path: Path, title: str, values: Mapping[str, float], label: str) -> list[Path]:
    """Draw `values` (by symbol, in the unit that `label` names); elements without one are gray.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    colors = ScalarMappable(Normalize(*color_range(values)), COLORS)
    with styled():
        figure = Figure(figsize=(8.6, 4.8), layout="constrained")
        figure.suptitle(title, fontsize=9)
        axes = figure.subplots()
        for symbol, (row, column) in PLACES.items():
            _draw(axes, symbol, row, column, values.get(symbol), colors)
        for text, row in (("57–71", 6), ("89–103", 7)):
            axes.text(3, row, text, ha="center", va="center", fontsize=7, color="0.5")
        axes.set(xlim=(0.4, COLUMNS + 0.6), ylim=(ROWS + 0.6, 0.4))
        axes.set_aspect("equal")
        axes.axis("off")
        if values:
            bar = axes.inset_axes((0.16, 0.86, 0.42, 0.035))
            figure.colorbar(colors, cax=bar, orientation="horizontal", extend="both")
            bar.set_title(label, fontsize=8)
        return save_figure(figure, path)


def color_range(values: Mapping[str, float]) -> tuple[float, float]:
    """The 5 % and 95 % quantiles, because a few extreme elements would otherwise take all colors."""
    if not values:
        return 0.0, 1.0
    low, high = np.quantile(list(values.values()), [0.05, 0.95])
    return float(low), float(high) if high > low else float(low) + 1.0


def number_text(value: float) -> str:
    """At least two digits, as short as possible."""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.1f}"


def ink_on(color: Any) -> str:
    """The color of text on a square of `color`, which is None if the square has no number."""
    from matplotlib.colors import to_rgb

    if color is None:
        return "#999999"
    red, green, blue = to_rgb(color)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.55 else "black"


def _draw(axes: Any, symbol: str, row: float, column: int, value: float | None, colors: Any) -> None:
    from matplotlib.patches import Rectangle

    color = EMPTY if value is None else colors.to_rgba(value)
    ink = ink_on(None if value is None else color)
    axes.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, facecolor=color, linewidth=0))
    axes.text(column, row - 0.14, symbol, ha="center", va="center", fontsize=8.5, color=ink)
    if value is not None:
        axes.text(column, row + 0.26, number_text(value), ha="center", va="center", fontsize=7, color=ink)


PLACES = {symbol: place_of(number) for number, symbol in enumerate(chemical_symbols[1:104], 1)}
