"""The metrics computed here beside those of the package matbench-discovery, on the same hull distances."""

from dataclasses import dataclass

import numpy as np

from alphanet.measure.discovery.metrics import Metrics, discovery_metrics
from alphanet.measure.discovery.package import package_metrics

ROUNDING = 1e-6  # relative; both sum float64 in different orders
DIVIDED_BY_PREDICTIONS = "accuracy"  # the package divides it by the predictions made, the leaderboard by all structures


@dataclass(frozen=True)
class CrossCheck:
    """Metrics by both implementations; `package` is empty if it was not called, for the reason in `refused`."""

    own: Metrics
    package: Metrics
    version: str = ""
    refused: str = ""

    @property
    def differences(self) -> tuple[str, ...]:
        """Metrics that differ by more than rounding."""
        return tuple(name for name, value in self.package.items() if not _agree(self.own.get(name), value))


def cross_check(true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0) -> CrossCheck:
    """Compute the metrics here and with the package, whose environment is made at the first use.

    The package divides the accuracy by the number of predictions instead of structures; its value is converted before
    the comparison. The package fails if a metric is 0/0, so it is not called then.

    Args:
        true: (n,) DFT energy above hull, eV/atom.
        predicted: (n,) eV/atom; NaN is a missing prediction.
        threshold: eV/atom, up to which a structure is stable.

    Raises:
        UserError: the environment cannot be made, or the package fails.
    """
    own = discovery_metrics(true, predicted, threshold)
    if reason := _refusal(own):
        return CrossCheck(own, {}, refused=f"{reason}: matbench-discovery divides by zero")
    metrics, source = package_metrics(true, predicted, threshold)
    made = int((~np.isnan(predicted)).sum())
    accuracy = metrics[DIVIDED_BY_PREDICTIONS]
    if accuracy is not None:
        metrics = metrics | {DIVIDED_BY_PREDICTIONS: accuracy * made / len(true)}
    return CrossCheck(own, metrics, str(source.get("version", "")))


def _refusal(own: Metrics) -> str:
    if own["tp"] == 0:
        return "no stable structure is predicted stable"
    if own["fpr"] is None:
        return "the truth holds no unstable structure"
    return "the truth has no spread" if own["r2"] is None else ""


def _agree(own: float | None, package: float | None) -> bool:
    if own is None or package is None:
        return own is package
    return abs(own - package) <= ROUNDING * max(1.0, abs(own))
