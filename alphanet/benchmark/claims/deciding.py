"""Decisions: an effect with its interval, on which side of a threshold it lies, and what would decide it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from alphanet.benchmark.claims.samples import Sample, groups_of
from alphanet.benchmark.statistics import CONFIDENCE, Estimate, Interval, estimate, holm, seeds_to_decide, t_quantile
from alphanet.results.schema import ClaimVerdict

LEVEL = 1 - CONFIDENCE
MANY = "more seeds or passes: several effects are tested at once"

Statistic = Callable[[np.ndarray], np.ndarray]
"""Of (draws, quantities) values, returns (draws,)"""


@dataclass(frozen=True)
class Side:
    """Where an effect must lie for a claim to be true."""

    direction: Literal["below", "above", "within"]
    low: float = -math.inf  # the bound of `above` and `within`
    high: float = math.inf  # that of `below` and `within`

    @property
    def threshold(self) -> float:
        """The bound; the upper one of `within`."""
        return self.low if self.direction == "above" else self.high

    @property
    def bounds(self) -> Interval | None:
        """Both, of `within`."""
        return (self.low, self.high) if self.direction == "within" else None

    def contains(self, interval: Interval) -> bool:
        """Whether every value of `interval` makes the claim true. A bound itself does not."""
        return self.low < interval[0] and interval[1] < self.high

    def excludes(self, interval: Interval) -> bool:
        """Whether every value of `interval` makes the claim false."""
        return interval[1] <= self.low or interval[0] >= self.high

    def nearest(self, value: float) -> float:
        """The bound that is nearest to `value`."""
        return min((bound for bound in (self.low, self.high) if math.isfinite(bound)), key=lambda b: abs(b - value))

    def badness(self, value: float) -> float:
        """How far `value` is towards the false side: larger is worse."""
        return max(self.low - value, value - self.high)

    def logarithm(self) -> "Side":
        """The same side of the logarithm of an effect."""
        return replace(self, low=math.log(self.low) if self.low > 0 else -math.inf, high=math.log(self.high))

    def text(self) -> str:
        """`below 1`, `within 0.8 to 1.25`."""
        if self.direction == "within":
            return f"within {self.low:.3g} to {self.high:.3g}"
        return f"{self.direction} {self.threshold:.3g}"


@dataclass(frozen=True)
class Decision:
    """The outcome of one comparison."""

    outcome: ClaimVerdict
    effect: float
    title: str = ""
    interval: Interval | None = None
    p: float | None = None
    seeds: int = 0
    frames: int = 0
    needs: str = ""
    is_likely: bool = False  # whether the effect itself is on the true side, however wide the interval

    @property
    def text(self) -> str:
        """`formate: 0.72 (0.60 to 0.86)`."""
        interval = "" if self.interval is None else f" ({self.interval[0]:.3g} to {self.interval[1]:.3g})"
        return f"{self.title}: {self.effect:.3g}{interval}".removeprefix(": ")


def decide(title: str, samples: Sequence[Sample], statistic: Statistic, side: Side, *, log: bool = False) -> Decision:
    """The decision on one effect.

    Args:
        title: names the effect.
        samples: of the quantities that `statistic` takes, in its order.
        statistic: the effect, or its logarithm.
        side: in units of the effect.
        log: whether `statistic` is the logarithm of the effect, as that of a ratio.

    Raises:
        UserError: the errors of the test frames cannot be read.
    """
    groups = groups_of(samples)
    result = estimate(groups, statistic)
    scale: Callable[[float], float] = math.exp if log else float
    own = side.logarithm() if log else side
    random = [sample for sample in samples if sample.repeats != "fixed"]
    seeds = min((len(sample.values) for sample in random), default=0)
    frames = max(group.frames for group in groups)
    true = own.contains((result.value, result.value))
    if not random and not frames:
        return Decision("supported" if true else "contradicted", scale(result.value), title, p=0.0, is_likely=true)
    if random and seeds < 2:
        single = next(sample for sample in random if len(sample.values) == seeds)
        more = "a second pass" if single.repeats == "pass" else "a second seed"
        needs = f"{more}, at least"
        return Decision("undecided", scale(result.value), title, None, None, seeds, frames, needs, true)
    interval = result.interval
    assert interval is not None  # something is random
    outcome: ClaimVerdict = "undecided"
    if own.contains(interval):
        outcome = "supported"
    elif own.excludes(interval):
        outcome = "contradicted"
    return Decision(
        outcome,
        scale(result.value),
        title,
        (scale(interval[0]), scale(interval[1])),
        result.p(own.nearest(result.value)),
        seeds,
        frames,
        _needs(result, own, seeds, frames, random[0].repeats if random else "") if outcome == "undecided" else "",
        true,
    )


def all_of(decisions: Sequence[Decision], side: Side, pooled: Sequence[Decision] = ()) -> Decision:
    """The decision that every effect lies on the side.

    It is supported if each of them does, an intersection-union test whose p is the largest. It is contradicted if one
    does not, or if a mean over some of them does not, which cannot be if each does and takes fewer seeds to see; the
    level is divided among all that are looked at (Bonferroni).

    Args:
        decisions: on the effects.
        side: of each.
        pooled: decisions on means over some of the effects.
    """
    kinds = 2 if pooled else 1
    contradicted = [
        replace(one, p=min(1.0, kinds * len(family) * (one.p or 0.0)))
        for family in (decisions, pooled)
        for one in family
        if one.outcome == "contradicted" and kinds * len(family) * (one.p or 0.0) <= LEVEL
    ]
    if contradicted:
        return max(contradicted, key=lambda one: side.badness(one.effect))
    if all(one.outcome == "supported" for one in decisions):
        worst = max(decisions, key=lambda one: side.badness(one.effect))
        return replace(worst, p=max((one.p for one in decisions if one.p is not None), default=None))
    still_open = [one for one in decisions if one.outcome != "supported"]
    worst = max(still_open, key=lambda one: side.badness(one.effect))
    needs = worst.needs or MANY
    p = None if worst.p is None else min(1.0, kinds * len(decisions) * worst.p)
    return replace(worst, outcome="undecided", p=p, needs=needs)


def count_of(decisions: Sequence[Decision], at_least: int, title: str) -> Decision:
    """The decision that at least a number of the effects lie on their side.

    The interval is from the number of those that are proven to that of those that are not refuted, by Holm's method
    over all of them; p is that of fewer being true (Benjamini and Heller, Biometrics 64, 1215, 2008).
    """
    adjusted = holm([1.0 if one.p is None else one.p for one in decisions])
    decided = [one.outcome if p <= LEVEL else "undecided" for one, p in zip(decisions, adjusted, strict=True)]
    lowest, highest = decided.count("supported"), len(decided) - decided.count("contradicted")
    outcome: ClaimVerdict = "undecided"
    if lowest >= at_least:
        outcome = "supported"
    elif highest < at_least:
        outcome = "contradicted"
    needs = ""
    if outcome == "undecided":
        still = [one for one, word in zip(decisions, decided, strict=True) if word == "undecided"]
        needs = next((one.needs for one in still if one.needs), MANY)
    values = sorted(1.0 if one.p is None or not one.is_likely else one.p for one in decisions)
    seeds = min((one.seeds for one in decisions if one.seeds), default=0)
    return Decision(
        outcome,
        float(sum(one.is_likely for one in decisions)),
        title,
        (float(lowest), float(highest)) if seeds else None,
        min(1.0, (len(decisions) - at_least + 1) * values[at_least - 1]),
        seeds,
        max(one.frames for one in decisions),
        needs,
    )


def _needs(result: Estimate, side: Side, seeds: int, frames: int, repeats: str) -> str:
    """The number of seeds, passes or frames that would decide, if the effect stays what it is.

    `repeats` is empty if only the frames are random.
    """
    unit = "passes" if repeats == "pass" else "seeds"
    distance = abs(result.value - side.nearest(result.value))
    number = seeds_to_decide(distance, result.seed_error * math.sqrt(seeds), result.frame_error) if repeats else None
    if number is not None:
        return f"about {max(number, seeds + 1)} {unit}"
    if frames and distance > 0 and t_quantile(math.inf) * result.frame_error >= distance:
        more = math.ceil(frames * (t_quantile(math.inf) * result.frame_error / distance) ** 2)
        return f"about {more} test frames" + (f", and more {unit}" if repeats else "")
    return f"more than 1000 {unit if repeats else 'test frames'}: the effect is at the threshold"
