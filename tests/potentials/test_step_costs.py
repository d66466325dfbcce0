"""The meter of a training: what belongs to a step."""

from types import SimpleNamespace

import pytest

from alphanet.potentials.kit.loop import costs
from alphanet.potentials.kit.loop.costs import CostMeter


@pytest.fixture
def clock(monkeypatch):
    """A clock of wall seconds, at half of which the processor runs."""
    now = SimpleNamespace(at=100.0)
    clocks = SimpleNamespace(monotonic=lambda: now.at, process_time=lambda: now.at / 2)
    monkeypatch.setattr(costs, "time", clocks)
    return now


@pytest.mark.parametrize(("follows", "of_step"), [(True, 1.25), (False, 1.0)])
def test_the_time_in_which_its_batch_is_made_belongs_to_a_step_that_follows_another(clock, follows, of_step):
    meter = CostMeter()
    meter.start("cpu")
    for epoch in range(3):
        for step in range(4):
            clock.at += 0.25  # a batch is made
            meter.begin_step(follows=follows and step > 0)
            clock.at += 1.0
            meter.end_step()
        clock.at += 50.0 + epoch  # validation
    steps = 12 - costs.WARM_UP
    first = 2 if follows else 0  # steps of later epochs, which follow a validation
    found = meter.costs(12)
    assert found["step_seconds"] == pytest.approx(((steps - first) * of_step + first * 1.0) / steps)
    assert found["step_cpu_seconds"] == pytest.approx(found["step_seconds"] / 2)
    assert found["seconds"] == pytest.approx(12 * 1.25 + 153) and found["cpu_seconds"] == found["seconds"] / 2
