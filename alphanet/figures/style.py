"""One style for all figures, three formats, the same bytes for the same numbers."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.files import atomic_path
from alphanet.paths import resources

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ABREAST = 2  # panels side by side; the page shows figures up to 10.6 inches without making their text smaller
FORMATS = ("png", "svg", "pdf")
# Without these settings the files contain the time of writing.
UNDATED: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
# Okabe and Ito's palette, which people with any color vision can tell apart; markers differ besides.
COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933")
MARKERS = "osD^vP*X"


def styled() -> AbstractContextManager[Any]:
    """The project's style, in which every figure is made and saved."""
    import matplotlib.style

    return matplotlib.style.context(resources("reports") / "alphanet.mplstyle")


def curve_style(index: int) -> dict[str, Any]:
    """Color and marker of the curve number `index`."""
    return {"color": COLORS[index % len(COLORS)], "marker": MARKERS[index % len(MARKERS)], "markersize": 4}


def panel_rows(count: int) -> tuple[int, int]:
    """Rows and columns of `count` panels, so that text of 7 points and more stays readable on a page."""
    return -(-count // ABREAST), min(count, ABREAST)


def save_figure(figure: "Figure", path: Path) -> list[Path]:
    """Write `figure` in every format, atomically; `path` comes without an ending. Call it inside `styled()`."""
    written = []
    for ending in FORMATS:
        final = path.with_name(f"{path.name}.{ending}")
        with atomic_path(final) as temporary:
            figure.savefig(temporary, format=ending, metadata=UNDATED[ending])
        written.append(final)
    return written


def plain_log_axes(axes: "Axes", which: str = "xy") -> None:
    """Logarithmic axes with plain numbers, at 1, 2 and 5 where they span less than three decades. Call it last.

    Axes that span less than a factor of five have ticks at equal distances.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    for name in which:
        axis = getattr(axes, f"{name}axis")
        axes.set(**{f"{name}scale": "log"})
        low, high = axis.get_view_interval()
        steps = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps) if high / low > 5 else MaxNLocator(4))
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="major")


def figure_files(name: str, *endings: str) -> dict[str, str]:
    """The files that `save_figure` writes for `name`, and others beside it, by ending, relative to their folder."""
    return {ending: f"{name}.{ending}" for ending in (*FORMATS, *endings)}
