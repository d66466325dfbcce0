"""`baselines new`: a card and a worker that pass the checks as they are."""

import json
import sys

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.potentials.cards import read_baseline


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ALPHANET_BASELINES", raising=False)

    def call(*words):
        result = CliRunner().invoke(app, ["baselines", *words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def pretend_installed(folder, home):
    """The environment that `baselines install` would make: this interpreter, which has ASE."""
    card = read_baseline(folder / "card.yaml")
    python = home / "environments" / card.environment.name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    record = {"digest": card.environment.digest, "versions": {"ase": "3.29.0"}}
    (python.parents[1] / "alphanet.json").write_text(json.dumps(record))


@pytest.mark.integration
def test_what_it_writes_passes_the_checks_with_the_elements_of_the_card(run, tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    printed = run("new", "my-model", "--dir", "mine").stdout
    assert printed.splitlines()[:2] == ["mine/my-model/card.yaml", "mine/my-model/worker.py"]
    assert "alphanet baselines check mine/my-model" in printed
    folder = tmp_path / "mine" / "my-model"
    worker = folder / "worker.py"
    worker.write_text(worker.read_text().replace('["H", "C", "O", "Si"]', '["H", "C"]'))
    card = folder / "card.yaml"
    card.write_text(card.read_text().replace("[H, C, O, Si]", "[H, C]"))
    pretend_installed(folder, tmp_path / "home")
    result = run("check", "mine/my-model/card.yaml", "--json")
    (told,) = json.loads(result.stdout)["baselines"]
    assert result.exit_code == 0 and told["passed"], told
    assert "unknown element refused" in {one["check"] for one in told["checks"]}
    assert told["about"]["default"]["elements"] == ["H", "C"]


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "baselines" / "my-model").mkdir(parents=True)
    (tmp_path / "baselines" / "my-model" / "worker.py").write_text("mine")
    with pytest.raises(UserError, match="baselines/my-model is there already and nothing is overwritten"):
        run("new", "my-model")
    assert [file.read_text() for file in (tmp_path / "baselines" / "my-model").iterdir()] == ["mine"]


def test_the_folder_of_the_variable_is_the_usual_place(run, tmp_path, monkeypatch):
    (tmp_path / "cards").mkdir()
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "cards"))
    files = json.loads(run("new", "my-model", "--json").stdout)["files"]
    assert files[0]["path"] == str(tmp_path / "cards" / "my-model" / "card.yaml")
    assert run("info", "my-model").exit_code == 0
    with pytest.raises(UserError, match="my-model is the name of another model"):
        run("new", "my-model", "--dir", "elsewhere")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("My model", "'My model' is no name of a baseline: small letters"),
        ("../x", "is no name of a baseline"),
        ("mace", "mace is the name of another model"),
        ("alphanet", "alphanet is the name of another model"),
    ],
)
def test_names_that_cannot_be(run, name, said):
    with pytest.raises(UserError, match=said):
        run("new", name)


def test_a_place_that_is_a_file(run, tmp_path):
    (tmp_path / "baselines").write_text("")
    with pytest.raises(UserError, match="cannot make baselines/my-model: Not a directory"):
        run("new", "my-model")
