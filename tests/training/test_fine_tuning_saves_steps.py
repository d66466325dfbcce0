"""From weights trained on one miniature, a fifth of the steps on another reach what training from nothing reaches."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from alphanet.data.prepare import prepare
from alphanet.training.api import settings_for, train_on
from alphanet.training.folder import TrainingResult

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEEDS = (0, 1, 2)
STEPS = 150
NETWORK = {"preset": "mini", "num_layers": 1, "hidden_channels": 16, "cutoff": 4.0}


def trained(dataset: str, out: Path, **values: JsonValue) -> TrainingResult:
    usual: Mapping[str, JsonValue] = {"device": "cpu", "threads": 1, "validate_every": 100, "epochs": 100}
    settings = settings_for("alphanet", dataset, "mini", {**usual, **values})
    return train_on(settings, prepare(dataset, "mini"), out)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fifth_of_the_steps(tmp_path: Path, seed: int) -> None:
    old = trained("oc20", tmp_path / "old", seed=seed, steps=2 * STEPS, model=NETWORK)
    new: dict[str, JsonValue] = {"seed": seed, "limit_train": 80}
    whole = trained("formate", tmp_path / "whole", steps=STEPS, model=NETWORK, **new)
    tuned = trained("formate", tmp_path / "tuned", steps=STEPS // 5, finetune={"weights": str(old.model)}, **new)
    for name, result in (("old", old), ("whole", whole), ("tuned", tuned)):
        errors = {key: round(1e3 * result.validation[key], 2) for key in ("energy_mae", "force_mae")}
        print(f"seed {seed}: {name}, {result.steps} steps, {result.cpu_seconds:.0f} s, {errors} meV")
    assert tuned.steps * 5 == whole.steps
    assert tuned.validation["energy_mae"] <= whole.validation["energy_mae"]
    assert tuned.validation["force_mae"] <= whole.validation["force_mae"]
