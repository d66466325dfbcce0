"""Bootstrap intervals of the stability metrics, from sums over groups of structures instead of the structures."""

import numpy as np

from alphanet.measure.discovery.metrics import Counts, ErrorSums, class_terms, error_terms, error_values, rate_values

LEVEL = 0.95
SAMPLES = 1000
# Resampling 4096 random groups instead of 257,000 structures leaves the metrics' spread as it is, because a group's
# sums are sums of structures drawn at random; the spread is known to 1/sqrt(2 * 4096), 1 %. Up to that number, every
# structure forms its own group.
GROUPS = 4096
COUNTED = 4  # the first columns of a group's sums are counts

Interval = list[float] | None  # low, high


def bootstrap_intervals(
    true: np.ndarray, predicted: np.ndarray, threshold: float = 0.0, prevalence: float | None = None, seed: int = 0
) -> dict[str, Interval]:
    """95 % bootstrap intervals of the ratios and errors of `discovery_metrics` over the choice of structures.

    Structures are drawn independently of each other, although WBM's come in families of substitutions. The intervals
    do not cover errors that whole families share.

    Args:
        true: (n,) DFT energy above hull, eV/atom.
        predicted: (n,) eV/atom; NaN is a missing prediction.
        threshold: eV/atom, up to which a structure is stable.
        prevalence: stable fraction by which DAF divides; that of each sample if None.
        seed: of the draws.

    Returns:
        For each metric the 2.5 % and 97.5 % quantiles; None if no sample defines it.
    """
    if not len(true):
        return {}
    random = np.random.default_rng(seed)
    terms = np.concatenate([class_terms(true, predicted, threshold), error_terms(true, predicted)], axis=1)
    groups = min(GROUPS, len(true))
    starts = np.arange(groups) * len(true) // groups
    sums = np.add.reduceat(terms[random.permutation(len(true))], starts, axis=0)
    drawn = random.multinomial(groups, np.full(groups, 1 / groups), size=SAMPLES)  # how often each group is in a sample
    sampled = (drawn @ sums).T
    values = {
        **rate_values(Counts(*sampled[:COUNTED]), prevalence),
        **error_values(ErrorSums(*sampled[COUNTED:])),
    }
    return {name: _interval(samples) for name, samples in values.items()}


def _interval(samples: np.ndarray) -> Interval:
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]
