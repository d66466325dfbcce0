"""`report` and `report compare` on the command line."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alphanet.cli import app

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from report_runs import every_run, table


@pytest.fixture(autouse=True)
def _cards_of_the_tests(cards):
    """Paper values are those of the tests' cards."""


def ran(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)


def test_runs_are_counted_and_the_page_is_named_last(tmp_path):
    result = ran(every_run(tmp_path / "runs"), "--out", tmp_path / "out")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0 and lines[-1] == str(tmp_path / "out" / "index.html")
    assert any(line.startswith("A figure: time against size: finished; 1 problem") for line in lines)
    assert (tmp_path / "out" / "index.html").is_file()


def test_scripts_get_one_object(tmp_path):
    result = ran(table(tmp_path / "table"), "--out", tmp_path / "out", "--json")
    values = json.loads(result.stdout)
    assert values["schema"] == "alphanet-report-summary" and values["page"] == str(tmp_path / "out" / "index.html")
    assert values["summary"]["cells"] == sum(values["summary"]["verdicts"].values()) > 0


def test_open_shows_the_page(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert ran("--open", "--out", tmp_path / "out", table(tmp_path / "table")).exit_code == 0
    assert shown == [(tmp_path / "out" / "index.html").as_uri()]


def test_a_verdict_that_got_worse_ends_with_1(tmp_path):
    table(tmp_path / "a" / "table", scale="full", energy_mae=0.00023, spread=0.001)
    table(tmp_path / "b" / "table", scale="full", energy_mae=0.00040, spread=0.001)
    result = ran("compare", tmp_path / "a", tmp_path / "b")
    assert result.exit_code == 1
    assert "reproduced → worse" in result.stdout and "1 verdicts got worse" in result.stdout
    assert ran("compare", tmp_path / "b", tmp_path / "a").exit_code == 0
    assert "0 differ" in ran("compare", tmp_path / "a", tmp_path / "a" / "table" / "results.json").stdout
    values = json.loads(ran("compare", tmp_path / "a", tmp_path / "b", "--json").stdout)
    (change,) = values["changes"]
    assert values["schema"] == "alphanet-comparison" and change["verdicts"] == ["reproduced", "worse"]
