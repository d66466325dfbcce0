"""Intervals for few seeds: their error rates are simulated, because a verdict is worth no more than they are."""

from decimal import Decimal

import numpy as np
import pytest
from scipy.stats import t

from alphanet.benchmark.card import Metric
from alphanet.benchmark.judging import judge
from alphanet.benchmark.statistics import Group, estimate, holm, prediction_interval, seeds_to_decide

METRIC = Metric(title="MAE", unit="meV/Å")
SPREAD = 0.05  # of runs, relative: what seeds of small trainings show


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_rule_of_verdicts_is_rarely_wrong(n):
    """The paper's number is one run of the same distribution, or of one that is 20 % better."""
    random = np.random.default_rng(n)
    draws = 2000
    paper = random.normal(1, SPREAD, draws)
    same = random.normal(1, SPREAD, (draws, n))
    outcomes = [
        judge(Decimal(f"{100 * p:.1f}"), list(100 * of_run), METRIC) for p, of_run in zip(paper, same, strict=True)
    ]
    wrong = sum(outcome in ("better", "worse") for outcome in outcomes) / draws
    assert wrong <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / draws)
    outcomes = [
        judge(Decimal(f"{100 * p:.1f}"), list(120 * of_run), METRIC) for p, of_run in zip(paper, same, strict=True)
    ]
    assert outcomes.count("reproduced") / draws <= 0.01
    assert outcomes.count("better") == 0


def test_a_quiet_training_is_reproduced_and_a_noisy_one_is_not():
    random = np.random.default_rng(0)
    quiet = [judge(Decimal("100"), list(random.normal(100, 1, 5)), METRIC) for _ in range(200)]
    assert quiet.count("reproduced") > 190
    noisy = [judge(Decimal("100"), list(random.normal(100, 15, 5)), METRIC) for _ in range(200)]
    assert noisy.count("reproduced") < 5


def test_the_prediction_interval_is_that_of_the_textbook():
    low, high = prediction_interval([1.0, 2.0, 3.0])
    assert high - 2 == pytest.approx(t.ppf(0.975, 2) * (1 + 1 / 3) ** 0.5) and low + high == pytest.approx(4)
    assert prediction_interval([1.0]) is None


def seeds_only(*of_members):
    values = np.array(of_members, dtype=float)[:, :, None]
    return Group(tuple(range(len(of_members))), values, np.ones_like(values))


def difference(values):
    return values[:, 0] - values[:, 1]


def test_seeds_alone_give_the_interval_of_a_paired_t_test():
    a, b = np.random.default_rng(3).normal(0, 1, (2, 4))
    estimated = estimate([seeds_only(a, b)], difference)
    exact = np.std(a - b, ddof=1) / 2
    assert estimated.freedom == 3 and estimated.value == pytest.approx(np.mean(a - b))
    assert estimated.error == pytest.approx(exact, rel=0.12)


def test_pairing_removes_what_both_share():
    shared = np.array([0.0, 10.0, 20.0])
    pair = estimate([seeds_only(shared + np.array([0.1, 0.0, -0.1]), shared)], difference)
    apart = [Group((place,), np.array([[[v] for v in shared]]), np.ones((1, 3, 1))) for place in range(2)]
    assert pair.error < 0.1 and estimate(apart, difference).error > 5


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_over_seeds_and_frames_cover_the_truth(n):
    """Frames and seeds vary by amounts of the same size; the interval holds the true difference in 95 % of cases."""
    random = np.random.default_rng(n)
    inside, trials, frames = 0, 150, 40
    for trial in range(trials):
        easy = random.gamma(4, 0.25, frames)  # some frames are harder for both
        of_seeds = 1 + random.normal(0, 0.05, (2, n, 1))
        errors = of_seeds * easy * (1 + random.normal(0, 0.3, (2, n, frames))) * np.array([1.0, 1.3])[:, None, None]
        group = Group((0, 1), errors, np.ones_like(errors))
        low, high = estimate([group], lambda values: np.log(values[:, 1] / values[:, 0]), seed=trial).interval
        inside += low <= np.log(1.3) <= high
    assert inside / trials >= 0.90


def test_nothing_random_has_no_interval():
    estimated = estimate([seeds_only([1.0], [2.0])], difference)
    assert estimated.value == -1 and estimated.interval is None and estimated.p(0.0) == 0.0


def test_holm_adjusts_in_steps():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06]) and holm([]) == []
    assert max(holm([0.9, 0.8])) == 1.0


def test_the_number_of_seeds_that_would_decide():
    n = seeds_to_decide(1.0, 1.0)
    assert t.ppf(0.975, n - 1) / n**0.5 < 1 <= t.ppf(0.975, n - 2) / (n - 1) ** 0.5
    assert seeds_to_decide(1.0, 1.0, fixed=2.0) is None
