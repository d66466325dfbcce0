"""The claims of all runs in the order of a reader's interest, and the bar of each effect."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from alphanet.report.page.model import ReportedRun
from alphanet.results.facts import value_text
from alphanet.results.schema import CLAIMS, Claim

WIDTH, MARGIN = 220.0, 0.12  # of a bar, in pixels; free on both sides, of its range
SUITE = 4
LEVELS = {1: "Headlines", 2: "Also claimed", 3: "Details", SUITE: "Of this suite itself: whether it measures right"}
"""Importance of the paper's claims, and what is claimed of the suite"""


@dataclass(frozen=True)
class Bar:
    """Places of a drawn effect along its axis, in pixels."""

    width: float
    effect: float
    threshold: float
    true_from: float  # the side on which the claim is true
    true_to: float
    interval: tuple[float, float] | None
    label: str  # of the threshold


@dataclass(frozen=True)
class ShownClaim:
    """A claim with its run, as the page lists it."""

    run: ReportedRun
    claim: Claim
    place: int  # in the order of interest
    effect: str  # as text; empty without one
    interval: str
    claimed: str  # side of the threshold, as text
    reason: str  # what the verdict rests on, or what it lacks
    bar: Bar | None

    @property
    def level(self) -> int:
        """Its key in `LEVELS`."""
        return SUITE if self.claim.about == "suite" else self.claim.importance

    @property
    def id(self) -> str:
        """Unique on the page."""
        return f"{self.run.id}/claim-{self.claim.id}"


def shown_claims(runs: Iterable[ReportedRun]) -> list[ShownClaim]:
    """All claims by level, then outcome, then the order of the runs."""
    outcomes = list(CLAIMS)
    shown = [_shown(run, claim) for run in runs if run.result for claim in run.result.claims]
    shown.sort(key=lambda one: (one.level, outcomes.index(one.claim.outcome)))
    return [replace(one, place=place) for place, one in enumerate(shown)]


def _shown(run: ReportedRun, claim: Claim) -> ShownClaim:
    unit = f" {claim.unit}" if claim.unit else ""
    interval = "" if claim.interval is None else "{} to {}".format(*map(_text, claim.interval))
    return ShownClaim(
        run=run,
        claim=claim,
        place=0,
        effect="" if claim.effect is None else f"{_text(claim.effect)}{unit}",
        interval=interval,
        claimed=_claimed(claim, unit),
        reason=_reason(claim),
        bar=_bar(claim),
    )


def _reason(claim: Claim) -> str:
    """What stands behind the effect, and what would decide; without an effect, why there is none."""
    if claim.effect is None:
        reason = claim.verdict.removeprefix(claim.outcome).strip(" :")
        return reason[1:-1] if reason.startswith("(") and reason.endswith(")") else reason
    many = "passes" if claim.repeats == "pass" else "seeds"
    repeats = f"one {claim.repeats}" if claim.seeds == 1 else f"{claim.seeds} {many}" if claim.seeds else ""
    frames = f"{claim.frames} test frames" if claim.frames else ""
    needs = f"needs {claim.needs}" if claim.needs else ""
    return "; ".join(filter(None, [", ".join(filter(None, [repeats, frames])), needs]))


def _text(value: float) -> str:
    """Three digits, with a proper minus; very small and very large values with an exponent."""
    text = value_text(value) if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def _claimed(claim: Claim, unit: str) -> str:
    """The side of the threshold on which the claim is true: `below 0.4 meV/atom`."""
    if claim.direction == "within" and claim.bounds is not None:
        return "within {} to {}".format(*map(_text, claim.bounds)) + unit
    return "" if claim.threshold is None else f"{claim.direction} {_text(claim.threshold)}{unit}"


def _bar(claim: Claim) -> Bar | None:
    """The places of effect, interval and threshold on one axis; None without an effect and a threshold."""
    if claim.effect is None or claim.threshold is None:
        return None
    bounds = claim.bounds if claim.direction == "within" else None
    values = [claim.effect, claim.threshold, *(claim.interval or ()), *(bounds or ())]
    low, high = min(values), max(values)
    free = MARGIN * (high - low) or abs(high) or 1.0
    low, high = low - free, high + free

    def place(value: float) -> float:
        return float(round(WIDTH * (value - low) / (high - low), 1))

    threshold = place(claim.threshold)
    sides = {"below": (0.0, threshold), "above": (threshold, WIDTH), "within": (0.0, threshold)}
    start, end = (place(bounds[0]), place(bounds[1])) if bounds else sides[claim.direction]
    interval = None if claim.interval is None else (place(claim.interval[0]), place(claim.interval[1]))
    return Bar(WIDTH, place(claim.effect), threshold, start, end, interval, _text(claim.threshold))
