"""Data of the figures of predicted hull distances: one table of numbers for each figure.

All take DFT energies above hull `true` (n,) and `predicted` (n,) in eV/atom; NaN is a missing prediction.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

POINTS = 1000  # of a curve at most; a figure cannot show more
WINDOW = 0.04  # eV/atom, width of the rolling mean
STEP = 0.005
ROLLING = 0.2  # eV/atom on both sides of the hull
FEWEST = 10  # structures of a mean
BINS = 100  # of the parity density, on each axis
INSIDE = 0.999  # share of the structures whose DFT value the parity density shows


@dataclass(frozen=True)
class ParityDensity:
    """Numbers of structures in squares of DFT and predicted values."""

    edges: np.ndarray  # (bins + 1,) eV/atom, of both axes
    counts: np.ndarray  # (bins, bins): DFT, predicted
    outside: int  # structures beyond the edges


@dataclass(frozen=True)
class Roc:
    """The receiver operating characteristic of the predicted hull distance as a test of stability."""

    curve: pd.DataFrame  # fpr, tpr, threshold (eV/atom): the highest hull distance that is called stable
    area: float


def parity_density(true: np.ndarray, predicted: np.ndarray) -> ParityDensity:
    """The density of predicted against DFT values, in squares on a range that holds 99.9 % of the DFT values."""
    made = ~np.isnan(predicted)
    margin = (1 - INSIDE) / 2
    low, high = np.quantile(true, [margin, 1 - margin])
    low, high = min(low, -0.05), max(high, 0.05)  # the hull is always in the figure
    edges = np.linspace(low, high, BINS + 1)
    counts, _, _ = np.histogram2d(true[made], predicted[made], bins=[edges, edges])
    return ParityDensity(edges, counts.astype(int), int(made.sum() - counts.sum()))


def cumulative_curve(true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """Precision and recall of the first k structures, the lowest predicted first, as if they were computed by DFT.

    Returns:
        `structures` (k), `threshold` (the k-th prediction, eV/atom), `precision`, `recall`, `called_stable` (whether
        the k-th is predicted stable); at most 1000 values of k, the last one that is predicted stable among them.
    """
    order = _lowest_first(predicted)
    stable = true[order] <= 0
    hits = np.cumsum(stable)
    count = np.arange(1, len(order) + 1)
    shown = _thinned(len(order), int(np.sum(predicted <= 0)))
    return pd.DataFrame(
        {
            "structures": count,
            "threshold": predicted[order],
            "precision": hits / count,
            "recall": hits / max(int(np.sum(true <= 0)), 1),
            "called_stable": predicted[order] <= 0,
        }
    ).iloc[shown]


def rolling_mae(true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """MAE of the structures within 20 meV/atom of a DFT hull distance, and the standard error of that mean.

    Returns:
        `hull_distance`, `mae`, `error` (eV/atom), `structures`; NaN if a window holds fewer than 10.
    """
    made = ~np.isnan(predicted)
    order = np.argsort(true[made], kind="stable")
    distance = true[made][order]
    size = np.abs(predicted[made][order] - distance)
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (size, size**2))
    centers = np.arange(-ROLLING, ROLLING + STEP / 2, STEP)
    first = np.searchsorted(distance, centers - WINDOW / 2, "left")
    last = np.searchsorted(distance, centers + WINDOW / 2, "right")
    count = last - first
    enough = np.where(count >= FEWEST, count, np.nan)
    mean = (sums[last] - sums[first]) / enough
    variance = np.maximum((squares[last] - squares[first]) / enough - mean**2, 0.0)
    return pd.DataFrame(
        {
            "hull_distance": centers.round(6),
            "mae": mean,
            "error": np.sqrt(variance / (enough - 1)),
            "structures": count,
        }
    )


def roc_curve(true: np.ndarray, predicted: np.ndarray) -> Roc | None:
    """TPR against FPR as the threshold of stability rises; None if all structures are stable, or none is.

    Missing predictions come last, all at once.
    """
    stable = true <= 0
    if stable.all() or not stable.any():
        return None
    ranked = np.where(np.isnan(predicted), np.inf, predicted)
    order = np.argsort(ranked, kind="stable")
    # Equal predictions pass the threshold together, so there is one point after the last of them.
    ends = np.append(np.flatnonzero(ranked[order][1:] != ranked[order][:-1]), len(order) - 1)
    tpr = np.concatenate([[0.0], np.cumsum(stable[order])[ends] / stable.sum()])
    fpr = np.concatenate([[0.0], np.cumsum(~stable[order])[ends] / (~stable).sum()])
    threshold = np.concatenate([[-np.inf], ranked[order][ends]])
    area = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    shown = _thinned(len(tpr), int(np.sum(threshold <= 0)))
    return Roc(pd.DataFrame({"fpr": fpr, "tpr": tpr, "threshold": threshold}).iloc[shown], area)


def _lowest_first(predicted: np.ndarray) -> np.ndarray:
    """Indices of the predictions that are not missing, the most stable first."""
    order = np.argsort(predicted, kind="stable")  # NaN last
    return order[: int(np.sum(~np.isnan(predicted)))]


def _thinned(length: int, kept: int) -> np.ndarray:
    """At most 1000 indices below `length`, with the first, the last and the `kept`-th among them."""
    places = np.linspace(0, length - 1, min(POINTS, length)).round().astype(int)
    return np.unique(np.append(places, kept - 1)) if kept else np.unique(places)
