"""Stability metrics of Matbench Discovery, stated from their definitions.

A structure is stable when its energy above the convex hull is at most the threshold. Precision, recall and the like
are ratios of four counts; the errors are those of the hull distance, which equal those of the formation energy.
"""

from dataclasses import asdict, dataclass

import numpy as np

Metrics = dict[str, float | int | None]
"""By name in small letters; None where a metric is 0/0"""

UNIQUE_PREVALENCE = 32942 / 215488
"""Stable fraction by which the leaderboard divides on unique prototypes and on the 10k most stable; it is fixed there,
and not the fraction that the counts of those rows give (33374 / 215488)"""


@dataclass(frozen=True)
class Counts:
    """Structures by what the truth and the prediction say of them."""

    tp: int  # stable, predicted stable
    fp: int  # unstable, predicted stable
    tn: int  # unstable, predicted unstable
    fn: int  # stable, predicted unstable


def hull_distance(
    hull_true: np.ndarray,  # (n,) DFT energy above the hull
    formation_true: np.ndarray,  # (n,) DFT formation energy
    formation_predicted: np.ndarray,  # (n,)
) -> np.ndarray:
    """Predicted energy above hull (n,), all in eV/atom, as the leaderboard computes it: the hull stays the DFT one."""
    return hull_true + formation_predicted - formation_true


def discovery_metrics(true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0) -> Metrics:
    """All metrics of predicted energies above hull.

    Args:
        true: (n,) DFT energy above hull, eV/atom.
        predicted: (n,) eV/atom; NaN, a missing prediction, counts as unstable and stays out of MAE, RMSE and R2.
        threshold: the highest energy above hull, eV/atom, that is called stable.

    Returns:
        f1, daf, precision, recall, accuracy, tpr, fpr, tnr, fnr, tp, fp, tn, fn, mae (eV/atom), rmse (eV/atom), r2.
    """
    counts = count(true, predicted, threshold)
    return {**rates(counts), **asdict(counts), **errors(true, predicted)}


def count(true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0) -> Counts:
    """Count structures; arguments as for `discovery_metrics`."""
    stable, called_stable = true <= threshold, predicted <= threshold  # NaN compares false: predicted unstable
    return Counts(
        tp=int(np.sum(stable & called_stable)),
        fp=int(np.sum(~stable & called_stable)),
        tn=int(np.sum(~stable & ~called_stable)),
        fn=int(np.sum(stable & ~called_stable)),
    )


def rates(counts: Counts, prevalence: float | None = None) -> Metrics:
    """The metrics that are ratios of counts.

    Args:
        counts: as `count` gives them.
        prevalence: stable fraction by which the discovery acceleration factor (DAF) divides; none: that of the counts.
    """
    tp, fp, tn, fn = counts.tp, counts.fp, counts.tn, counts.fn
    structures = tp + fp + tn + fn
    precision = _ratio(tp, tp + fp)
    recall = _ratio(tp, tp + fn)
    stable_fraction = _ratio(tp + fn, structures) if prevalence is None else prevalence
    return {
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "daf": None if precision is None or not stable_fraction else precision / stable_fraction,
        "precision": precision,
        "recall": recall,
        "accuracy": _ratio(tp + tn, structures),
        "tpr": recall,
        "fpr": _ratio(fp, fp + tn),
        "tnr": _ratio(tn, fp + tn),
        "fnr": _ratio(fn, tp + fn),
    }


def errors(true: np.ndarray, predicted: np.ndarray) -> Metrics:
    """MAE, RMSE (eV/atom) and R2 over the structures that have a prediction; arguments as for `discovery_metrics`."""
    made = ~np.isnan(predicted)
    true, predicted = true[made], predicted[made]
    if not len(true):
        return {"mae": None, "rmse": None, "r2": None}
    squared = (predicted - true) ** 2
    spread = np.sum((true - true.mean()) ** 2)
    return {
        "mae": float(np.abs(predicted - true).mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "r2": float(1 - squared.sum() / spread) if spread > 0 else None,
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
