"""The metrics of matbench-discovery behind the worker protocol."""

import matbench_discovery
import pandas as pd
from matbench_discovery.metrics import stable_metrics


def load(request):
    """The metrics of one set of predictions, as the `info` that the protocol's `load` answers with."""
    return Metrics(request["true"], request["predicted"], request["threshold"])


class Metrics:
    """The package's `stable_metrics` of hull distances (n,) in eV/atom; NaN is a missing prediction."""

    def __init__(self, true, predicted, threshold):
        """Compute the metrics at once."""
        found = stable_metrics(pd.Series(true), pd.Series(predicted), stability_threshold=threshold, fillna=True)
        self.info = {"metrics": found, "version": matbench_discovery.__version__}
