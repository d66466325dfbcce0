"""A baseline's environment is made when it is needed, for a training and for an evaluation alike."""

from pathlib import Path

import pytest

from alphanet.benchmark.kinds.accuracy.jobs import EndedTraining
from alphanet.benchmark.kinds.accuracy.trainers import BaselineTrainer, MeanFit
from alphanet.potentials import environments
from alphanet.training.folder import TrainingResult

pytestmark = pytest.mark.integration

TRAINED = TrainingResult.model_construct(model=Path("best"))


@pytest.mark.parametrize("there", [False, True])
def test_an_evaluation_makes_the_environment_that_is_missing(monkeypatch, there):
    made = []
    monkeypatch.setattr(environments, "is_installed", lambda card: there)
    monkeypatch.setattr(environments, "install", lambda card: made.append(card.name))
    monkeypatch.setattr(BaselineTrainer, "_potential", lambda self, request, model: model)
    assert BaselineTrainer("nequip").open(None, Path("out"), TRAINED).name == "best"
    assert made == ([] if there else ["nequip"])


@pytest.mark.parametrize("trained", [MeanFit(seconds=1.0, energy_per_atom=-3.5), "network"])
def test_the_result_of_a_training_is_read_as_what_it_was(tmp_path, trained):
    if trained == "network":
        counts = ("epochs", "steps", "steps_per_epoch", "planned_steps", "best_epoch", "parameters", "frames")
        fields = dict.fromkeys(("seconds", "cpu_seconds", *counts), 1)
        fields |= {"name": "alphanet", "model": "model.safetensors", "sha256": "0" * 64, "finished": True}
        maps = {name: {} for name in ("validation", "reference_energies", "settings", "sources")}
        trained = TrainingResult(**fields, **maps, elements=("Cu",))
    finished = EndedTraining(max_time=None, trained=trained)
    assert EndedTraining.model_validate_json(finished.model_dump_json()) == finished
    assert type(EndedTraining.model_validate(finished.model_dump(mode="json")).trained) is type(trained)
