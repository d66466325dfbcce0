"""`alphanet.train`, and `alphanet train` on top of it, for AlphaNet and for a baseline."""

import json
from pathlib import Path

import pytest
import typer
from training_samples import Data, messages, small_config
from typer.testing import CliRunner

import alphanet
from alphanet.cli.train import register
from alphanet.errors import UserError
from alphanet.training.api import settings_for
from alphanet.training.folder import TrainingResult

app = typer.Typer()
register(app)
app.callback()(lambda: None)


@pytest.fixture
def fake(installed, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A baseline in this interpreter, and its working directory."""
    installed(fixed_settings={"schedule": "cosine", "loss": {"energy_loss": "per_atom"}})
    monkeypatch.setattr("alphanet.training.api.prepare", lambda name, scale, mirror: data)
    monkeypatch.chdir(tmp_path)


def test_alphanet_by_stores_and_complete_settings(data: Data, tmp_path: Path) -> None:
    result = alphanet.train(data, settings=small_config(epochs=1), out=tmp_path / "run", seed=4)
    assert (result.name, result.epochs, result.settings["seed"]) == ("alphanet", 1, 4)
    assert result.model == tmp_path / "run" / "model.safetensors"


def test_a_baseline_by_name(fake: None, data: Data) -> None:
    with messages() as lines:
        result = alphanet.train("copper", model="fake", settings={"epochs": 2, "model": {"stiffness": 3.0}}, seed=1)
    assert isinstance(result, TrainingResult)
    assert (result.name, result.epochs, result.validation["force_mae"]) == ("fake", 2, 0.02)
    assert result.model == Path("runs/train/fake-copper-mini-seed1/model.safetensors")
    assert result.model.read_text() == "4.0"
    assert result.elements == ("Au", "Cu") and result.frames == 18
    assert lines[-2:] == ["epoch 0", "epoch 1"]


def test_the_command_trains_both_alike(fake: None) -> None:
    command = ["train", "--model", "fake", "--dataset", "copper", "--json", "--epochs", "1", "model.stiffness=1"]
    answer = json.loads(CliRunner().invoke(app, command, catch_exceptions=False).stdout)
    assert answer.pop("schema") == "alphanet-training"
    assert answer["model"] == "runs/train/fake-copper-mini-seed0/model.safetensors"
    assert answer["settings"]["preset"] == "mini" and answer["settings"]["epochs"] == 1
    written = json.loads(Path("runs/train/fake-copper-mini-seed0/result.json").read_text())
    assert written == answer | {"model": "model.safetensors"}


def test_settings_that_a_trainer_cannot_follow_are_refused(fake: None) -> None:
    with pytest.raises(UserError, match="fake: its own trainer has schedule: cosine, which cannot be plateau"):
        settings_for("fake", "copper", "mini", {"schedule": "plateau"})
    with pytest.raises(UserError, match=r"has loss\.energy_loss: per_atom, which cannot be total"):
        settings_for("fake", "copper", "mini", {"loss": {"energy_loss": "total"}})
    assert settings_for("fake", "copper", "mini", {"loss": {"energy_weight": 2}}).loss.energy_weight == 2


def test_what_is_not_trained_or_not_known_is_named(data: Data, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no baseline 'nequipp'; did you mean 'nequip'"):
        alphanet.train(data, model="nequipp", out=tmp_path)
    with pytest.raises(UserError, match="no data set 'formade'; did you mean 'formate'"):
        alphanet.train("formade", out=tmp_path)
    with pytest.raises(UserError, match="orb-v2 is not trained here"):
        alphanet.train(data, model="orb-v2", settings={}, out=tmp_path)
