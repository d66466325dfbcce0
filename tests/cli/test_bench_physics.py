"""`alphanet bench physics`: JSON as the interface has it, files, and mistakes as one line."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.physics import audit, symmetry


@pytest.fixture(autouse=True)
def _one_check(monkeypatch):
    monkeypatch.setattr(audit, "CHECKS", {"wrap": symmetry.wrap})


def run(*arguments):
    return CliRunner().invoke(app, ["bench", "physics", *map(str, arguments)], catch_exceptions=False)


def test_one_potential_is_one_object():
    answer = run("flawed_potentials:stored", "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 0 and found["model"] == "flawed_potentials:stored"
    worst = found["checks"][0]
    assert {"check", "value", "unit", "limit", "passed"} <= set(worst)
    assert worst["check"] == "wrap: energy" and worst["passed"] is False and worst["value"] > worst["limit"]


def test_several_make_a_table_and_files(tmp_path):
    answer = run("flawed_potentials:good", "flawed_potentials:stored", "--out", tmp_path)
    assert answer.exit_code == 0
    good, stored = (line for line in answer.stdout.splitlines() if line.startswith("| flawed_potentials"))
    assert "FAILS" not in good and "FAILS: wrap" in stored
    assert {"physics.json", "physics.csv", "physics.md", "physics.png", "physics.svg", "physics.pdf", "models"} == {
        file.name for file in tmp_path.iterdir()
    }


def test_a_potential_that_fails_is_a_row_and_the_exit_code(tmp_path):
    answer = run("flawed_potentials:good", "flawed_potentials:fails_on_molecules", "--out", tmp_path, "--json")
    found = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert ["error" in one for one in found["models"]] == [False, True]


def test_a_single_one_that_fails_is_one_line():
    answer = run("flawed_potentials:fails_on_molecules")
    assert answer.exit_code == 1 and not answer.stdout
    assert answer.stderr.splitlines()[-1].startswith("error: flawed_potentials:fails_on_molecules: ")


def test_random_weights_of_alphanet():
    found = json.loads(run("alphanet", "--untrained", "--json").stdout)
    assert found["untrained"] and found["precision"] == "float64" and all(one["passed"] for one in found["checks"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["alphanett"], "did you mean 'alphanet'"),
        (["flawed_potentials:good", "--device", "tpu"], "--device: unknown 'tpu'"),
        (["flawed_potentials:good", "--structures", "nowhere.xyz"], "nowhere.xyz"),
    ],
)
def test_mistakes_are_one_line(arguments, said):
    with pytest.raises((UserError, OSError), match=said):
        run(*arguments)
