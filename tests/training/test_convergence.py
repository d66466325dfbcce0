"""Convergence: a validation that is flat over the last fifth, and trainings that end there."""

from pathlib import Path

import pytest
from training_samples import Data, small_config

from alphanet.errors import UserError
from alphanet.potentials.kit.loop.convergence import is_flat
from alphanet.training.config import alphanet_settings
from alphanet.training.run import run_training


@pytest.mark.parametrize(
    ("losses", "flat"),
    [
        ([1 / step for step in range(1, 21)], False),
        ([1 / step for step in range(1, 9)] + [0.125] * 12, True),
        ([1.0] * 9, False),  # too few to tell
        ([1.0] * 15 + [0.995] * 5, True),
        ([1.0] * 15 + [1.0, 0.98, 1.0, 1.0, 1.0], False),
    ],
)
def test_flat_is_less_than_a_hundredth_in_the_last_fifth(losses, flat) -> None:
    assert is_flat([(10 * step, loss) for step, loss in enumerate(losses, 1)]) is flat


def test_a_training_ends_when_it_has_converged(data: Data, out: Path) -> None:
    slow = {"schedule": "plateau", "learning_rate": 1e-9, "learning_rate_floor": 0.0, "ema_decay": None}
    result = run_training(small_config(epochs=50, until="convergence", **slow), data, out)
    assert result.finished and result.converged and result.epochs == 10 and result.planned_steps > result.steps
    assert run_training(small_config(epochs=50, until="convergence", **slow), data, out) == result
    assert "not finished" not in result.describe()


def test_a_cosine_cannot_end_early() -> None:
    with pytest.raises(UserError, match="needs schedule: plateau"):
        alphanet_settings("formate", "mini", {"until": "convergence"})
