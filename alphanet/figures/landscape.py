"""Figure 1 (c): the sliding surface of a bilayer, reference, potential and difference; and its binding curve."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphanet.figures.style import save_figure, styled
from alphanet.files import write_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from alphanet.measure.landscape import Landscape

MILLI = 1e3
SURFACE, DIFFERENCE = "cividis", "PuOr"  # both read with any color vision
BANDS = 14  # colors of a map
BLUE, GRAY = "#0072B2", "0.35"
SPAN = 1.5  # the binding curve is drawn from the bottom of the well to this many depths above it


def sliding_figure(path: Path, title: str, name: str, landscape: "Landscape", below: float | None) -> list[Path]:
    """Three maps over the sliding vector: reference and potential on one scale, and their difference on another.

    Args:
        path: where, without the format's ending.
        title: what was predicted, by what.
        name: of the potential.
        landscape: energies in eV/atom; drawn in meV/atom.
        below: the paper's claim for the difference, meV/atom, marked on its scale; None if there is none.

    Returns:
        The files written: PNG, SVG, PDF.
    """
    from matplotlib.figure import Figure

    energies, difference = MILLI * landscape.sliding, MILLI * landscape.difference
    low, high = float(energies.min()), float(energies.max())
    marked = "" if below is None else f", dashed: ±{below:g}"
    limit = max(float(np.abs(difference).max()), below or 0.0)
    with styled():
        figure = Figure(figsize=(7.2, 3.8), layout="compressed")  # made for axes of equal scale
        figure.suptitle(title, fontsize=10)
        panels = figure.subplots(1, 3, sharey=True)
        shared = [
            _map(axes, landscape, values, SURFACE, (low, high))
            for axes, values in zip(panels, energies.T, strict=False)
        ]
        apart = _map(panels[2], landscape, difference, DIFFERENCE, (-limit, limit))
        for axes, text in zip(panels, ("reference", name, f"{name} − reference"), strict=True):
            axes.set_title(text)
            axes.set_xlabel("along zigzag (Å)")
        panels[0].set_ylabel("along armchair (Å)")
        figure.colorbar(shared[0], ax=panels[:2], label="relative to AB (meV/atom)")
        scale = figure.colorbar(apart, ax=panels[2:], label=f"difference (meV/atom){marked}")
        for edge in (-below, below) if below is not None else ():
            scale.ax.axhline(edge, color="black", linewidth=1.2, linestyle=(0, (2, 1)))
        return save_figure(figure, path)


def binding_figure(path: Path, title: str, name: str, landscape: "Landscape") -> list[Path]:
    """Energy against the distance between the layers, reference and potential; a steep wall is cut off."""
    from matplotlib.figure import Figure

    energies = MILLI * landscape.binding
    with styled():
        figure: Figure = Figure(figsize=(4.8, 3.2), layout="constrained")
        figure.suptitle(title, fontsize=10)
        axes = figure.subplots()
        axes.axhline(0.0, color="0.7", linewidth=0.8)
        axes.plot(landscape.distance, energies[:, 0], "o", color=GRAY, label="reference")
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


def write_landscape_csv(folder: Path, name: str, landscape: "Landscape") -> None:
    """Write `sliding_NAME.csv` and `binding_NAME.csv`: Å and meV/atom, the points of both figures."""
    sliding = ["along_zigzag,along_armchair,stacking,reference,predicted,difference\n"]
    for (x, y), stacking, pair in zip(landscape.slide, landscape.stacking, landscape.sliding, strict=True):
        sliding.append(f"{x:.6f},{y:.6f},{stacking},{_columns(pair)}\n")
    write_text(folder / f"sliding_{name}.csv", "".join(sliding))
    binding = ["distance,reference,predicted,difference\n"]
    binding += [f"{d:.6f},{_columns(pair)}\n" for d, pair in zip(landscape.distance, landscape.binding, strict=True)]
    write_text(folder / f"binding_{name}.csv", "".join(binding))


def _columns(pair: np.ndarray) -> str:
    reference, predicted = MILLI * pair
    return f"{reference:.9g},{predicted:.9g},{predicted - reference:.9g}"


def _map(axes: "Axes", landscape: "Landscape", values: np.ndarray, colors: str, limits: tuple[float, float]) -> Any:
    """Filled contours of `values` over the slides at round numbers, with the names of the stackings at their places."""
    from matplotlib.ticker import MaxNLocator

    along, across = landscape.slide.T
    levels = [float(level) for level in MaxNLocator(BANDS).tick_values(*limits)]
    drawn = axes.tricontourf(along, across, values, levels=levels, cmap=colors)
    axes.set_aspect("equal")
    for (x, y), stacking in _named(landscape):
        axes.plot(x, y, "o", color="white", markeredgecolor="black", markersize=3, clip_on=False)
        shown = axes.text(x, y, stacking, fontsize=7, ha="center", va="bottom", color="black")
        shown.set_bbox({"facecolor": "white", "alpha": 0.7, "pad": 0.6, "edgecolor": "none"})
    return drawn


def _named(landscape: "Landscape") -> Iterator[tuple[np.ndarray, str]]:
    return ((slide, stacking) for slide, stacking in zip(landscape.slide, landscape.stacking, strict=True) if stacking)
