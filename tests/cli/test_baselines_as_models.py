"""predict, eval and train take a baseline wherever they take AlphaNet."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

pytestmark = pytest.mark.integration


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = []
    for n in (2, 3):
        atoms = Atoms(f"H{n}", np.arange(3.0 * n).reshape(n, 3))
        labels = {"energy": float((atoms.positions**2).sum()), "forces": -2 * atoms.positions}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    write(tmp_path / "in.xyz", frames, format="extxyz")

    def call(*arguments: str):
        result = CliRunner().invoke(app, [*arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_predict_and_eval(run, installed):
    installed()
    about = json.loads(run("predict", "fake", "in.xyz", "-o", "out.extxyz", "--untrained", "--json").stdout)
    assert about["n_structures"] == 2
    for given, predicted in zip(read("in.xyz", ":"), read("out.extxyz", ":"), strict=True):
        assert predicted.get_potential_energy() == pytest.approx(given.get_potential_energy())
    errors = json.loads(run("eval", "fake", "in.xyz", "--untrained", "--json").stdout)
    assert errors["energy_mae"] == pytest.approx(0, abs=1e-12)
    assert errors["model"]["environment"]["packages"] == {"numpy": "2.4.6"}
    assert run("eval", "in.xyz").exit_code == 2


def test_train_then_eval(run, installed, tmp_path):
    installed()
    told = json.loads(run("train", "--model", "fake", "--dataset", "zeolite", "--json", "epochs=2", "seed=4").stdout)
    assert told["epochs"] == 2
    assert told["model"].startswith("runs/train/fake-zeolite-mini-seed4/")
    assert told["settings"]["dataset"] == "zeolite"
    errors = json.loads(run("eval", f"fake:{told['model']}", "in.xyz", "--json").stdout)
    assert errors["model"]["weights"]["sha256"] == told["sha256"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "fake"], "name what to train on"),
        (["--model", "fake", "--dataset", "zeolite", "epoch=2"], "unknown key 'epoch'; did you mean 'epochs'"),
        (["--model", "fak", "--dataset", "zeolite"], "no baseline 'fak'; did you mean 'fake'"),
        (["--model", "fake", "--dataset", "zeolit"], "did you mean 'zeolite'"),
    ],
)
def test_mistakes_of_training(run, installed, words, said):
    installed()
    with pytest.raises(UserError, match=said):
        run("train", *words)


def test_a_row_that_is_not_trained_here_says_so(run, installed):
    checkpoints = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}
    installed(trainable=False, checkpoints=checkpoints)
    with pytest.raises(UserError, match="fake is not trained here"):
        run("train", "--model", "fake", "--dataset", "zeolite")
