"""Figures. One style, three formats, the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np

from alphanet.files import atomic_path, write_text
from alphanet.measure.parity import ParitySample
from alphanet.paths import resources

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
# Figure 1 of the paper: training blue, validation orange, test green.
SPLITS = {"train": ("#0072B2", "o"), "valid": ("#E69F00", "s"), "test": ("#009E73", "^")}
LAYERS = 20  # the splits are drawn in turns, so that the last one does not hide the others
# Formats stamp the file with the time of writing unless told not to.
UNDATED: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


def parity_figure(path: Path, title: str, samples: Mapping[str, ParitySample]) -> list[Path]:
    """Draw predicted against reference energies and forces in the manner of Figure 1 (a, b).

    Args:
        path: where, without the format's ending.
        title: what was predicted, by what.
        samples: train, valid and test, whichever there are.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(7.2, 4.0), layout="compressed")  # "compressed": made for axes of equal scale
        figure.suptitle(title, fontsize=10)
        energy_axes, force_axes = figure.subplots(1, 2)
        origin = _origin(samples)
        energy_axes.set_title(f"(a) energies, relative to {_signed(origin)} eV/atom")
        _parity(
            energy_axes,
            {split: sample.energy - origin for split, sample in samples.items()},
            {split: _described(split, sample, sample.energy_mae, "meV/atom") for split, sample in samples.items()},
            "energy (eV/atom)",
        )
        force_axes.set_title("(b) force components")
        _parity(
            force_axes,
            {split: sample.force for split, sample in samples.items()},
            {split: _described(split, sample, sample.force_mae, "meV/Å") for split, sample in samples.items()},
            "force (eV/Å)",
        )
        return save_figure(figure, path)


def write_parity_csv(path: Path, samples: Mapping[str, ParitySample]) -> None:
    """Write the points of `parity_figure`: energies in eV/atom, force components in eV/Å."""
    lines = ["split,quantity,reference,predicted\n"]
    for split, sample in samples.items():
        for quantity, points in (("energy", sample.energy), ("force", sample.force)):
            lines += [f"{split},{quantity},{reference:.9g},{predicted:.9g}\n" for reference, predicted in points]
    write_text(path, "".join(lines))


def save_figure(figure: "Figure", path: Path) -> list[Path]:
    """Write `figure` in every format, atomically; `path` comes without an ending. Call it inside the style."""
    written = []
    for ending in FORMATS:
        final = path.with_name(f"{path.name}.{ending}")
        with atomic_path(final) as temporary:
            figure.savefig(temporary, format=ending, metadata=UNDATED[ending])
        written.append(final)
    return written


def plain_log_axes(axes: "Axes", which: str = "xy") -> None:
    """Logarithmic axes with plain numbers, at 1, 2 and 5 where they span less than three decades. Call it last."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name in which:
        axis = getattr(axes, f"{name}axis")
        axes.set(**{f"{name}scale": "log"})
        low, high = axis.get_view_interval()
        steps = (1.0, 2.0, 5.0) if high / low < 1000 else (1.0,)
        axis.set_major_locator(LogLocator(subs=steps))
        axis.set_major_formatter(FuncFormatter(lambda value, _place: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="major")


def _parity(axes: "Axes", pairs: Mapping[str, np.ndarray], legends: Mapping[str, str], label: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    low, high = _limits(pairs)
    axes.plot([low, high], [low, high], color="0.4", linewidth=0.8, zorder=1)
    for layer in range(LAYERS):
        for split, points in pairs.items():
            shown = points[layer::LAYERS]
            # Vector files of thousands of points are large and slow: the points become an image, the rest stays.
            axes.plot(shown[:, 0], shown[:, 1], alpha=0.6, rasterized=True, **_marker(split))
    axes.set(xlim=(low, high), ylim=(low, high), xlabel=f"reference {label}", ylabel=f"predicted {label}")
    axes.set_aspect("equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(True)
    legend = [Line2D([], [], label=legends[split], **_marker(split)) for split in pairs]
    axes.legend(handles=legend, loc="upper left")


def _described(split: str, sample: ParitySample, mae: float, unit: str) -> str:
    return f"{split} ({sample.n_structures} frames), MAE {1e3 * mae:.3g} {unit}"


def _marker(split: str) -> dict[str, Any]:
    colour, shape = SPLITS[split]
    return {
        "linestyle": "none",
        "marker": shape,
        "markersize": 3.2,
        "markerfacecolor": colour,
        "markeredgecolor": "none",
    }


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _origin(samples: Mapping[str, ParitySample]) -> float:
    """The mean reference energy, eV/atom: total energies lie far from zero, their differences matter."""
    return float(np.mean(np.concatenate([sample.energy[:, 0] for sample in samples.values()])))


def _limits(pairs: Mapping[str, np.ndarray]) -> tuple[float, float]:
    everything = np.concatenate([points.ravel() for points in pairs.values()])
    low, high = float(everything.min()), float(everything.max())
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin
