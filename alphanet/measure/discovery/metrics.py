"""Stability metrics of Matbench Discovery, implemented from their definitions.

A structure is stable when its energy above the convex hull is at most the threshold. Precision, recall and the like
are ratios of four counts; the errors are those of the hull distance, which equal those of the formation energy. All
follow from sums over structures, which can be resampled without the structures (`discovery_intervals`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

Metrics = dict[str, float | int | None]
"""Lower-case name -> value; None if a metric is 0/0"""

UNIQUE_PREVALENCE = 32942 / 215488
"""Stable fraction by which the leaderboard divides on unique prototypes and on the 10k most stable: that of the
published labels. The counts it prints are of labels rounded to 1 meV/atom, by which 33374 are stable"""


@dataclass(frozen=True)
class Counts:
    """Numbers of structures by true and predicted class; scalars, or arrays of one shape for many samples."""

    tp: Any  # stable, predicted stable
    fp: Any  # unstable, predicted stable
    tn: Any  # unstable, predicted unstable
    fn: Any  # stable, predicted unstable


@dataclass(frozen=True)
class ErrorSums:
    """Sums over the structures that have a prediction; scalars, or arrays of one shape for many samples."""

    made: Any  # structures
    absolute: Any  # |predicted - true|, eV/atom
    squared: Any  # (predicted - true)^2
    offset: Any  # true, less one constant
    offset_squared: Any


def hull_distance(
    hull_true: np.ndarray,  # (n,) DFT energy above the hull
    formation_true: np.ndarray,  # (n,) DFT formation energy
    formation_predicted: np.ndarray,  # (n,)
) -> np.ndarray:
    """Predicted energy above hull (n,), all in eV/atom, as the leaderboard computes it: the hull stays the DFT one."""
    predicted: np.ndarray = hull_true + formation_predicted - formation_true
    return predicted


def discovery_metrics(
    true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0, prevalence: float | None = None
) -> Metrics:
    """All metrics of predicted energies above hull.

    Args:
        true: (n,) DFT energy above hull, eV/atom.
        predicted: (n,) eV/atom; NaN, a missing prediction, counts as unstable and stays out of MAE, RMSE and R2.
        threshold: the highest energy above hull, eV/atom, that is called stable.
        prevalence: stable fraction by which the discovery acceleration factor (DAF) divides; that of `true` if None.

    Returns:
        f1, daf, precision, recall, accuracy, tpr, fpr, tnr, fnr, tp, fp, tn, fn, mae (eV/atom), rmse (eV/atom), r2.
    """
    classes, errors = class_terms(true, predicted, threshold), error_terms(true, predicted)
    counts = Counts(*(int(column.sum()) for column in classes.T))
    return {**rates(counts, prevalence), **asdict(counts), **_plain(error_values(ErrorSums(*errors.sum(axis=0))))}


def class_terms(true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0) -> np.ndarray:
    """(n, 4) booleans, the contribution of each structure to `Counts`; arguments as for `discovery_metrics`."""
    stable, called_stable = true <= threshold, predicted <= threshold  # NaN compares false: predicted unstable
    return np.stack(
        [stable & called_stable, ~stable & called_stable, ~stable & ~called_stable, stable & ~called_stable], axis=1
    )


def error_terms(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(n, 5) contributions of each structure to `ErrorSums`; arguments as for `discovery_metrics`."""
    made = ~np.isnan(predicted)
    error = np.where(made, predicted - true, 0.0)
    # Energies are relative to their mean; otherwise R2 would be the difference of two large sums.
    offset = np.where(made, true - true[made].mean(), 0.0) if made.any() else np.zeros(len(true))
    return np.stack([made, np.abs(error), error**2, offset, offset**2], axis=1, dtype=np.float64)


def rates(counts: Counts, prevalence: float | None = None) -> Metrics:
    """The metrics that are ratios of counts, of one sample; see `rate_values`."""
    return _plain(rate_values(counts, prevalence))


def rate_values(counts: Counts, prevalence: float | None = None) -> dict[str, np.ndarray]:
    """The metrics that are ratios of counts, of any number of samples; NaN if one is 0/0.

    Args:
        counts: of the samples.
        prevalence: stable fraction by which the discovery acceleration factor (DAF) divides; that of `counts` if None.
    """
    tp, fp, tn, fn = counts.tp, counts.fp, counts.tn, counts.fn
    structures = tp + fp + tn + fn
    precision = _ratio(tp, tp + fp)
    recall = _ratio(tp, tp + fn)
    stable_fraction = _ratio(tp + fn, structures) if prevalence is None else prevalence
    return {
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "daf": _ratio(precision, stable_fraction),
        "precision": precision,
        "recall": recall,
        "accuracy": _ratio(tp + tn, structures),
        "tpr": recall,
        "fpr": _ratio(fp, fp + tn),
        "tnr": _ratio(tn, fp + tn),
        "fnr": _ratio(fn, tp + fn),
    }


def error_values(sums: ErrorSums) -> dict[str, np.ndarray]:
    """MAE, RMSE (eV/atom) and R2 of any number of samples; NaN if one is 0/0."""
    spread = sums.offset_squared - _ratio(sums.offset**2, sums.made)
    return {
        "mae": _ratio(sums.absolute, sums.made),
        "rmse": np.sqrt(_ratio(sums.squared, sums.made)),
        "r2": 1 - _ratio(sums.squared, np.maximum(spread, 0.0)),
    }


def _ratio(part: Any, whole: Any) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.equal(whole, 0), np.nan, np.divide(part, whole))


def _plain(values: Mapping[str, np.ndarray]) -> Metrics:
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}
