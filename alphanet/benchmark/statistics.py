"""Intervals and tests for few seeds: one run to come, means over seeds and test frames, many claims at once."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
DRAWS = 400  # of a bootstrap: the standard error is then known to 4 %
LARGEST_DRAW = 4_000_000  # numbers drawn at once
MOST_SEEDS = 1000  # that `seeds_to_decide` considers

Interval = tuple[float, float]


@dataclass(frozen=True)
class Group:
    """Quantities that are resampled together, because the same seeds trained them or the same frames test them.

    `numerators` and `denominators` have the shape (members, seeds, frames); without frames the last axis has length 1.
    The value of a member is the mean over seeds of its sum of numerators over its sum of denominators.
    """

    members: tuple[int, ...]  # places of the quantities in the arguments of the statistic
    numerators: np.ndarray
    denominators: np.ndarray

    @property
    def seeds(self) -> int:
        """The number of seeds."""
        return int(self.numerators.shape[1])

    @property
    def frames(self) -> int:
        """The number of test frames; 0 if there are only totals."""
        return 0 if self.numerators.shape[2] == 1 else int(self.numerators.shape[2])


@dataclass(frozen=True)
class Estimate:
    """A statistic with its standard errors from seeds and from frames."""

    value: float
    seed_error: float
    frame_error: float
    freedom: float  # degrees of freedom (Welch-Satterthwaite); infinite if nothing is random

    @property
    def error(self) -> float:
        """The standard error."""
        return math.hypot(self.seed_error, self.frame_error)

    @property
    def interval(self) -> Interval | None:
        """95 %, by Student's t; None if nothing is random."""
        if math.isinf(self.freedom) and self.error == 0:
            return None
        half = t_quantile(self.freedom) * self.error
        return self.value - half, self.value + half

    def p(self, threshold: float) -> float:
        """The probability of a value at least this far from `threshold` if the true one is there, two-sided."""
        from scipy.stats import norm, t

        distance = abs(self.value - threshold)
        if self.error == 0:
            return 1.0 if distance == 0 else 0.0
        tail = norm.sf if math.isinf(self.freedom) else lambda score: t.sf(score, self.freedom)
        return float(min(1.0, 2 * tail(distance / self.error)))


def prediction_interval(values: Sequence[float]) -> Interval | None:
    """95 % interval of one more run, from `values` of n: mean ± t(n - 1) s sqrt(1 + 1/n); None for a single value."""
    n = len(values)
    if n < 2:
        return None
    middle = statistics.fmean(values)
    half = t_quantile(n - 1) * statistics.stdev(values) * math.sqrt(1 + 1 / n)
    return middle - half, middle + half


def t_quantile(freedom: float, confidence: float = CONFIDENCE) -> float:
    """The two-sided quantile of Student's t; of the normal distribution if `freedom` is infinite."""
    from scipy.stats import norm, t

    upper = 0.5 + confidence / 2
    return float(norm.ppf(upper) if math.isinf(freedom) else t.ppf(upper, freedom))


def estimate(groups: Sequence[Group], statistic: Callable[[np.ndarray], np.ndarray], seed: int = 0) -> Estimate:
    """The statistic of the groups' values, with standard errors from a bootstrap over seeds and over test frames.

    Of n seeds n - 1 are drawn, which makes the variance of a mean unbiased (Rao and Wu, JASA 83, 231, 1988); drawing n
    makes it too small by (n - 1)/n, a half for two seeds. The interval uses Student's t, because percentiles of a
    bootstrap over three seeds cover 80 %, not 95 %.

    Args:
        groups: resampled independently of each other; together they hold every quantity once.
        statistic: of (draws, quantities) values, returns (draws,).
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    places = [place for group in groups for place in group.members]
    order = np.argsort(places)
    middle = np.concatenate([_means(group) for group in groups])[order]
    value = float(statistic(middle[None])[0])
    seed_variances: list[float] = []
    frame_variances: list[float] = []
    spread: list[tuple[float, float]] = []  # variance and degrees of freedom of each part
    start = 0
    for group in groups:
        size = len(group.members)
        for draw, collected, freedom in (
            (_seed_draws, seed_variances, group.seeds - 1),
            (_frame_draws, frame_variances, group.frames - 1),
        ):
            if freedom < 1:
                continue
            draws = draw(group, random)
            values = np.repeat(np.concatenate([_means(other) for other in groups])[None], len(draws), axis=0)
            values[:, start : start + size] = draws
            variance = float(np.var(statistic(values[:, order]), ddof=1))
            collected.append(variance)
            spread.append((variance, freedom))
        start += size
    total = sum(variance for variance, _ in spread)
    parts = sum(variance**2 / freedom for variance, freedom in spread)
    together = total**2 / parts if parts > 0 else _fewest(spread)
    return Estimate(value, math.sqrt(sum(seed_variances)), math.sqrt(sum(frame_variances)), together)


def holm(values: Sequence[float]) -> list[float]:
    """p values adjusted by Holm's method for testing all of them (Scand. J. Stat. 6, 65, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, largest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def seeds_to_decide(distance: float, spread: float, fixed: float = 0.0) -> int | None:
    """The least number of seeds whose 95 % interval would exclude a threshold.

    Args:
        distance: of the effect from the threshold.
        spread: standard deviation of the effect over seeds.
        fixed: standard error that more seeds do not change, that of the test frames.

    Returns:
        None if no number up to 1000 would.
    """
    for n in range(2, MOST_SEEDS + 1):
        if t_quantile(n - 1) * math.hypot(spread / math.sqrt(n), fixed) < distance:
            return n
    return None


def _means(group: Group) -> np.ndarray:
    """(members,) the groups' own values."""
    means: np.ndarray = (group.numerators.sum(axis=2) / group.denominators.sum(axis=2)).mean(axis=1)
    return means


def _seed_draws(group: Group, random: np.random.Generator) -> np.ndarray:
    """(draws, members) means over n - 1 seeds drawn from n."""
    of_seeds = group.numerators.sum(axis=2) / group.denominators.sum(axis=2)
    drawn = random.integers(group.seeds, size=(DRAWS, group.seeds - 1))
    means: np.ndarray = of_seeds[:, drawn].mean(axis=2).T
    return means


def _frame_draws(group: Group, random: np.random.Generator) -> np.ndarray:
    """(draws, members) means over frames drawn with replacement, the same for all members and seeds."""
    n = group.frames
    at_once = max(1, LARGEST_DRAW // n)
    blocks = []
    for start in range(0, DRAWS, at_once):
        weights = random.multinomial(n, np.full(n, 1 / n), size=min(at_once, DRAWS - start)).astype(float)
        numerators = np.einsum("msf,df->dms", group.numerators, weights)
        blocks.append((numerators / np.einsum("msf,df->dms", group.denominators, weights)).mean(axis=2))
    return np.concatenate(blocks)


def _fewest(spread: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom if no draw varies."""
    return min((freedom for _, freedom in spread), default=math.inf)
