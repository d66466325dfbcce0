"""Figures of predicted crystal stability: parity, cumulative precision and recall, rolling MAE, ROC."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from alphanet.figures.style import save_figure, styled
from alphanet.measure.discovery.curves import ParityDensity, Roc
from alphanet.results.records import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, RED, GRAY = "#0072B2", "#E69F00", "#D55E00", "0.55"
DENSITY = "cividis"  # read with any color vision, and in print without colors
LETTERS = 12  # of a title, an inch


def parity_figure(path: Path, title: str, density: ParityDensity, score: Facts) -> list[Path]:
    """Predicted against DFT hull distances as a density; the lines of the hull part it into TP, FP, FN and TN.

    Args:
        path: where, without the format's ending; the same for the figures below.
        title: what was predicted, by what.
        density: as `parity_density` counts it.
        score: `tp` and so on, `mae`, `r2` of the same structures.
    """
    from matplotlib.colors import LogNorm

    with styled():
        figure = _figure(title, (4.6, 4.0), layout="compressed")  # made for axes of equal scale
        axes = figure.subplots()
        edges, counts = density.edges, density.counts.T
        image = axes.pcolormesh(
            edges,
            edges,
            np.ma.masked_equal(counts, 0),
            cmap=DENSITY,
            norm=LogNorm(1, max(2, counts.max())),
            rasterized=True,
        )
        axes.plot(edges[[0, -1]], edges[[0, -1]], color="0.25", linewidth=0.8, linestyle=(0, (4, 3)))
        for line in (axes.axhline, axes.axvline):
            line(0, color="0.25", linewidth=0.8)
        for name, x, y, side in (("FN", 0.02, 0.97, "left"), ("FP", 0.98, 0.03, "right")):
            vertical = "top" if y > 0.5 else "bottom"
            axes.text(x, y, name, transform=axes.transAxes, ha=side, va=vertical, fontsize=8, color="0.25")
        axes.set(xlabel="DFT energy above hull (eV/atom)", ylabel="predicted energy above hull (eV/atom)")
        axes.set_aspect("equal")
        axes.set_title(_parity_text(density, score), fontsize=8)
        figure.colorbar(image, ax=axes, label="structures in a square", pad=0.02)
        return save_figure(figure, path)


def cumulative_figure(path: Path, title: str, curve: pd.DataFrame) -> list[Path]:
    """Precision and recall of the first k structures, those predicted most stable first; thin if called unstable."""
    with styled():
        figure = _figure(title, (6.6, 3.0))
        for axes, (name, color) in zip(figure.subplots(1, 2), (("precision", BLUE), ("recall", ORANGE)), strict=True):
            called = curve[curve["called_stable"]]
            axes.plot(curve["structures"], curve[name], color=color, linewidth=0.8, alpha=0.5, label="called unstable")
            axes.plot(called["structures"], called[name], color=color, linewidth=2, label="called stable")
            if len(called):
                end = called.iloc[-1]
                axes.plot(end["structures"], end[name], "o", color=color, markersize=5)
                axes.annotate(
                    f"{end[name]:.3f}",
                    (end["structures"], end[name]),
                    xytext=(6, -3),
                    textcoords="offset points",
                    fontsize=8,
                    va="top",
                )
            axes.set(xlim=(0, None), ylim=(0, 1.02), xlabel="structures, the lowest predicted first", ylabel=name)
            axes.xaxis.set_major_formatter(_thousands())
            axes.grid(True)
            axes.legend(loc="lower right" if name == "recall" else "upper right")
        return save_figure(figure, path)


def rolling_figure(path: Path, title: str, rolling: pd.DataFrame) -> list[Path]:
    """MAE of structures at a DFT hull distance, and how many there are.

    Where the MAE is above the distance to the hull (shaded), a typical error turns stable into unstable.
    """
    with styled():
        figure = _figure(title, (5.2, 3.8))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        x, mae, error = 1e3 * rolling["hull_distance"], 1e3 * rolling["mae"], 1e3 * rolling["error"]
        highest = 1.15 * float(np.nanmax(mae + error)) if mae.notna().any() else 100.0
        axes.fill_between(x, np.abs(x), 1e3, color=RED, alpha=0.10, linewidth=0, label="MAE above distance to hull")
        axes.fill_between(x, mae - error, mae + error, color=BLUE, alpha=0.3, linewidth=0, label="standard error")
        axes.plot(x, mae, color=BLUE, linewidth=1.6, label="rolling MAE, 40 meV/atom wide")
        axes.set(ylim=(0, highest), ylabel="MAE (meV/atom)")
        axes.grid(True)
        axes.legend(loc="best")
        below.fill_between(x, rolling["structures"], color=GRAY, alpha=0.5, linewidth=0, step="mid")
        below.set(xlim=(x.min(), x.max()), ylim=(0, None), ylabel="structures\nin a window")
        below.set_xlabel("DFT energy above hull (meV/atom)")
        below.yaxis.set_major_formatter(_thousands())
        for panel in (axes, below):
            panel.axvline(0, color="0.25", linewidth=0.8)
        figure.align_ylabels()
        return save_figure(figure, path)


def roc_figure(path: Path, title: str, roc: Roc) -> list[Path]:
    """TPR against FPR as the threshold rises; the mark is at the threshold of the metrics, 0 eV/atom."""
    with styled():
        figure = _figure(title, (4.4, 4.2))
        axes = figure.subplots()
        curve = roc.curve
        axes.plot([0, 1], [0, 1], color="0.5", linewidth=0.8, linestyle=(0, (4, 3)), label="at random")
        axes.plot(curve["fpr"], curve["tpr"], color=BLUE, linewidth=1.6, label=f"area {roc.area:.3f}")
        at = curve[curve["threshold"] <= 0].iloc[-1]
        axes.plot(at["fpr"], at["tpr"], "o", color=RED, markersize=5, label="threshold 0 eV/atom")
        axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), xlabel="false positive rate", ylabel="true positive rate")
        axes.set_aspect("equal")
        axes.grid(True)
        axes.legend(loc="lower right")
        return save_figure(figure, path)


def _parity_text(density: ParityDensity, score: Facts) -> str:
    mae, r2 = score["mae"], score["r2"]
    parts = [f"MAE {1e3 * mae:.1f} meV/atom" if isinstance(mae, int | float) else "no predictions"]
    parts += [f"R² {r2:.3f}"] if isinstance(r2, int | float) else []
    parts += [f"{density.outside} structures outside"] if density.outside else []
    counts = [f"{name} {score[name.lower()]}" for name in ("TP", "FP", "FN", "TN")]
    return " · ".join(parts) + "\n" + " · ".join(counts)


def _figure(
    title: str, size: tuple[float, float], layout: Literal["constrained", "compressed"] = "constrained"
) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout=layout)
    letters = int(LETTERS * size[0])
    lines = [title] if len(title) <= letters else title.split(" · ")
    figure.suptitle("\n".join(textwrap.fill(line, letters) for line in lines), fontsize=9)
    return figure


def _thousands() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _place: f"{value / 1000:g}k" if value else "0")
