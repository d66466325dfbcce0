"""Figure 1 (c): the sliding surface of a bilayer, reference, potential and difference; and its binding curve."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np

from alphanet.files import write_text
from alphanet.measure.landscape import Landscape
from alphanet.paths import resources
from alphanet.report.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MILLI = 1e3
SURFACE, DIFFERENCE = "cividis", "PuOr"  # both read with any colour vision
BANDS = 14  # colours of a map
BLUE, GREY = "#0072B2", "0.35"
QUANTITIES = {
    "sliding surface, largest difference (meV/atom)": (None, "sliding_max_difference", MILLI),
    "sliding surface, RMS difference (meV/atom)": (None, "sliding_rms_difference", MILLI),
    "sliding surface, highest minus lowest (meV/atom)": ("corrugation_reference", "corrugation_predicted", MILLI),
    "binding curve, largest difference (meV/atom)": (None, "binding_max_difference", MILLI),
    "binding curve, depth (meV/atom)": ("depth_reference", "depth_predicted", MILLI),
    "binding curve, distance of the minimum (Å)": ("distance_reference", "distance_predicted", 1.0),
}
"""What tables show: names in `Landscape.metrics` of the reference's value and the potential's, and a factor."""
SPAN = 1.5  # the binding curve is drawn from the bottom of the well to this many depths above it


def sliding_figure(path: Path, title: str, name: str, landscape: Landscape, below: float) -> list[Path]:
    """Three maps over the sliding vector: reference and potential on one scale, and their difference on another.

    Args:
        path: where, without the format's ending.
        title: what was predicted, by what.
        name: of the potential.
        landscape: energies in eV/atom; drawn in meV/atom.
        below: the paper's claim for the difference, meV/atom, marked on its scale.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    energies, difference = MILLI * landscape.sliding, MILLI * landscape.difference
    low, high = float(energies.min()), float(energies.max())
    far = max(float(np.abs(difference).max()), below)
    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure = Figure(figsize=(7.2, 3.8), layout="compressed")  # made for axes of equal scale
        figure.suptitle(title, fontsize=10)
        panels = figure.subplots(1, 3, sharey=True)
        shared = [
            _map(axes, landscape, values, SURFACE, (low, high))
            for axes, values in zip(panels, energies.T, strict=False)
        ]
        apart = _map(panels[2], landscape, difference, DIFFERENCE, (-far, far))
        for axes, words in zip(panels, ("reference", name, f"{name} − reference"), strict=True):
            axes.set_title(words)
            axes.set_xlabel("along zigzag (Å)")
        panels[0].set_ylabel("along armchair (Å)")
        figure.colorbar(shared[0], ax=panels[:2], label="relative to AB (meV/atom)")
        scale = figure.colorbar(apart, ax=panels[2:], label=f"difference (meV/atom), dashed: ±{below:g}")
        for edge in (-below, below):
            scale.ax.axhline(edge, color="black", linewidth=1.2, linestyle=(0, (2, 1)))
        return save_figure(figure, path)


def binding_figure(path: Path, title: str, name: str, landscape: Landscape) -> list[Path]:
    """Energy against the distance between the layers, reference and potential; a steep wall is cut off."""
    from matplotlib.figure import Figure

    energies = MILLI * landscape.binding
    with matplotlib.style.context(resources("reports") / "alphanet.mplstyle"):
        figure: Figure = Figure(figsize=(4.8, 3.2), layout="constrained")
        figure.suptitle(title, fontsize=10)
        axes = figure.subplots()
        axes.axhline(0.0, color="0.7", linewidth=0.8)
        axes.plot(landscape.distance, energies[:, 0], "o", color=GREY, label="reference")
        axes.plot(landscape.distance, energies[:, 1], "-", color=BLUE, marker="s", markersize=3, label=name)
        bottom = float(energies.min())
        axes.set(
            xlabel="distance between the layers (Å)",
            ylabel=f"relative to {landscape.distance[-1]:g} Å (meV/atom)",
            ylim=(bottom - 0.1 * abs(bottom), min(float(energies.max()), (SPAN - 1) * abs(bottom)) + 0.1 * abs(bottom)),
        )
        axes.grid(True)
        axes.legend(loc="best")
        return save_figure(figure, path)


def write_landscape_csv(folder: Path, model: str, landscape: Landscape) -> None:
    """Write `sliding_MODEL.csv` and `binding_MODEL.csv`: Å and meV/atom, the points of both figures."""
    sliding = ["along_zigzag,along_armchair,stacking,reference,predicted,difference\n"]
    for (x, y), stacking, pair in zip(landscape.slide, landscape.stacking, landscape.sliding, strict=True):
        sliding.append(f"{x:.6f},{y:.6f},{stacking},{_columns(pair)}\n")
    write_text(folder / f"sliding_{model}.csv", "".join(sliding))
    binding = ["distance,reference,predicted,difference\n"]
    binding += [f"{d:.6f},{_columns(pair)}\n" for d, pair in zip(landscape.distance, landscape.binding, strict=True)]
    write_text(folder / f"binding_{model}.csv", "".join(binding))


def quantity_lines(landscapes: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows for a table: quantity, the reference's value, and one of each potential.

    Args:
        landscapes: `Landscape.metrics` of potentials that were compared with the same reference.
    """
    return [
        (
            title,
            _text(landscapes[0].get(reference), factor) if reference else "–",
            *(_text(one.get(predicted), factor) for one in landscapes),
        )
        for title, (reference, predicted, factor) in QUANTITIES.items()
    ]


def _text(value: float | None, factor: float) -> str:
    return "–" if value is None else f"{factor * value:.3g}"


def _columns(pair: np.ndarray) -> str:
    reference, predicted = MILLI * pair
    return f"{reference:.9g},{predicted:.9g},{predicted - reference:.9g}"


def _map(axes: "Axes", landscape: Landscape, values: np.ndarray, colours: str, limits: tuple[float, float]) -> Any:
    """Filled contours of `values` over the slides at round numbers, with the stackings named where they are."""
    from matplotlib.ticker import MaxNLocator

    along, across = landscape.slide.T
    levels = [float(level) for level in MaxNLocator(BANDS).tick_values(*limits)]
    drawn = axes.tricontourf(along, across, values, levels=levels, cmap=colours)
    axes.set_aspect("equal")
    for (x, y), stacking in _named(landscape):
        axes.plot(x, y, "o", color="white", markeredgecolor="black", markersize=3, clip_on=False)
        shown = axes.text(x, y, stacking, fontsize=7, ha="center", va="bottom", color="black")
        shown.set_bbox({"facecolor": "white", "alpha": 0.7, "pad": 0.6, "edgecolor": "none"})
    return drawn


def _named(landscape: Landscape) -> Iterator[tuple[np.ndarray, str]]:
    return ((slide, stacking) for slide, stacking in zip(landscape.slide, landscape.stacking, strict=True) if stacking)
