"""Half-finished, broken, mixed and outdated runs: the page is made, and says so in place."""

import json
import shutil
from dataclasses import replace
from random import Random

import pytest
from markupsafe import escape
from report_runs import every_run, fig3a, physics, record, speed, sweep, table1, table4
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.paper.benchmark import read_benchmark
from alphanet.paper.speed_cards import SpeedFigure
from alphanet.report.page.collect import collect
from alphanet.report.page.write import render, write_report
from alphanet.report.speed import write_speed
from alphanet.report.tradeoff import tradeoff_rows, write_tradeoff
from alphanet.results import append_record


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One run of each kind, drawn once: that takes most of the time."""
    return every_run(tmp_path_factory.mktemp("drawn"))


@pytest.fixture
def runs(drawn, tmp_path):
    """A copy of them that a test may spoil."""
    return shutil.copytree(drawn, tmp_path / "runs")


def changed(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def problems_of(folder):
    """All problems of the one run in `folder`, after the page that shows each of them was made."""
    report = collect([folder])
    page = render(report)
    (run,) = report.runs
    assert all(str(escape(problem)) in page for problem in run.problems)
    return run.problems


def test_a_table_that_has_but_one_scale_mixes_none(drawn, tmp_path):
    shutil.copytree(drawn / "table1", tmp_path / "table1")
    shutil.copytree(drawn / "table4", tmp_path / "table6")
    changed(tmp_path / "table6" / "results.json", lambda values: [c.update(table="table6") for c in values["cells"]])
    assert not any("several scales" in problem for problem in collect([tmp_path]).problems)
    shutil.copytree(drawn / "table4", tmp_path / "table4")
    assert any("several scales" in problem for problem in collect([tmp_path]).problems)


def test_no_runs_is_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no runs in .*empty: none of memory.json"):
        collect([tmp_path / "empty"])
    with pytest.raises(UserError, match="nowhere is no folder"):
        collect([tmp_path / "nowhere"])


@pytest.mark.parametrize("text", ["", '{"cells": [', "[1, 2]", "\x00\xff", '{"cells": 3, "title": []}', "{}"])
def test_broken_results_leave_the_rest_standing(runs, tmp_path, text):
    (runs / "table1" / "results.json").write_bytes(text.encode("latin-1"))
    report = collect([runs])
    write_report(tmp_path / "out", report)
    (broken,) = [run for run in report.runs if run.id == "table1"]
    assert len(broken.problems) >= 1 and broken.title.startswith("Table 1")
    assert len(report.runs) == len(list(runs.iterdir()))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("speed/speed.json", "provenance"),
        ("speed/speed.json", "points"),
        ("speed/speed.json", "quiet"),
        ("physics/physics.json", "where"),
        ("physics/physics.json", "models"),
        ("memory/memory.json", "provenance"),
        ("memory/memory.json", "models"),
    ],
)
def test_results_that_lack_a_key_say_which(runs, name, key):
    path = runs / name
    changed(path, lambda values: values.pop(key))
    (problem,) = problems_of(path.parent)[:1]
    assert f"the results lack '{key}'" in problem


def test_a_run_that_was_begun_is_told_with_what_it_has(tmp_path):
    folder = tmp_path / "fig3a"
    folder.mkdir()
    (folder / "points.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    (problem,) = problems_of(folder)
    assert problem.startswith("not finished: 2 lines in points.jsonl")
    assert "Figure 3a" in render(collect([tmp_path]))


def test_numbers_that_records_do_not_bear_out_are_told(tmp_path):
    folder = table1(tmp_path / "table1")
    changed(folder / "results.json", lambda values: values["cells"][2].update(measured=1.0))
    assert problems_of(folder) == ["AlphaNet, formate, energy_mae: 1 is not what its records say"]
    (folder / "records.jsonl").unlink()
    found = problems_of(folder)
    assert len(found) == 4 and all("cannot be traced" in problem for problem in found)


def test_a_changed_record_is_told_by_its_line(tmp_path):
    folder = table1(tmp_path / "table1")
    log = folder / "records.jsonl"
    log.write_text(log.read_text().replace("0.0194", "0.0001"))
    assert any("skipped a broken record" in problem for problem in problems_of(folder))


def test_the_paper_s_value_is_the_card_s_whatever_the_run_took(tmp_path):
    folder = table1(tmp_path / "table1")
    changed(folder / "results.json", lambda values: values["cells"][2].update(paper=0.99))
    (problem,) = problems_of(folder)
    assert problem == "AlphaNet, formate, energy_mae: the run took 0.99 for the paper's value, which is 0.23"
    (cell,) = [c for c in collect([folder]).runs[0].cells if c.id == "table1/AlphaNet/formate/energy_mae"]
    assert cell.printed == "0.23"


def test_cells_that_a_run_does_not_have_are_not_run(tmp_path):
    folder = table1(tmp_path / "table1")
    changed(folder / "results.json", lambda values: values["cells"].pop(2))
    (problem,) = problems_of(folder)
    assert problem.startswith("AlphaNet, formate, energy_mae: this run's results do not have it")
    run = collect([folder]).runs[0]
    assert run.cells[-1].verdict == "not run" and len(run.cells) == 12


def test_cells_of_another_version_and_scale_are_told(tmp_path):
    folder = table1(tmp_path / "table1")

    def spoil(values):
        values["cells"][0]["row"] = "Gaussian"
        values["cells"][1]["scale"] = "full"
        values["cells"][3]["verdict"] = "splendid"
        del values["cells"][4]["measured"]

    changed(folder / "results.json", spoil)
    text = "\n".join(problems_of(folder))
    assert "Gaussian, formate, energy_mae: benchmarks/table1.yaml has no such cell" in text
    assert "measured at scale full, not mini" in text
    assert "its verdict 'splendid' is none that is known" in text and "it lacks 'measured'" in text


def test_failures_and_missing_baselines_are_told(tmp_path):
    folder = table1(tmp_path / "table1")
    changed(folder / "results.json", lambda values: values.update(failures=["NequIP on formate: no disk"]))
    assert problems_of(folder) == ["failed: NequIP on formate: no disk"]
    assert problems_of(fig3a(tmp_path / "fig3a")) == ["MACE: not run: mace cannot be had"]
    assert problems_of(physics(tmp_path / "physics")) == ["b (random weights): failed: b cannot be had"]


def test_versions_scales_and_repeats_are_told_of_the_whole(tmp_path):
    table1(tmp_path / "first" / "table1")
    table1(tmp_path / "second" / "table1", scale="full")
    fig3a(tmp_path / "fig3a")
    change = {"code": {"version": "0.0.9"}}
    changed(tmp_path / "fig3a" / "results.json", lambda values: values["provenance"].update(change))
    report = collect([tmp_path])
    assert [run.id for run in report.runs] == ["table1", "table1-2", "fig3a"]
    text = "\n".join(report.problems)
    assert "versions of the code: 0.1.0, commit c0ffeec0ffee (2 of 3); 0.0.9 (1 of 3)" in text
    assert "scales: mini (2 of 3); full (1 of 3)" in text
    assert any("also in this report" in note and "scale full" in note for note in report.runs[0].notes)


def test_a_report_is_no_run_and_what_lies_in_a_run_is_its_own(tmp_path):
    runs = tmp_path / "runs"
    table1(runs / "table1")
    speed(runs / "table1" / "runs" / "speed")
    for _ in range(2):
        write_report(runs / "report", collect([runs]))
    assert [run.id for run in collect([runs, runs / "table1", runs / ".." / "runs"]).runs] == ["table1"]


def test_a_report_does_not_go_where_runs_are(tmp_path):
    runs = tmp_path / "runs"
    folder = table1(runs / "table1")
    before = (folder / "results.json").read_text()
    for out in (folder, runs):
        with pytest.raises(UserError, match=r"holds runs, .* name another folder with -o"):
            collect([runs], skip=out)
    assert (folder / "results.json").read_text() == before
    assert collect([runs], skip=runs / "report").runs


def test_numbers_that_are_none_in_json_do_no_harm(tmp_path):
    folder = table4(tmp_path / "table4")
    path = folder / "results.json"
    path.write_text(path.read_text().replace('"measured": 0.75', '"measured": NaN'))
    write_report(tmp_path / "out", collect([folder]))
    json.loads((tmp_path / "out" / "results.json").read_text(), parse_constant=pytest.fail)


def test_records_of_several_versions_in_one_run_are_told(tmp_path):
    folder = table1(tmp_path / "table1")
    older = replace(record({"energy_mae": 0.0194, "force_mae": 0.4391}, "mean"), where={"code": {"version": "0.0.9"}})
    append_record(folder / "records.jsonl", older)

    def take_older(values):
        for cell in values["cells"]:
            if cell["row"] == "mean" and cell["records"]:
                cell["records"] = [older.id]

    changed(folder / "results.json", take_older)
    (problem,) = problems_of(folder)
    assert problem == "records of several versions of the code: 0.0.9; 0.1.0, commit c0ffeec0ffee"


def test_whatever_takes_the_place_of_a_value_the_page_is_made(runs):
    random = Random(0)
    files = sorted(runs.rglob("*.json"))
    for _ in range(80):
        path = random.choice(files)
        text = path.read_text()
        values = json.loads(text)
        holder, key = random.choice(list(places_in(values)))
        holder[key] = random.choice([None, 3, "x", [], {}, ["a"], {"a": 1}, True, 1e400])
        path.write_text(json.dumps(values))
        report = collect([path.parent])
        render(report)
        json.dumps(report.as_dict(), allow_nan=False)
        path.write_text(text)


def places_in(values):
    """Every place of a JSON value, as the object or list that holds it and its key."""
    for key in values if isinstance(values, dict) else range(len(values)):
        yield values, key
        if isinstance(values[key], dict | list):
            yield from places_in(values[key])


def test_the_command_says_each_in_one_line(tmp_path):
    result = CliRunner().invoke(app, ["report"])
    assert result.exit_code == 2 and "compare" in result.output
    result = CliRunner().invoke(app, ["report", str(tmp_path), "-o", str(tmp_path / "out"), "--wrong"])
    assert result.exit_code == 2


def test_figures_without_a_single_number_are_drawn(tmp_path):
    card = read_benchmark("fig3b", SpeedFigure)
    summary = sweep({"alphanet@mptrj": (None,)})
    write_speed(tmp_path, summary)
    write_tradeoff(tmp_path, tradeoff_rows(card.rows, summary, {}, {}), "somewhere")
    assert all((tmp_path / f"{name}.svg").stat().st_size > 100 for name in ("speed", "fig3b"))
