"""Minutes divided among trainings and benchmarks, by a clock that the test moves."""

import pytest

from alphanet.benchmark.budget import Budget

OVERHEAD, LEAST = 0.2, 5.0


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def trainings(minutes, count, clock):
    names = [f"training {index}" for index in range(count)]
    return Budget(minutes, dict.fromkeys(names), clock), names


def share(budget, name):
    return budget.share(name, overhead=OVERHEAD, least=LEAST)


def test_each_training_gets_an_equal_share_and_later_ones_get_the_time_that_is_left_over():
    clock = Clock()
    budget, names = trainings(2, 4, clock)
    assert share(budget, names[0]) == pytest.approx(0.8 * 30)
    clock.now += 15  # the first took half of its share
    assert share(budget, names[1]) == pytest.approx(0.8 * 35)
    clock.now += 30
    assert share(budget, names[2]) == pytest.approx(0.8 * 37.5)


def test_the_time_of_starting_and_evaluating_is_kept_for_the_later_ones():
    clock = Clock()
    budget, names = trainings(2, 4, clock)
    given = []
    for name in names:
        given.append(share(budget, name))
        clock.now += given[-1] + 12
    assert given[0] == pytest.approx(0.8 * 30)
    assert given[1:] == pytest.approx([(120 - 24 - 12) / 3 - 12] * 3)
    assert clock.now == pytest.approx(Clock.now + 120)


def test_trainings_that_do_not_fit_get_nothing():
    clock = Clock()
    budget, names = trainings(0.5, 10, clock)
    given = []
    for name in names:
        given.append(share(budget, name))
        clock.now += 0 if given[-1] is None else given[-1] / 0.8
    assert given == [LEAST] * 4 + [None] * 6


def test_a_spent_budget_gives_nothing():
    clock = Clock()
    budget, names = trainings(1, 1, clock)
    clock.now += 61
    assert share(budget, names[0]) is None


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
