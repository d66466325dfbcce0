"""What fits into the time of a sweep, by what has been measured so far."""

import pytest

from alphanet.measure.speed.budget import CALLS_A_TASK, Costs, allowance, models_over_budget, slots_within_budget
from alphanet.measure.speed.points import SpeedPoint, Times

TASKS = ("step", "forward")
SIZES = (100, 1000, 10_000)
BOTH = {size: ["fast", "slow"] for size in SIZES}


def point(model, n_atoms, ms, overhead=1.0, status="ok"):
    times = dict.fromkeys(TASKS, Times.of_milliseconds([ms]))
    return SpeedPoint(model=model, n_atoms=n_atoms, batch=1, status=status, overhead_s=overhead, times_ms=times)


@pytest.fixture
def costs():
    return Costs([point("fast", 100, 10.0), point("slow", 100, 1000.0), point("slow", 1000, 0.0, status="oom")], TASKS)


def test_larger_systems_take_longer_and_unknown_models_nothing(costs):
    assert costs.needs("fast", 100) == pytest.approx(1.0 + CALLS_A_TASK * 0.020)
    assert costs.needs("fast", 1000) == pytest.approx(1.0 + CALLS_A_TASK * 0.020 * 10**1.1)
    assert costs.needs("slow", 1000) == pytest.approx(1.0 + CALLS_A_TASK * 2.0 * 10**1.1)
    assert costs.needs("new", 1000) == 0.0


def test_the_slowest_at_the_largest_sizes_is_given_up_first(costs):
    models = ["fast", "slow"]
    everything = sum(costs.needs(model, size) for model in models for size in SIZES)
    assert models_over_budget(costs, models, SIZES, everything + 1) == {}
    assert models_over_budget(costs, models, SIZES, everything - 1) == {}  # 10,000 atoms are not at hand yet
    assert list(models_over_budget(costs, models, SIZES[2:], everything - 600)) == ["slow"]
    assert set(models_over_budget(costs, models, SIZES[2:], 0.0)) == {"fast", "slow"}


def test_whole_repeats_are_given_up_the_last_first(costs):
    slots = [(turn, size) for turn in (1, 2, 3) for size in SIZES]
    one = sum(costs.needs(model, size) for model in ("fast", "slow") for size in SIZES)
    assert slots_within_budget(costs, slots, BOTH, 3.1 * one) == slots
    assert slots_within_budget(costs, slots, BOTH, 2.5 * one) == slots[:6]
    assert slots_within_budget(costs, slots, BOTH, 0.5 * one) == slots[:3]


def test_a_point_has_what_it_needs_and_its_share_of_the_rest(costs):
    slots = [(1, size) for size in SIZES]
    one = sum(costs.needs(model, size) for model in ("fast", "slow") for size in SIZES)
    needed = sum(costs.needs(model, 100) - costs.overhead(model, 100) for model in ("fast", "slow"))
    assert allowance(costs, slots, BOTH, one + 60.0) == pytest.approx((needed + 20.0) / 2)
    assert allowance(costs, slots, BOTH, 0.0) == pytest.approx(max(1.0, needed / 2))
    assert allowance(Costs([], TASKS), slots, BOTH, 60.0) == pytest.approx(10.0)
