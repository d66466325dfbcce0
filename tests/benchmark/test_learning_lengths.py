"""Amounts of compute as numbers of steps, costs from short trainings, and Pareto fronts."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphanet.benchmark.kinds.learning.length import MOST_VALIDATIONS, training_length
from alphanet.benchmark.kinds.learning.pareto import beaten_by, pareto_front
from alphanet.errors import UserError
from alphanet.measure.training_cost import TrainingCost, measured_cost

FEW = settings(max_examples=60, deadline=None, derandomize=True)
COORDINATES = st.floats(0, 4).map(lambda value: round(value, 1))
POINTS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12)
COSTS = st.builds(
    TrainingCost,
    unit=st.just("CPU"),
    start=st.floats(0, 5),
    step=st.floats(0.001, 2),
    validation=st.floats(0, 10),
    wall=st.just(1.0),
    parameters=st.just(1),
)


@FEW
@given(POINTS)
def test_the_front_is_what_nothing_beats(points):
    front = pareto_front(points)
    assert {place for place in range(len(points)) if not beaten_by(points, place)} == set(front)
    assert min(points) == points[front[0]]
    drawn = [points[place] for place in front]
    assert drawn == sorted(drawn) and [y for _, y in drawn] == sorted((y for _, y in drawn), reverse=True)


@FEW
@given(POINTS)
def test_what_is_beaten_is_beaten_by_the_front(points):
    front = set(pareto_front(points))
    for place in range(len(points)):
        assert place in front or front & set(beaten_by(points, place))


@FEW
@given(COSTS, st.floats(1, 1e5), st.integers(1, 3000), st.integers(1, 16), st.booleans())
def test_a_length_fits_its_compute(cost, compute, frames, batch, every):
    batch = min(batch, frames)
    try:
        length = training_length(cost, compute, frames, batch, validates_every_epoch=every)
    except UserError:
        assert cost.seconds(-(-frames // batch), 1) > compute
        return
    one_pass = -(-frames // batch)
    assert length.steps >= one_pass and length.epochs * (frames // batch) >= length.steps
    assert length.steps == one_pass or cost.seconds(length.steps, 1) <= compute * (1 + 1e-9)
    assert length.validate_every == 1 if every else length.validations <= MOST_VALIDATIONS
    longer = training_length(cost, 10 * compute, frames, batch, validates_every_epoch=every)
    assert longer.steps >= length.steps


def test_a_small_difference_of_two_measurements_gives_the_same_steps():
    lengths = [
        training_length(
            TrainingCost(unit="CPU", start=1.0, step=step, validation=0.5, wall=1.0, parameters=1),
            300, 100, 4, validates_every_epoch=False,
        )
        for step in (0.2000, 0.2003)
    ]  # fmt: skip
    assert lengths[0] == lengths[1] and lengths[0].steps == 1400


def test_what_is_too_little_for_one_pass_is_refused_with_what_would_do():
    cost = TrainingCost(unit="CPU", start=1.0, step=0.5, validation=2.0, wall=0.5, parameters=1)
    with pytest.raises(UserError, match=r"10 CPU s do not buy one pass over 100 frames.*give at least 16 s"):
        training_length(cost, 10, 100, 4, validates_every_epoch=True)
    assert training_length(cost, 16, 100, 4, validates_every_epoch=True).steps == 25


@pytest.mark.parametrize(
    ("busy", "asleep", "of_steps"), [(1.0, 0.0, None), (3.0, 0.0, None), (1.0, 0.0, 0.5), (3.0, 3600.0, 0.5)]
)
def test_the_cost_is_told_apart_into_its_parts_however_busy_the_machine_is(busy, asleep, of_steps):
    """CPU seconds: 2 to start, 0.5 a step, 4 a validation; other processes make all of it take longer, sleep, too."""

    def train(epochs, folder):
        assert folder.is_dir()
        steps = 10 * epochs
        spent = 2 + 0.5 * steps + 4 * epochs
        return SimpleNamespace(
            name="x", steps=steps, steps_per_epoch=10, seconds=asleep + busy * spent, cpu_seconds=spent,
            gpu_seconds=None, step_seconds=0.5 * busy, step_cpu_seconds=of_steps, flops=7.0 * steps, parameters=3,
        )  # fmt: skip

    cost = measured_cost(train)
    assert (cost.start, cost.step, cost.validation) == pytest.approx((2, 0.5, 4))
    assert cost.unit == "CPU" and cost.flops == 7 and cost.wall == 0.5 * busy
    assert cost.seconds(100, 3) == pytest.approx(64) and cost.wall_seconds(100, 3) == pytest.approx(64 * busy)


def test_a_gpu_counts_its_own_seconds():
    def train(epochs, folder):
        return SimpleNamespace(
            name="x", steps=10 * epochs, steps_per_epoch=10, seconds=10.0 * epochs, cpu_seconds=50.0,
            gpu_seconds=10.0 * epochs, step_seconds=0.9, step_cpu_seconds=0.1, flops=None, parameters=3,
        )  # fmt: skip

    cost = measured_cost(train)
    assert (cost.unit, cost.step, cost.flops) == ("GPU", pytest.approx(0.9), None)
    assert cost.validation == pytest.approx(1.0)
