"""A committee's spread against its errors, of energies and of force components."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphanet.figures.style import COLORS, plain_log_axes, save_figure, styled
from alphanet.measure.calibration import Calibration, SpreadAndError, expected_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = (
    ("energy", "(a) energies", "meV/atom"),
    ("force", "(b) force components", "meV/Å"),
)
MILLI = 1e3
BINS = 10  # of equal counts
FEWEST = 10  # pairs in a bin; with fewer, its RMSE says little


def calibration_figure(path: Path, title: str, calibration: Calibration) -> list[Path]:
    """Draw absolute errors over spreads, their RMS in bins of equal counts, and the line of a calibrated committee.

    Args:
        path: where, without the format's ending.
        title: what was predicted, by what.
        calibration: of the committee.

    Returns:
        The files written: PNG, SVG, PDF; none if all members agree or no error is above zero.
    """
    from matplotlib.figure import Figure

    measured = calibration.quantities()
    drawn = [panel for panel in PANELS if panel[0] in measured and len(_positive(measured[panel[0]]))]
    if not drawn:
        return []
    with styled():
        figure = Figure(figsize=(3.6 * len(drawn), 3.6), layout="constrained")
        figure.suptitle(title, fontsize=10)
        for axes, (name, panel, unit) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn, strict=True):
            _draw(axes, measured[name], expected_ratio(calibration.members))
            axes.set_title(panel)
            axes.set(xlabel=f"spread of {calibration.members} members ({unit})", ylabel=f"error of the mean ({unit})")
            axes.legend(loc="upper left")
            plain_log_axes(axes)
        return save_figure(figure, path)


def binned(pairs: np.ndarray) -> np.ndarray:
    """(bins, 2) RMS spread and RMS error in bins of equal counts, by spread; `pairs` is (n, 2)."""
    count = max(1, min(BINS, len(pairs) // FEWEST))
    parts = np.array_split(pairs[np.argsort(pairs[:, 0], kind="stable")], count)
    return np.array([np.sqrt(np.square(part).mean(axis=0)) for part in parts])


def _positive(measured: SpreadAndError) -> np.ndarray:
    """The pairs that a logarithmic axis can show, in thousandths of the unit."""
    return MILLI * measured.sample[(measured.sample > 0).all(axis=1)]


def _draw(axes: "Axes", measured: SpreadAndError, ratio: float) -> None:
    pairs = _positive(measured)
    low, high = pairs[:, 0].min(), pairs[:, 0].max()
    # Vector files of thousands of points are large and slow: the points become an image, the rest stays.
    axes.plot(*pairs.T, ".", color="0.7", markersize=2, markeredgecolor="none", rasterized=True, label="each")
    axes.plot(*binned(pairs).T, "o", color=COLORS[1], label="RMS of a bin")
    axes.plot([low, high], [ratio * low, ratio * high], color=COLORS[0], label="calibrated")
    if measured.calibration is not None:
        axes.text(
            0.97, 0.03, f"calibration {measured.calibration:.2g}", transform=axes.transAxes, ha="right", fontsize=8
        )
