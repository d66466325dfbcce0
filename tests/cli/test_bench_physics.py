"""`alphanet bench physics`: JSON as the interface has it, files, and mistakes as one line."""

import json

import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.physics import audit


@pytest.fixture(autouse=True)
def _one_check(monkeypatch):
    monkeypatch.setattr(audit, "CHECKS", {"pbc-wrap": audit.CHECKS["pbc-wrap"]})


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        return CliRunner().invoke(app, ["bench", "physics", *map(str, arguments)], catch_exceptions=False)

    return call


def test_a_result_in_the_folder(run, tmp_path):
    answer = run("flawed_potentials:stored", "--json")
    shown = json.loads(answer.stdout)
    assert answer.exit_code == 0  # a check that fails is a finding
    assert (shown["schema"], shown["kind"], shown["name"]) == ("alphanet-results", "physics", "physics")
    assert json.loads((tmp_path / "runs" / "physics" / "results.json").read_text()) == shown
    (record,) = shown["records"].values()
    assert "wrap" in json.dumps(record["metrics"])


def test_several_make_a_table(run, tmp_path):
    answer = run("flawed_potentials:good", "flawed_potentials:stored", "--out", tmp_path / "audit")
    assert answer.exit_code == 0
    assert "flawed_potentials:good" in answer.stdout and "wrap" in answer.stdout
    assert (tmp_path / "audit" / "results.json").is_file()


def test_a_potential_that_fails_costs_only_its_row(run):
    answer = run("flawed_potentials:good", "flawed_potentials:fails_on_molecules", "--json")
    shown = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert len(shown["records"]) == 1 and "fails_on_molecules" in shown["failures"][0]


def test_a_single_one_that_fails_is_said(run):
    answer = run("flawed_potentials:fails_on_molecules")
    assert answer.exit_code == 1 and not answer.stdout
    assert "nothing could be measured" in answer.stderr.splitlines()[-1]


def test_a_callable_that_knows_other_elements_says_what_to_name(run, tmp_path):
    refused = run("python_potentials:copper_only")
    assert refused.exit_code == 1 and "copper alone; if it does not know" in refused.stderr.splitlines()[-1]
    write(tmp_path / "cu.extxyz", [bulk("Cu", cubic=True), Atoms("Cu3", [[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0]])])
    answer = run("python_potentials:copper_only", "--structures", "cu.extxyz", "--json")
    (record,) = json.loads(answer.stdout)["records"].values()
    assert {one["formula"] for one in record["data"]["structures"]} == {"Cu4", "Cu3"}


def test_random_weights_of_alphanet(run):
    shown = json.loads(run("alphanet", "--untrained", "--json").stdout)
    assert len(shown["records"]) == 1 and not shown["failures"]


def test_a_wrong_name_is_one_line(run, tmp_path):
    with pytest.raises(UserError, match="did you mean 'alphanet'"):
        run("alphanett")
    assert not list(tmp_path.rglob("results.json"))


def test_a_wrong_device_is_one_line(run, tmp_path):
    with pytest.raises(UserError, match=r"device.*'tpu'"):
        run("flawed_potentials:good", "--device", "tpu")
    assert not list(tmp_path.iterdir())
