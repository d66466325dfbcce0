"""`alphanet repro NAME...`: which benchmarks, scales, cells and options, what is printed, and the exit code."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError


def run(*arguments: str):
    return CliRunner().invoke(app, ["repro", *arguments], catch_exceptions=False)


def results(name: str) -> dict:
    return json.loads(Path("runs", name, "results.json").read_text())


def test_a_name_writes_its_folder_and_prints_its_table(letters):
    result = run("table1")
    assert result.exit_code == 0
    assert "results.json" in result.stderr  # where, before anything else
    assert "AlphaNet" in result.stdout and "results.json" not in result.stdout
    assert {"results.json", "records.jsonl", "table.csv", "table.md", "table.tex"} <= {
        file.name for file in Path("runs/table1").iterdir()
    }


def test_json_is_alone_on_stdout_and_is_results_json(letters):
    shown = json.loads(run("table1", "--json", "--out", "there").stdout)
    assert shown == json.loads(Path("there/table1/results.json").read_text())
    assert shown["schema"] == "alphanet-results"


def test_several_names_are_one_object(letters):
    result = run("table1", "broken", "table6", "--json")
    shown = json.loads(result.stdout)
    assert shown["schema"] == "alphanet-result-list"
    assert [one["name"] for one in shown["results"]] == ["table1", "broken", "table6"]
    assert result.exit_code == 1  # what fails costs only itself


def test_a_failure_is_told_and_ends_with_1_but_the_table_is_written(letters):
    result = run("broken")
    assert result.exit_code == 1 and "SchNet failed: no letters" in result.stderr
    assert {cell["row"]: cell["verdict"] for cell in results("broken")["cells"]}["SchNet"] == "not run: no letters"


def test_nothing_measured_at_all_is_said_and_ends_with_1(letters):
    result = run("absent")
    assert result.exit_code == 1
    assert "error: absent: nothing could be measured: needs an alphabet" in result.stderr


def test_a_selection_of_which_nothing_is_measured_ends_with_1(letters, tmp_path):
    card = yaml.safe_load((tmp_path / "cards" / "absent.yaml").read_text())
    changed = {**card, "name": "partly", "absent": ["SchNet"]}
    (tmp_path / "cards" / "partly.yaml").write_text(yaml.safe_dump(changed))
    assert run("partly").exit_code == 0
    result = run("partly", "--only", "SchNet")
    assert result.exit_code == 1
    assert "error: partly: nothing could be measured: needs an alphabet" in result.stderr
    assert results("partly")["records"]  # of AlphaNet, from before
    assert run("partly", "table1", "--only", "partly:SchNet,table1:*").exit_code == 1


def test_scales(letters):
    run("table1")
    assert results("table1")["scale"] == "mini"
    run("table6")
    assert results("table6")["scale"] == "full"  # the only one
    run("table6", "--scale", "slice")  # takes neither time nor data
    assert results("table6")["scale"] == "full"
    with pytest.raises(UserError, match="fig2 has no scale 'mini'"):
        run("fig2", "--scale", "mini")


def test_cells_of_an_earlier_run_stay(letters):
    run("table1", "--only", "SchNet")
    run("table1", "--only", "AlphaNet/alias")
    assert measured_cells("table1") == {("SchNet", "name"), ("SchNet", "alias"), ("AlphaNet", "alias")}
    run("table1", "--only", "AlphaNet/alias", "--seeds", "2")  # further seeds
    assert measured_cells("table1") == {("SchNet", "name"), ("SchNet", "alias"), ("AlphaNet", "alias")}
    run("table2", "--only", "SchNet")
    run("table2", "--only", "AlphaNet/alias", "--threads", "3")  # another protocol
    assert measured_cells("table2") == {("AlphaNet", "alias")}


def measured_cells(name: str) -> set[tuple[str, str]]:
    return {(cell["row"], cell["column"]) for cell in results(name)["cells"] if cell["measured"] is not None}


def test_cells_for_one_of_several_names(letters):
    run("table1", "fig1", "--only", "table1:AlphaNet,fig1:mean")
    for name, row in (("table1", "AlphaNet"), ("fig1", "mean")):
        assert {cell["row"] for cell in results(name)["cells"] if cell["records"]} == {row}


def test_an_option_must_have_a_use_for_one_of_the_names(letters):
    with pytest.raises(UserError, match=r"--seeds has no use for table2; benchmarks of kind .*seeded-letters use it"):
        run("table2", "--seeds", "2")
    result = run("table1", "table2", "--seeds", "2", "--threads", "3")
    assert result.exit_code == 0
    assert "table2: letters has no use for seeds" in result.stderr
    assert "table1: seeded-letters has no use for threads" in result.stderr
    assert results("table1")["options"] == {"seeds": 2}
    assert results("table2")["options"] == {"threads": 3}
    with pytest.raises(UserError, match="--device has no use for table1"):
        run("table1", "--device", "cpu")


def test_durations_reach_the_runner_in_its_units(letters):
    run("table1", "--budget", "90s", "--max-time", "2m")
    assert results("table1")["options"] == {"budget": 1.5, "max_time": 120}
    with pytest.raises(UserError, match="'soon' is no duration"):
        run("table1", "--budget", "soon")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabel1"], "no benchmark 'tabel1'; did you mean 'table1'"),
        (["table1", "--scale", "minni"], "did you mean 'mini'"),
        (["table1", "--only", "alfanet"], "did you mean 'AlphaNet'"),
        (["table1", "--only", "table2:AlphaNet"], "no benchmark 'table2'"),
    ],
)
def test_mistakes_are_one_line_before_anything_runs(letters, arguments, message):
    with pytest.raises(UserError, match=message):
        run(*arguments)
    assert not Path("runs").exists()


def test_the_dry_run_of_a_name(letters):
    shown = json.loads(run("table2", "--scale", "full", "--dry-run", "--json").stdout)
    assert shown["schema"] == "alphanet-dry-run"
    assert shown["totals"]["missing_data"] == ["crystals"] and shown["totals"]["minutes"] == 1
    text = run("table2", "--scale", "full", "--dry-run").stdout
    assert "data: crystals: MISSING" in text and "missing data: crystals" in text
    assert not Path("runs").exists()


def test_the_dry_run_of_a_selection(letters):
    whole, part = (
        json.loads(run("table1", *words, "--dry-run", "--json").stdout)["benchmarks"][0]
        for words in ((), ("--only", "AlphaNet"))
    )
    assert part["cost"].startswith("1 of ")
    assert 0 < part["minutes"] < whole["minutes"]


def test_the_list(letters):
    shown = json.loads(run("list", "--json").stdout)
    assert list(dict.fromkeys(one["name"] for one in shown["benchmarks"])) == letters
    text = run("list").stdout
    assert "| name " in text and "missing: crystals" in text
