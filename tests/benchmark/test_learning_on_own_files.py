"""Learning curves on a file of a user's own, trained in a process of its own."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.learning.apart import train_apart
from alphanet.benchmark.kinds.learning.card import LearningCard, learning_card
from alphanet.benchmark.kinds.learning.data import learning_data
from alphanet.benchmark.kinds.learning.points import Points
from alphanet.benchmark.kinds.learning.simulation import typical_frame
from alphanet.data.own import OwnData
from alphanet.errors import UserError


@pytest.fixture
def mine(tmp_path):
    """A function that writes frames of copper into a file."""

    def make(count=12, forces=True):
        random, frames = np.random.default_rng(0), []
        for _ in range(count):
            atoms = bulk("Cu", cubic=True)
            atoms.rattle(0.1, rng=random)
            labels = {"energy": float(random.normal())}
            if forces:
                labels["forces"] = random.normal(size=(4, 3))
            atoms.calc = SinglePointCalculator(atoms, **labels)
            frames.append(atoms)
        write(tmp_path / "mine.extxyz", frames)
        return tmp_path / "mine.extxyz"

    return make


def card_for(file, **division) -> LearningCard:
    own = OwnData.model_validate({"train": file, **division})
    return learning_card("own", models=["alphanet"], data=own, scale="mini", compute=[1.5], seeds=1)


def test_frames_without_forces_are_refused(mine):
    card = card_for(mine(forces=False))
    with pytest.raises(UserError, match=r"mine.extxyz: none of the \d+ train frames has forces"):
        learning_data(card, "mine", "mini", None)


def test_frames_without_a_test_are_refused(mine):
    card = card_for(mine(), test=0)
    with pytest.raises(UserError, match="mine has no test frames"):
        learning_data(card, "mine", "mini", None)


@pytest.mark.slow
def test_a_point_is_trained_in_its_own_process_and_only_once(mine, tmp_path):
    card = card_for(mine())
    settings = {"model": {"preset": "mini", "num_layers": 1, "hidden_channels": 8, "heads": 2, "cutoff": 3.0}}
    values = card.model_dump(mode="json")
    values["scales"]["ad-hoc"]["runs"] = {"alphanet": {"settings": settings}}
    card = LearningCard.model_validate(values)
    points = Points(card, RunOptions(scale="ad-hoc", device="cpu"), tmp_path / "runs")
    point = points.point("alphanet", "1.5 s", 0)
    assert point.length.steps >= 3 and not point.job.is_done
    train_apart(points, "alphanet", "1.5 s", 0)
    assert point.job.is_done
    written = point.job.ended.stat().st_mtime_ns
    train_apart(Points(card, RunOptions(scale="ad-hoc", device="cpu"), tmp_path / "runs"), "alphanet", "1.5 s", 0)
    assert point.job.ended.stat().st_mtime_ns == written
    assert len(typical_frame(point.job)) == 4
