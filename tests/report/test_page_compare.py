"""Comparing reports: what differs, by how much, and which way verdicts went."""

import json

import pytest
from report_runs import fig3a, table1, table4
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.report.page.collect import collect
from alphanet.report.page.compare import RANKS, read_judged
from alphanet.report.page.model import CLAIMS, VERDICTS
from alphanet.report.page.write import write_report


def compared(first, second):
    result = CliRunner().invoke(app, ["report", "compare", str(first), str(second), "--json"], catch_exceptions=False)
    return result.exit_code, json.loads(result.stdout)


def test_every_verdict_has_a_rank():
    assert set(RANKS) == {*VERDICTS, *CLAIMS}


def test_the_same_twice_has_no_difference(tmp_path):
    runs = table1(tmp_path / "runs" / "table1").parent
    write_report(tmp_path / "out", collect([runs]))
    for first in (runs, tmp_path / "out", tmp_path / "out" / "results.json"):
        assert compared(first, tmp_path / "out") == (0, {"same": 12, "changes": []})


def test_another_value_is_told_with_its_difference(tmp_path):
    table1(tmp_path / "a" / "table1")
    table1(tmp_path / "b" / "table1", energy_mae=0.0042)
    code, found = compared(tmp_path / "a", tmp_path / "b")
    (change,) = found["changes"]
    assert code == 0 and found["same"] == 11
    assert change["cell"] == "table1 · mini · formate · energy_mae · AlphaNet"
    assert change["difference"] == pytest.approx(2.1) and change["relative"] == pytest.approx(1.0)


def test_a_verdict_that_got_worse_ends_with_1(tmp_path):
    table1(tmp_path / "a" / "table1", scale="full", energy_mae=0.00023)
    table1(tmp_path / "b" / "table1", scale="full", energy_mae=0.0004)
    code, found = compared(tmp_path / "a", tmp_path / "b")
    assert code == 1
    assert [(change["verdicts"], change["worse"]) for change in found["changes"]] == [(["reproduced", "worse"], True)]
    assert compared(tmp_path / "b", tmp_path / "a")[0] == 0
    result = CliRunner().invoke(app, ["report", "compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert result.exit_code == 1 and "reproduced → worse" in result.stdout and "1 verdicts got worse" in result.stdout


def test_a_cell_that_is_gone_is_worse_and_claims_are_compared(tmp_path):
    for name in ("a", "b"):
        fig3a(tmp_path / name / "fig3a")
    table4(tmp_path / "a" / "table4")
    code, found = compared(tmp_path / "a", tmp_path / "b")
    assert code == 1 and found["same"] == 1
    assert ["reproduced", "not there"] in [change["verdicts"] for change in found["changes"]]


def test_what_cannot_be_compared_is_one_line(tmp_path):
    table1(tmp_path / "a" / "table1")
    table1(tmp_path / "b" / "table1", scale="full")
    runner = CliRunner()
    with pytest.raises(UserError, match="no cell or claim in common"):
        runner.invoke(app, ["report", "compare", str(tmp_path / "a"), str(tmp_path / "b")], catch_exceptions=False)
    with pytest.raises(UserError, match="is no report and no folder of runs"):
        read_judged(tmp_path / "nothing.json")
    old = tmp_path / "old.json"
    old.write_text('{"schema": "alphanet-report", "version": 99}')
    with pytest.raises(UserError, match="version 99, not 1"):
        read_judged(old)
    old.write_text('{"schema": "alphanet-report", "version": 1, "runs": [{"cells": [{}]}]}')
    with pytest.raises(UserError, match="is no whole report"):
        read_judged(old)
