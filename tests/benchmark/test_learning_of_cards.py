"""Cards that no name finds, in `bench learning`: by their path they are trained as by a name, if they can be."""

import pytest
from fake_baseline import USUAL, WORKER

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import learning
from alphanet.benchmark.kinds.learning import Learning, learning_card
from alphanet.benchmark.kinds.learning import data as learning_frames
from alphanet.benchmark.kinds.learning.apart import train_here
from alphanet.benchmark.kinds.learning.finished import is_finished
from alphanet.benchmark.kinds.learning.forecast import forecasts
from alphanet.benchmark.kinds.learning.simulation import Timed
from alphanet.benchmark.runner import run_benchmark
from alphanet.measure.speed.models import TimingSetup, timed_model

pytestmark = pytest.mark.integration

TRAIN = """
def train(request):
    steps = request["steps"] or 3 * request["epochs"]
    (pathlib.Path(request["out"]) / "model.safetensors").write_text(str(request["architecture"]["stiffness"] + steps))
    return {
        "epochs": -(-steps // 3), "steps": steps, "steps_per_epoch": 3, "seconds": 0.1 * steps,
        "cpu_seconds": 0.1 * steps, "finished": True, "parameters": 1, "best_epoch": 1,
        "validation": {"loss": 2.0, "energy_mae": 0.01, "force_mae": 0.02},
    }
"""
OF_COPPER = WORKER.partition("\ndef train(")[0].replace('["H", "C"]', '["Cu"]') + TRAIN
PRESETS = {
    "mini": {"note": "none", "model": {"stiffness": 2.0}, "training": USUAL},
    "stiff": {"note": "none", "model": {"stiffness": 9.0}, "training": USUAL},
}
CHECKPOINTS = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}


@pytest.fixture
def folders(installed, monkeypatch, prepared):
    """Folders of a card that trains and of one that does not, which no variable names; the data are the tiny ones."""
    values = {"worker": OF_COPPER, "checkpoints": CHECKPOINTS, "elements": ["Cu"]}
    learner = installed(name="learner", presets=PRESETS, **values)
    settled = installed(name="settled", presets={}, trainable=False, **values)
    monkeypatch.delenv("ALPHANET_BASELINES")
    monkeypatch.setattr(learning_frames, "prepare", lambda name, scale, **_: prepared(name, "mini"))
    monkeypatch.setattr(learning, "train_apart", train_here)
    return learner.places[0], settled.places[0]


def test_a_card_by_its_path_is_trained_as_a_name_is(folders, tmp_path, monkeypatch):
    learner, settled = folders
    timed = []

    def time(jobs, scale, options):
        timed.extend(timed_model(str(job.folder), TimingSetup()) for job in jobs.values() if not is_finished(job.model))
        return Timed({}, dict.fromkeys(jobs, "not timed here"))

    monkeypatch.setattr(learning, "step_times", time)
    models = (f"{learner}/card.yaml@stiff", f"{settled}")
    card = learning_card("curves", models=models, data="formate", scale="mini", compute=(2,), seeds=1)
    options = RunOptions(scale="ad-hoc", out=tmp_path / "runs")
    result = run_benchmark(card, options)
    trained, finished = (
        [result.records[name] for cell in result.cells if (cell.row, cell.metric) == place for name in cell.records]
        for place in (("learner@stiff", "force_mae"), ("settled", "force_mae"))
    )
    assert [record.training["steps"] for record in trained] == [20]  # of 0.1 CPU s
    assert [record.training["checkpoint"] for record in finished] == [str(settled)]
    assert [model.places[0] for model in timed] == [learner]  # the folder of a training leads to its card
    (told, _) = forecasts(Learning(card, options))
    assert (told.row, told.steps, told.done) == ("learner@stiff", 20, 1)


def test_what_is_trained_and_what_is_finished(folders):
    learner, settled = folders
    trained = ("alphanet@fig3a", "mace", "mean", f"{learner}", f"{learner}/", f"{learner}/card.yaml@stiff")
    assert not any(map(is_finished, trained))
    assert all(
        map(is_finished, (f"{learner}:first", f"{settled}", "mace-mp-0:medium", "python_potentials:lennard_jones"))
    )
