"""Interactive figures as single files that need no network."""

from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.files import write_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
GRID = "#E0E0E0"


def write_html(figure: "Figure", path: Path, title: str, height: int) -> None:
    """Write `figure` in the style of the printed ones, with plotly's code inside the file (5 MB).

    Args:
        figure: a plotly figure.
        path: ends in .html.
        title: above it.
        height: pixels; the width is the window's.
    """
    figure.update_layout(
        template="simple_white",
        title={"text": title, "x": 0.5, "font": {"size": 15}},
        font={"family": FONT, "size": 13},
        height=height,
        margin={"l": 70, "r": 30, "t": 60, "b": 60},
    )
    figure.update_xaxes(gridcolor=GRID, showgrid=True)
    figure.update_yaxes(gridcolor=GRID, showgrid=True)
    # A name of its own for the figure's element: plotly would draw one by lot, and no two files were the same.
    text = figure.to_html(include_plotlyjs=True, div_id=path.stem, config={"displaylogo": False, "responsive": True})
    write_text(path, text)
