"""Comparing reports: differences, their sizes, and which way verdicts went."""

import pytest
from report_runs import figure, scores, table

from alphanet.errors import UserError
from alphanet.report.page.collect import collect
from alphanet.report.page.compare import RANKS, compare, difference_lines, read_judged
from alphanet.report.page.write import write_report
from alphanet.results.schema import CLAIMS, SETTINGS, VERDICTS


@pytest.fixture(autouse=True)
def _cards_of_the_tests(cards):
    """Paper values are those of the tests' cards."""


def compared(first, second):
    return compare(read_judged(first), read_judged(second))


def test_every_verdict_has_a_rank():
    assert set(RANKS) == {*VERDICTS, *SETTINGS, *CLAIMS}


def test_the_same_twice_has_no_difference(tmp_path):
    runs = table(tmp_path / "runs" / "table").parent
    write_report(tmp_path / "out", collect([runs]))
    for first in (runs, tmp_path / "out", tmp_path / "out" / "results.json", runs / "table" / "results.json"):
        comparison = compared(first, tmp_path / "out")
        assert comparison.same == 12 and comparison.changes == ()


def test_another_value_is_told_with_its_difference(tmp_path):
    table(tmp_path / "a" / "table")
    table(tmp_path / "b" / "table", energy_mae=0.0042)
    comparison = compared(tmp_path / "a", tmp_path / "b")
    (change,) = comparison.changes
    assert comparison.same == 11 and not change.worse
    assert change.cell == "table · mini · formate · energy_mae · AlphaNet"
    assert change.difference == pytest.approx(2.1) and change.relative == pytest.approx(1.0)


def test_a_verdict_that_got_worse_is_marked(tmp_path):
    table(tmp_path / "a" / "table", scale="full", energy_mae=0.00023, spread=0.001)
    table(tmp_path / "b" / "table", scale="full", energy_mae=0.0004, spread=0.001)
    (change,) = compared(tmp_path / "a", tmp_path / "b").changes
    assert change.verdicts == ("reproduced", "worse") and change.worse
    assert difference_lines([change])[0][-1] == "WORSE: reproduced → worse"
    (change,) = compared(tmp_path / "b", tmp_path / "a").changes
    assert not change.worse


def test_a_cell_that_is_gone_is_worse_and_claims_are_compared(tmp_path):
    for name in ("a", "b"):
        figure(tmp_path / name / "figure")
    scores(tmp_path / "a" / "scores")
    comparison = compared(tmp_path / "a", tmp_path / "b")
    assert comparison.same == 2 and comparison.changes[0].worse
    assert ("reproduced", "not there") in [change.verdicts for change in comparison.changes]


def test_places_that_cannot_be_compared_are_one_line(tmp_path):
    table(tmp_path / "a" / "table")
    table(tmp_path / "b" / "table", scale="full")
    with pytest.raises(UserError, match="no cell or claim in common"):
        compared(tmp_path / "a", tmp_path / "b")
    with pytest.raises(UserError, match="is no report and no folder of runs"):
        read_judged(tmp_path / "nothing.json")
    old = tmp_path / "old.json"
    old.write_text('{"schema": "alphanet-report", "version": 99}')
    with pytest.raises(UserError, match="version 99, not 4"):
        read_judged(old)
    old.write_text('{"schema": "alphanet-report", "version": 4, "runs": [{"id": 3}]}')
    with pytest.raises(UserError, match="is no whole report"):
        read_judged(old)
