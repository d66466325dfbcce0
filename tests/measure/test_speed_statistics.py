import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphanet.measure.speed.statistics import exponent, ratio_interval, settled, timing


def test_quartiles_in_milliseconds_with_raw_times():
    told = timing([0.001, 0.002, 0.003, 0.004, 0.005])
    assert (told.q25, told.median, told.q75) == pytest.approx((2.0, 3.0, 4.0))
    assert told.raw == (1.0, 2.0, 3.0, 4.0, 5.0)


@given(st.floats(0.2, 3.0), st.floats(1e-3, 1e3))
def test_the_exponent_of_a_power_law_is_found(power, factor):
    sizes = np.array([100, 300, 1000, 3000])
    fit = exponent(sizes, factor * sizes**power)
    assert fit["exponent"] == pytest.approx(power, abs=1e-9)
    assert fit["error"] == pytest.approx(0.0, abs=1e-6)


def test_the_error_of_the_exponent_is_that_of_linear_regression():
    from scipy.stats import linregress

    sizes, values = np.array([100, 200, 400, 800, 1600.0]), np.array([1.0, 2.2, 3.7, 9.0, 15.0])
    fit, known = exponent(sizes, values), linregress(np.log(sizes), np.log(values))
    assert (fit["exponent"], fit["error"]) == pytest.approx((known.slope, known.stderr))
    assert exponent(sizes[:2], values[:2]) is None


def test_drift_that_hits_both_leaves_the_ratio_alone():
    drift = np.linspace(1.0, 3.0, 9)
    told = ratio_interval(2.0 * drift, drift)
    assert told == pytest.approx({"ratio": 2.0, "low": 2.0, "high": 2.0})


def test_the_interval_holds_the_ratio_and_widens_with_noise():
    random = np.random.default_rng(0)
    small, large = (ratio_interval(2 + width * random.normal(size=20), np.ones(20)) for width in (0.01, 0.2))
    for told in (small, large):
        assert told["low"] <= told["ratio"] <= told["high"]
    assert large["high"] - large["low"] > 5 * (small["high"] - small["low"])


def test_warm_up_ends_when_the_running_median_stands_still():
    assert not settled([5, 1, 1])
    assert not settled([9, 8, 7, 3, 2, 1])
    assert settled([9, 1, 1, 1, 1, 1])
