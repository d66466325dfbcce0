"""The score of one file of predictions: read, joined, and measured by the reference implementation."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.measure.discovery import Metrics, discovery_metrics
from alphanet.measure.discovery_package import package_metrics
from alphanet.measure.discovery_tables import Joined, join


def score(
    predictions: Path,
    truth: Path,
    *,
    threshold: float = 0.0,
    column: str | None = None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Metrics of `predictions` against `truth`, and where they come from.

    The numbers are the package's. Two of its habits are not the leaderboard's and are set right, and said in `notes`:
    it divides the accuracy by the predictions made instead of by the structures, and fails where a metric is 0/0.

    Args:
        predictions: CSV, see `alphanet.measure.discovery_tables.join`.
        truth: CSV with the columns of the published WBM summary.
        threshold: the highest energy above hull, eV/atom, that is called stable.
        column: the column of predictions, where several would do.
        report: called with lines of progress.

    Returns:
        `n`, `missing`, `unlabelled`, `unknown`, the metrics as `discovery_metrics` names them, `threshold`, `column`,
        `computed_by`, `notes`, and the names and sha256 of both files.

    Raises:
        UserError: a mistake in a file, or the package's environment cannot be made.
    """
    if not np.isfinite(threshold):
        raise UserError(f"--threshold: {threshold} is not a finite number of eV/atom")
    joined = join(predictions, truth, column)
    metrics, computed_by, notes = _measure(joined, threshold, report)
    return {
        "n": len(joined.true),
        "missing": joined.missing,
        "unlabelled": joined.unlabelled,
        "unknown": joined.unknown,
        **metrics,
        "threshold": threshold,
        "column": joined.column,
        "computed_by": computed_by,
        "notes": notes,
        "predictions": {"file": predictions.name, "sha256": sha256_of(predictions)},
        "truth": {"file": truth.name, "sha256": sha256_of(truth)},
    }


def _measure(
    joined: Joined, threshold: float, report: Callable[[str], None]
) -> tuple[Metrics, dict[str, Any], list[str]]:
    own = discovery_metrics(joined.true, joined.predicted, threshold)
    refused = _why_not_the_package(own)
    if refused:
        return own, {"package": "alphanet"}, [f"computed here: {refused}, where matbench-discovery divides by zero"]
    metrics, computed_by = package_metrics(joined.true, joined.predicted, threshold, report)
    if not joined.missing:
        return metrics, computed_by, []
    note = (
        f"accuracy is over all structures, as on the leaderboard; matbench-discovery prints {metrics['accuracy']:.6f}, "
        f"divided by the {len(joined.true) - joined.missing} predictions made"
    )
    return {**metrics, "accuracy": own["accuracy"]}, computed_by, [note]


def _why_not_the_package(own: Metrics) -> str:
    if own["tp"] == 0:
        return "no stable structure is predicted stable"
    if own["fpr"] is None:
        return "the truth holds no unstable structure"
    return "the truth has no spread" if own["r2"] is None else ""
