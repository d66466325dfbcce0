"""Minutes divided among trainings, by a clock that the test moves."""

import pytest

from alphanet.paper.time_budget import LEAST, TRAINING_PART, TimeBudget


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_each_training_gets_an_equal_share_and_what_is_left_over_goes_to_the_later_ones():
    clock = Clock()
    budget = TimeBudget(2, clock)
    assert budget.seconds(4) == pytest.approx(TRAINING_PART * 30)
    clock.now += 15  # the first took half of its share
    assert budget.seconds(3) == pytest.approx(TRAINING_PART * 35)
    clock.now += 30
    assert budget.seconds(2) == pytest.approx(TRAINING_PART * 37.5)


def test_what_starting_and_evaluating_took_is_kept_for_the_later_ones():
    clock = Clock()
    budget = TimeBudget(2, clock)
    given = []
    for waiting in range(4, 0, -1):
        given.append(budget.seconds(waiting))
        clock.now += given[-1] + 12
    assert given[0] == pytest.approx(TRAINING_PART * 30)
    assert given[1:] == pytest.approx([(120 - 24 - 12) / 3 - 12] * 3)
    assert clock.now == pytest.approx(Clock.now + 120)


def test_what_does_not_fit_gets_nothing():
    clock = Clock()
    budget = TimeBudget(0.5, clock)
    given = []
    for waiting in range(10, 0, -1):
        given.append(budget.seconds(waiting))
        clock.now += 0 if given[-1] is None else given[-1] / TRAINING_PART
    assert given == [LEAST] * 4 + [None] * 6


def test_a_budget_that_is_spent_gives_nothing():
    clock = Clock()
    budget = TimeBudget(1, clock)
    clock.now += 61
    assert budget.seconds(1) is None
