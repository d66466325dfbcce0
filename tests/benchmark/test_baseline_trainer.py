"""A baseline's environment is made when it is needed, for a training and for an evaluation alike."""

from pathlib import Path

import pytest

from alphanet.benchmark.kinds.accuracy.trainers import BaselineTrainer
from alphanet.potentials import environments

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("there", [False, True])
def test_an_evaluation_makes_the_environment_that_is_missing(monkeypatch, there):
    made = []
    monkeypatch.setattr(environments, "is_installed", lambda card: there)
    monkeypatch.setattr(environments, "install", lambda card: made.append(card.name))
    monkeypatch.setattr(BaselineTrainer, "_potential", lambda self, request, model: model)
    assert BaselineTrainer("nequip").open(None, Path("out"), {"model": "best"}).name == "best"
    assert made == ([] if there else ["nequip"])
