"""`alphanet data …` as a user types it."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.formats import read_frames, write_frames
from alphanet.errors import UserError


def run(*arguments):
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_and_info():
    assert "Formate decomposition" in run("list").stdout
    listed = json.loads(run("list", "--json").stdout)["datasets"]
    assert {"name": "wbm", "title": "WBM test set of Matbench Discovery", "scales": ["slice", "full"]} in listed
    text = run("info", "formate").stdout
    for fact in ("6855", "GFN1-xTB", "archive.materialscloud.org", "eV/Å^3", "MIT"):
        assert fact in text
    assert json.loads(run("info", "formate", "--json").stdout)["scales"]["full"]["split"]["train"] == 2500


def test_convert_stats_and_check(tmp_path, frame):
    frames = [frame(seed) for seed in range(3)]
    for atoms in frames:
        atoms.calc.results["forces"] -= atoms.calc.results["forces"].mean(axis=0)
    write_frames(tmp_path / "a.extxyz", frames)
    result = run("convert", tmp_path / "a.extxyz", tmp_path / "b.aselmdb")
    assert result.stdout == ""
    assert "3 frames written" in result.stderr
    assert len(list(read_frames(tmp_path / "b.aselmdb"))) == 3
    run("convert", tmp_path / "b.aselmdb", tmp_path / "c", "--format", "deepmd")
    assert len(list(read_frames(tmp_path / "c"))) == 3
    found = json.loads(run("stats", tmp_path / "b.aselmdb", "--json").stdout)
    assert (found["frames"], found["atoms_mean"]) == (3, 4.0)
    assert run("stats", tmp_path / "b.aselmdb").stdout.splitlines()[2].replace(" ", "") == "|frames|3|"
    findings = json.loads(run("check", tmp_path / "b.aselmdb", "--json").stdout)["findings"]
    assert {finding["verdict"] for finding in findings} == {"ok"}


def test_check_fails_with_exit_code_1(tmp_path):
    (tmp_path / "a.xyz").write_text("1\n\nHe 0 0 0\n")
    result = run("check", tmp_path / "a.xyz")
    assert result.exit_code == 1
    assert "frame 0 has no energy and no forces" in result.stdout


def test_json_is_json_where_numbers_do_not_exist(tmp_path):
    (tmp_path / "a.xyz").write_text("1\n\nHe 0 0 0\n")
    found = json.loads(run("stats", tmp_path / "a.xyz", "--json").stdout)
    assert found["shortest_distance_A"] is None


def test_labels_of_other_names(tmp_path, frame):
    write_frames(tmp_path / "a.xyz", [frame(0)])
    text = (tmp_path / "a.xyz").read_text().replace(" energy=", " my_energy=").replace("forces:R", "my_force:R")
    (tmp_path / "a.xyz").write_text(text)
    with pytest.raises(UserError, match="name the keys"):
        run("convert", tmp_path / "a.xyz", tmp_path / "b.xyz")
    run("convert", tmp_path / "a.xyz", tmp_path / "b.xyz", "--energy-key", "my_energy", "--forces-key", "my_force")
    assert len(list(read_frames(tmp_path / "b.xyz"))) == 1


def test_mistakes_say_what_is_near(tmp_path):
    with pytest.raises(UserError, match="'formte' is neither a data set nor a file; did you mean 'formate'"):
        run("stats", "formte")
    with pytest.raises(UserError, match="graphene has no data at scale slice: no part of this set"):
        run("fetch", "graphene")
    with pytest.raises(UserError, match="does not exist"):
        run("stats", tmp_path / "none.xyz")


def test_fetch_from_a_mirror(shared):
    result = run("fetch", "mptrj", "--mirror", f"file://{shared}/data/mirror", "--json")
    assert [len(entry["sha256"]) for entry in json.loads(result.stdout)["files"]] == [64, 64]


def test_help_loads_nothing_heavy():
    code = (
        "import sys, alphanet.cli.data; print({'torch', 'ase', 'pydantic', 'numpy', 'rich.table'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
