"""Agreement of two runs of the same sweep: every ratio within the intervals of both."""

from alphanet.measure.speed.points import Typed
from alphanet.measure.speed.repeats import Ratio
from alphanet.measure.speed.summary import SweepSummary


class Agreement(Typed):
    """A ratio that has an interval in both runs."""

    first: Ratio
    second: Ratio

    @property
    def agree(self) -> bool:
        """Whether the intervals overlap."""
        low, high = self.first.low, self.first.high
        other_low, other_high = self.second.low, self.second.high
        assert low is not None and high is not None and other_low is not None and other_high is not None
        return low <= other_high and other_low <= high


def agreement(first: SweepSummary, second: SweepSummary) -> list[Agreement]:
    """The ratios that have an interval in both runs."""
    others = {_key(ratio): ratio for ratio in second.ratios if ratio.low is not None}
    return [
        Agreement(first=ratio, second=others[_key(ratio)])
        for ratio in first.ratios
        if ratio.low is not None and _key(ratio) in others
    ]


def _key(ratio: Ratio) -> tuple[str, int, str]:
    return ratio.model, ratio.n_atoms, ratio.task
