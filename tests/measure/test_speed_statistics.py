import numpy as np
import pytest

from alphanet.measure.speed.points import Times
from alphanet.measure.speed.statistics import RatioInterval, ratio_intervals, ratio_of_repeat, settled


def test_quartiles_in_milliseconds_with_raw_times():
    times = Times.of_seconds([0.001, 0.002, 0.003, 0.004, 0.005])
    assert (times.q25, times.median, times.q75) == pytest.approx((2.0, 3.0, 4.0))
    assert times.raw == (1.0, 2.0, 3.0, 4.0, 5.0)


def test_drift_that_hits_both_leaves_the_ratio_alone():
    drift = np.linspace(1.0, 3.0, 9)
    assert ratio_of_repeat(2.0 * drift, drift) == pytest.approx(2.0)


def test_a_single_repeat_has_no_interval():
    two, three = ratio_intervals([[2.0], [3.0]])
    assert two == RatioInterval(ratio=two.ratio, low=None, high=None)
    assert three == RatioInterval(ratio=three.ratio, low=None, high=None)
    assert (two.ratio, three.ratio) == pytest.approx((2.0, 3.0))


def test_two_repeats_of_one_size_are_too_few():
    assert ratio_intervals([[2.0, 2.1]])[0].low is None
    assert all(one.low is not None for one in ratio_intervals([[2.0, 2.1], [3.0, 3.2]]))


def test_the_interval_of_one_size_is_student_s():
    from scipy.stats import t

    ratios = [1.9, 2.0, 2.2]
    (interval,) = ratio_intervals([ratios])
    known = t.interval(0.99, 2, np.mean(np.log(ratios)), np.std(np.log(ratios), ddof=1) / np.sqrt(3))
    assert np.log([interval.low, interval.high]) == pytest.approx(known)
    assert interval.ratio == pytest.approx(np.exp(np.mean(np.log(ratios))))


def test_scatter_is_pooled_over_sizes_unless_a_size_scatters_more():
    quiet, wild, single = ratio_intervals([[1.0, 1.0], [1.0, 4.0], [1.0]])
    width = [np.log(one.high / one.low) for one in (quiet, wild, single)]
    assert width[1] == pytest.approx(np.sqrt(2) * width[0])  # the pooled variance is half of the wild one's
    assert width[2] == pytest.approx(np.sqrt(2) * width[0])  # one repeat instead of two


def test_two_runs_agree_where_one_process_differs_from_the_next():
    random = np.random.default_rng(1)
    missed = 0
    for _ in range(300):
        one, two = (ratio_intervals(np.exp(random.normal(0, 0.05, (7, 3))).tolist()) for _ in range(2))
        missed += any(a.low > b.high or b.low > a.high for a, b in zip(one, two, strict=True))
    assert missed <= 3  # of 300 pairs of runs, each with seven sizes


def test_warm_up_ends_when_the_running_median_stands_still():
    assert not settled([5, 1, 1])
    assert not settled([9, 8, 7, 3, 2, 1])
    assert settled([9, 1, 1, 1, 1, 1])
