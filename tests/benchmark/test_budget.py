"""Minutes for trainings and benchmarks, by a clock that the test moves."""

import pytest

from alphanet.benchmark.budget import Budget


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_what_is_done_as_a_whole_gets_all_its_time_or_none():
    clock = Clock()
    budget = Budget(2, {"long": 90.0, "longer": 100.0, "short": 20.0}, clock)
    assert budget.fits("long")
    clock.now += 95  # it took a little more than expected
    assert not budget.fits("longer")
    assert budget.fits("short") and budget.left == 25.0  # a later one that fits is done all the same


def test_an_unknown_length_never_fits_and_a_spent_budget_fits_nothing():
    clock = Clock()
    budget = Budget(1, {"unknown": None, "nothing": 0.0, "short": 1.0}, clock)
    clock.now += 1
    assert not budget.fits("unknown")
    clock.now += 60
    assert budget.left == 0.0 and not budget.fits("short")


def test_names_may_be_added_while_the_clock_runs():
    clock = Clock()
    budget = Budget(1, {}, clock)
    clock.now += 30
    budget.expect({"a": 25.0, "b": 40.0})
    assert budget.fits("a") and not budget.fits("b")


def test_shares_are_in_proportion_and_later_ones_get_the_time_that_is_left_over():
    clock = Clock()
    names = [f"sweep {index}" for index in range(4)]
    budget = Budget(2, dict.fromkeys(names), clock)
    assert budget.share(names[0]) == pytest.approx(30)
    clock.now += 15  # the first took half of its share
    assert budget.share(names[1]) == pytest.approx(35)
    clock.now += 30
    assert budget.share(names[2]) == pytest.approx(37.5)
    clock.now += 80
    assert budget.share(names[3]) is None


def test_shares_are_in_proportion_to_the_limits_and_never_more():
    clock = Clock()
    budget = Budget(10, {"a": 600.0, "free": 0.0, "b": 1200.0, "long": None}, clock)
    assert budget.share("a") == pytest.approx(600 * 600 / (600 + 1200 + 600))
    clock.now += 50
    assert budget.share("free") == 0.0
    assert budget.share("b") == pytest.approx(550 * 1200 / 1800, abs=0.1)
    clock.now += 10
    assert budget.share("long") == pytest.approx(540)
    assert Budget(100, {"a": 60.0}, clock).share("a") == 60.0
