import math
from itertools import pairwise

import pytest
from training_samples import small_config

from alphanet.potentials.kit.loop.schedule import energy_weight, learning_rate_factor, stage
from alphanet.training.settings import DynamicWeight, LossSettings


def test_warms_up_then_follows_a_cosine_to_the_floor() -> None:
    config = small_config(learning_rate=1e-2, learning_rate_floor=1e-4, warmup=0.1)
    factors = [learning_rate_factor(step, 10, 10, config) for step in range(101)]
    assert factors[0] == pytest.approx(1 / 11)
    assert factors[10] == 1.0
    assert factors[55] == pytest.approx(0.01 + 0.99 * 0.5)
    assert factors[100] == pytest.approx(0.01)
    assert all(a < b for a, b in pairwise(factors[:11]))
    assert all(a > b for a, b in pairwise(factors[10:]))


def test_changes_once_an_epoch_where_asked_to() -> None:
    config = small_config(learning_rate_floor=0.0, warmup=0.0, schedule_interval="epoch")
    factors = [learning_rate_factor(step, 10, 4, config) for step in range(40)]
    expected = [0.5 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(4)]
    assert factors == pytest.approx([value for value in expected for _ in range(10)])


def test_energy_weight_rises_in_equal_steps_of_its_logarithm() -> None:
    loss = LossSettings(energy_weight=4.0, dynamic=DynamicWeight(start=0.05, stages=5))
    weights = [energy_weight((k + 0.5) / 5, loss) for k in range(5)]
    ratio = (4 / 0.05) ** 0.25
    assert weights == pytest.approx([0.05 * ratio**k for k in range(5)])
    assert [stage(x, loss) for x in (0.0, 0.19, 0.2, 0.99, 1.0)] == [0, 0, 1, 4, 4]
    assert energy_weight(1.0, loss) == 4.0


def test_a_constant_weight_stays() -> None:
    assert {energy_weight(x, LossSettings(energy_weight=4.0)) for x in (0.0, 0.5, 1.0)} == {4.0}
