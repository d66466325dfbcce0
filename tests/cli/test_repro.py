"""`alphanet repro table1`: what it writes and prints, with the row that needs no training and shipped miniatures."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.paper import reproduce
from alphanet.paths import resources

shipped = pytest.mark.skipif(
    not (resources("datasets") / "mini" / "formate.extxyz.xz").exists(), reason="the miniatures are not made yet"
)


def run(tmp_path, *arguments):
    command = ["repro", "table1", "--models", "mean", "--out", str(tmp_path), *arguments]
    return CliRunner().invoke(app, command, catch_exceptions=False)


@shipped
def test_the_run_folder(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 0
    assert "results.json" in result.stderr and "records.jsonl" in result.stderr  # the tree, before anything else
    assert "energy MAE (meV/atom)" in result.stdout and "results.json" not in result.stdout
    names = {file.name for file in (tmp_path / "table1").iterdir()}
    figures = {f"parity_{c}_mean.{ending}" for c in ("formate", "graphene") for ending in ("png", "svg", "pdf", "csv")}
    assert names == {"results.json", "table.csv", "table.md", "table.tex", "records.jsonl", "runs"} | figures
    measured = [c for c in json.loads((tmp_path / "table1" / "results.json").read_text())["cells"] if c["records"]]
    assert {cell["row"] for cell in measured} == {"mean"} and len(measured) == 4


@shipped
def test_json_is_alone_on_stdout(tmp_path):
    shown = json.loads(run(tmp_path, "--json", "--datasets", "formate").stdout)
    assert shown == json.loads((tmp_path / "table1" / "results.json").read_text())
    assert len(shown["cells"]) == 12 and shown["provenance"]["software"]["python"]


def test_a_failure_is_told_and_ends_with_1_but_the_table_is_written(tmp_path, monkeypatch):
    def prepare(*_, **__):
        raise UserError("the disk is full")

    monkeypatch.setattr(reproduce, "prepare", prepare)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "failed: formate: the disk is full" in result.stderr
    cells = json.loads((tmp_path / "table1" / "results.json").read_text())["cells"]
    assert {cell["verdict"] for cell in cells if cell["row"] == "mean"} == {"not run: the disk is full"}


def test_a_wrong_model_is_one_line(tmp_path):
    with pytest.raises(UserError, match="did you mean 'alphanet'"):
        run(tmp_path, "--models", "alfanet")


USERS = """
name: mine
title: Another paper's small table
source: made up
metrics: {energy_mae: {title: energy MAE, unit: meV/atom, per_record_unit: 1000}}
columns:
  ABW: {title: ABW, dataset: zeolite, only: {group: "abw*"}}
  BCT: {title: BCT, dataset: zeolite, only: {group: "BCT*"}}
rows: {mean: {model: mean}}
paper: [{row: mean, column: ABW, metric: energy_mae, printed: "12.3"}]
scales:
  mini: {comparable: false, reason: miniature, protocol: means, runs: {mean: {"*": {}}}}
"""


@shipped
def test_a_card_in_the_users_folder_is_a_command(tmp_path, monkeypatch):
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "mine.yaml").write_text(USERS)
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path / "cards"))
    result = CliRunner().invoke(app, ["repro", "mine", "--out", str(tmp_path), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    cells = json.loads(result.stdout)["cells"]
    assert [(cell["column"], cell["paper"]) for cell in cells] == [("ABW", 12.3), ("BCT", None)]
    assert cells[0]["measured"] != cells[1]["measured"] and cells[0]["verdict"].startswith("not comparable")
    assert (tmp_path / "mine" / "parity_zeolite_mean.png").is_file()
    assert "Another paper's small table" in CliRunner().invoke(app, ["repro", "--help"]).stdout


def test_a_name_without_a_card_gets_the_nearest(tmp_path):
    result = CliRunner().invoke(app, ["repro", "tabel8"])
    assert result.exit_code == 2 and "did you mean 'table8'" in result.output
