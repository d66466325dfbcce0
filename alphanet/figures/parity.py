"""Predicted against reference energies and forces, as Figure 1 (a, b) shows them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphanet.figures.style import save_figure, styled
from alphanet.files import write_text
from alphanet.measure.parity import ParitySample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Figure 1 of the paper: training blue, validation orange, test green.
SPLITS = {"train": ("#0072B2", "o"), "valid": ("#E69F00", "s"), "test": ("#009E73", "^")}
LAYERS = 20  # the splits are drawn in turns, so that the last one does not hide the others


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

    with styled():
        figure = Figure(figsize=(7.2, 4.0), layout="compressed")  # "compressed": made for axes of equal scale
        figure.suptitle(title, fontsize=10)
        energy_axes, force_axes = figure.subplots(1, 2)
        with_energy = {split: sample for split, sample in samples.items() if len(sample.energy)}
        if with_energy:
            origin = _origin(with_energy)
            energy_axes.set_title(f"(a) energies, relative to {_signed(origin)} eV/atom")
            _parity(
                energy_axes,
                {split: sample.energy - origin for split, sample in with_energy.items()},
                {split: _described(split, of, of.energy_mae, "meV/atom") for split, of in with_energy.items()},
                "energy (eV/atom)",
            )
        with_forces = {split: sample for split, sample in samples.items() if len(sample.force)}
        if with_forces:
            force_axes.set_title("(b) force components")
            _parity(
                force_axes,
                {split: sample.force for split, sample in with_forces.items()},
                {split: _described(split, of, of.force_mae, "meV/Å") for split, of in with_forces.items()},
                "force (eV/Å)",
            )
        for axes, drawn in ((energy_axes, with_energy), (force_axes, with_forces)):
            axes.set_visible(bool(drawn))
        return save_figure(figure, path)


def write_parity_csv(path: Path, samples: Mapping[str, ParitySample]) -> None:
    """Write the points of `parity_figure`: energies in eV/atom, force components in eV/Å."""
    lines = ["split,quantity,reference,predicted\n"]
    for split, sample in samples.items():
        for quantity, points in (("energy", sample.energy), ("force", sample.force)):
            lines += [f"{split},{quantity},{reference:.9g},{predicted:.9g}\n" for reference, predicted in points]
    write_text(path, "".join(lines))


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
    color, shape = SPLITS[split]
    return {
        "linestyle": "none",
        "marker": shape,
        "markersize": 3.2,
        "markerfacecolor": color,
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
