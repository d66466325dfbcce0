"""Half-finished, broken, mixed and outdated runs: the page is made, and says so in place."""

import json
import re
from random import Random

import pytest
from markupsafe import escape
from report_runs import every_run, figure, record, scores, table

from alphanet.errors import UserError
from alphanet.report.page.collect import collect
from alphanet.report.page.write import render, write_report
from alphanet.results.schema import VERSION


@pytest.fixture(autouse=True)
def _cards_of_the_tests(cards):
    """Paper values are those of the tests' cards."""


@pytest.fixture
def runs(tmp_path):
    """One run of each form, that a test may spoil."""
    return every_run(tmp_path / "runs")


def changed(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def problems_of(folder):
    """All problems of the one run in `folder`, after the page that shows each of them was made."""
    collected = collect([folder])
    page = render(collected)
    (run,) = collected.report.runs
    assert all(str(escape(problem)) in page for problem in run.problems)
    return list(run.problems)


def test_a_table_that_has_but_one_scale_mixes_none(tmp_path):
    table(tmp_path / "table")
    scores(tmp_path / "scores")
    assert not any("several scales" in problem for problem in collect([tmp_path]).report.problems)
    table(tmp_path / "again" / "table", scale="full")
    assert any("several scales" in problem for problem in collect([tmp_path]).report.problems)


def test_no_runs_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no runs in .*empty: no folder in it has a results.json"):
        collect([tmp_path / "empty"])
    with pytest.raises(UserError, match="nowhere is no folder"):
        collect([tmp_path / "nowhere"])


@pytest.mark.parametrize("text", ["", '{"cells": [', "[1, 2]", "\x00\xff", '{"cells": 3, "title": []}', "{}"])
def test_broken_results_leave_the_rest_standing(runs, tmp_path, text):
    (runs / "table" / "results.json").write_bytes(text.encode("latin-1"))
    collected = collect([runs])
    write_report(tmp_path / "out", collected)
    (broken,) = [run for run in collected.report.runs if run.id == "table"]
    assert broken.state == "unreadable" and len(broken.problems) == 1 and broken.title.startswith("A table")
    assert len(collected.report.runs) == len(list(runs.iterdir()))


def test_another_version_is_one_line_with_the_command_that_helps(runs):
    changed(runs / "table" / "results.json", lambda values: values.update(version=VERSION + 1))
    (problem,) = problems_of(runs / "table")
    assert f"version {VERSION + 1}" in problem and "run `alphanet repro table` again" in problem


@pytest.mark.parametrize("key", ["provenance", "title", "kind", "comparable"])
def test_results_that_lack_a_key_say_which(runs, key):
    changed(runs / "table" / "results.json", lambda values: values.pop(key))
    (problem,) = problems_of(runs / "table")
    assert f"results.json: {key}" in problem


def test_a_run_that_was_begun_is_told_with_its_state(tmp_path):
    folder = tmp_path / "fig3a"
    folder.mkdir()
    (folder / "points.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    (problem,) = problems_of(folder)
    assert problem.startswith("not finished: 2 lines in points.jsonl")
    assert "Figure 3a" in render(collect([tmp_path]))


def test_numbers_without_a_record_are_told(runs):
    changed(runs / "table" / "results.json", lambda values: values["records"].clear())
    problems = problems_of(runs / "table")
    assert len(problems) == 4 and all("cannot be traced to a record" in problem for problem in problems)


def test_a_changed_record_is_told(runs):
    def spoil(values):
        for kept in values["records"].values():
            kept["metrics"]["force_mae"] = 0.0001

    changed(runs / "table" / "results.json", spoil)
    assert any("was changed" in problem for problem in problems_of(runs / "table"))


def test_other_paper_values_than_the_cards_are_told(runs):
    changed(runs / "table" / "results.json", lambda values: values["cells"][2].update(printed="0.99"))
    (problem,) = problems_of(runs / "table")
    assert problem.startswith("AlphaNet, formate, energy_mae: judged by the paper value 0.99, but the card has 0.23")


def test_failures_and_rows_that_were_not_run_are_told(runs):
    changed(runs / "table" / "results.json", lambda values: values.update(failures=["Peer on formate: no disk"]))
    assert problems_of(runs / "table") == ["Peer on formate: no disk"]
    assert problems_of(runs / "figure") == ["MACE: not run: mace cannot be had"]


def test_a_drawing_that_is_gone_is_told(runs):
    (runs / "figure" / "curves.svg").unlink()
    assert "the drawing of curves is not in the folder" in problems_of(runs / "figure")


def test_versions_scales_and_repeats_are_told_of_the_whole(tmp_path):
    table(tmp_path / "first" / "table")
    table(tmp_path / "second" / "table", scale="full")
    figure(tmp_path / "figure")
    changed(tmp_path / "figure" / "results.json", lambda v: v["provenance"].update(code={"version": "0.0.9"}))
    report = collect([tmp_path]).report
    assert {run.id for run in report.runs} == {"table", "table-2", "figure"}
    text = "\n".join(report.problems)
    assert "0.1.0, commit c0ffeec0ffee (2 of 3)" in text and "0.0.9 (1 of 3)" in text
    assert "mini (2 of 3)" in text and "full (1 of 3)" in text
    notes = [note for run in report.runs if run.name == "table" for note in run.notes]
    assert any("also in this report" in note and "scale full" in note for note in notes)


def test_a_report_is_no_run_and_folders_in_a_run_belong_to_it(tmp_path):
    runs = tmp_path / "runs"
    table(runs / "table")
    figure(runs / "table" / "runs" / "speed")
    for _ in range(2):
        write_report(runs / "report", collect([runs]))
    places = [runs, runs / "table", runs / ".." / "runs"]
    assert [run.id for run in collect(places).report.runs] == ["table"]


def test_a_report_does_not_go_where_runs_are(tmp_path):
    runs = tmp_path / "runs"
    folder = table(runs / "table")
    before = (folder / "results.json").read_text()
    for out in (folder, runs):
        with pytest.raises(UserError, match=r"holds runs, .* name another folder for it"):
            collect([runs], skip=out)
    assert (folder / "results.json").read_text() == before
    assert collect([runs], skip=runs / "report").report.runs


def test_records_of_several_versions_in_one_run_are_told(runs):
    older = record({"energy_mae": 0.0194, "force_mae": 0.4391}, "mean", code={"version": "0.0.9"})

    def take_older(values):
        values["records"][older.id] = older.model_dump(mode="json")
        for cell in values["cells"]:
            if cell["row"] == "mean" and cell["records"]:
                cell["records"] = [older.id]

    changed(runs / "table" / "results.json", take_older)
    (problem,) = problems_of(runs / "table")
    assert problem == "records of several versions of the code: 0.0.9; 0.1.0, commit c0ffeec0ffee"


def test_whatever_takes_the_place_of_a_value_the_page_is_made(runs):
    random = Random(0)
    files = sorted(runs.rglob("results.json"))
    refused = 0
    for _ in range(80):
        path = random.choice(files)
        text = path.read_text()
        values = json.loads(text)
        holder, key = random.choice(list(places_in(values)))
        holder[key] = random.choice([None, 3, "x", [], {}, ["a"], {"a": 1}, True, 1e400])
        path.write_text(json.dumps(values))
        collected = collect([path.parent])
        render(collected)
        json.loads(collected.report.model_dump_json(), parse_constant=pytest.fail)
        refused += collected.report.runs[0].state == "unreadable"
        path.write_text(text)
    assert refused > 20


def places_in(values):
    """Every place of a JSON value, as the object or list that holds it and its key."""
    for key in values if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], dict | list):
            yield from places_in(values[key])


def test_files_outside_the_folder_of_a_run_are_no_figures_of_it(runs, tmp_path):
    (tmp_path / "secret.svg").write_text("<svg>secret</svg>")
    change = {"svg": "../../secret.svg", "csv": str(tmp_path / "secret.svg")}
    changed(runs / "figure" / "results.json", lambda values: values["figures"][0].update(files=change))
    write_report(tmp_path / "out", collect([runs / "figure"]))
    assert problems_of(runs / "figure")[-1] == "the drawing of curves is not in the folder"
    assert not (tmp_path / "out" / "figures").exists()


def test_a_paper_value_that_is_no_number_does_no_harm(runs):
    changed(runs / "table" / "results.json", lambda values: values["cells"][2].update(printed="about 2"))
    assert any("judged by the paper value about 2" in problem for problem in problems_of(runs / "table"))


def test_origins_with_similar_names_are_told_apart(runs):
    def add(values):
        values["origins"]["points+AlphaNet/24"] = {"model": "another"}

    changed(runs / "figure" / "results.json", add)
    page = render(collect([runs / "figure"]))
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids) and "another" in page
