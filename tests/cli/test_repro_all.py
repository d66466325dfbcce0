"""`alphanet repro all`: every name in its own process, time divided, failures that cost only themselves."""

import json
import sys

import pytest
from typer.testing import CliRunner

from alphanet.benchmark.kind import RunOptions
from alphanet.cli import app, repro_all
from alphanet.cli.repro import run as repro_run
from alphanet.errors import UserError


@pytest.fixture
def started(letters, monkeypatch):
    """The command lines that would be started; those whose name is in `failing` end with 1."""
    lines, failing = [], set()

    def run_command(arguments, *, quiet):
        lines.append(arguments)
        return int(arguments[1] in failing)

    monkeypatch.setattr(repro_all, "run_command", run_command)
    return lines, failing


def invoke(*arguments):
    return CliRunner().invoke(app, ["repro", "all", *arguments], catch_exceptions=False)


def option(line, flag):
    return line[line.index(flag) + 1] if flag in line else None


def test_every_card_with_the_scale_is_run_in_the_order_of_the_paper(started, tmp_path):
    lines, _ = started
    result = invoke("--out", str(tmp_path / "o"))
    assert result.exit_code == 0
    assert [line[1] for line in lines] == ["table1", "table2", "table6", "fig1", "absent", "broken"]
    scales = {line[1]: option(line, "--scale") for line in lines}
    assert scales.pop("table6") == "full"  # has no other, and takes neither time nor data
    assert set(scales.values()) == {"mini"}
    assert {option(line, "--out") for line in lines} == {str(tmp_path / "o")}
    assert all("--budget" not in line for line in lines)
    assert f"[1/6] alphanet repro table1 --scale mini --out {tmp_path / 'o'}" in result.stderr


def test_options_reach_only_those_that_have_a_use_for_them(started):
    lines, _ = started
    result = invoke("--seeds", "3", "--device", "cuda", "--mirror", "file:///m", "--restart")
    of = {line[1]: line for line in lines}
    assert option(of["table1"], "--seeds") == "3" and option(of["table1"], "--mirror") == "file:///m"
    assert "--device" not in of["table1"] and "--restart" in of["table1"]
    assert option(of["table2"], "--device") == "cuda" and "--seeds" not in of["table2"]
    assert "table2: letters has no use for mirror" in result.stderr


def test_the_budget_is_divided_by_the_cards_limits(started):
    lines, _ = started
    invoke("--budget", "6", "--only", "table1,table2,fig1,table6")
    shares = {line[1]: option(line, "--budget") for line in lines}
    # Of 10, 14 and 6 minutes; nothing took any time, so that what is left over goes to the later ones.
    assert shares == {"table1": "2", "table2": "4.2", "table6": None, "fig1": "6"}
    lines.clear()
    invoke("--budget", "1000", "--only", "table1,table2")
    given = [float(option(line, "--budget")) for line in lines]
    assert given[0] > 10 and given[1] > 14  # machines may need more than is usual; what is left over is used


def test_cells_are_handed_on(started):
    lines, _ = started
    invoke("--only", "table1:AlphaNet/name, fig1:SchNet,table1:SchNet/alias")
    assert [line[1] for line in lines] == ["table1", "fig1"]
    assert [option(line, "--only") for line in lines] == ["AlphaNet/name,SchNet/alias", "SchNet"]


def test_rows_can_be_chosen_everywhere_at_once(started):
    lines, _ = started
    invoke("--only", "*:alphanet*,table1:SchNet/name")
    given = {line[1]: option(line, "--only") for line in lines}
    assert given["table1"] == "alphanet*,SchNet/name" and given["table2"] == "alphanet*"
    assert given["table6"] is None  # has no other row
    assert "fig1" not in given  # has no such row


def test_one_that_fails_costs_only_itself_and_is_told(started):
    lines, failing = started
    failing.add("table2")
    result = invoke("--json")
    assert result.exit_code == 1
    shown = json.loads(result.stdout)
    assert shown["schema"] == "alphanet-runs"
    runs = {one["name"]: one for one in shown["benchmarks"]}
    assert len(runs) == len(lines) > 4
    assert {name for name, one in runs.items() if one["exit_code"]} == {"table2"}
    assert runs["table2"]["command"].startswith("alphanet repro table2 --scale mini")
    text = invoke().stdout
    assert "FAILED (exit code 1)" in text and "failed: alphanet repro table2" in text


def test_wrong_names_scales_and_options_are_one_line(started):
    with pytest.raises(UserError, match="no benchmark 'tabel1'; did you mean 'table1'"):
        invoke("--only", "tabel1")
    with pytest.raises(UserError, match="fig1 has no scale 'slice'"):
        invoke("--only", "fig1", "--scale", "slice")
    with pytest.raises(UserError, match="no benchmark has the scale 'min'; did you mean 'mini'"):
        invoke("--scale", "min")
    with pytest.raises(UserError, match="--seeds has no use for table2"):
        invoke("--only", "table2", "--seeds", "2")
    assert not started[0]


def test_a_dry_run_starts_nothing_and_lists_the_scale(started):
    shown = json.loads(invoke("--dry-run", "--scale", "full", "--json").stdout)
    assert not started[0]
    names = [one["name"] for one in shown["benchmarks"]]
    assert names == ["table1", "table2", "table6", "fig2", "absent", "broken"]
    assert shown["totals"]["without_limit"] == ["table1"]


def test_a_command_runs_in_a_process_of_its_own(capfd):
    assert repro_all.run_command(["--version"], quiet=False) == 0
    assert "torch" in capfd.readouterr().out
    assert repro_all.run_command(["repro", "nothing"], quiet=True) == 1
    captured = capfd.readouterr()
    assert "error: there is no benchmark 'nothing'" in captured.err and not captured.out
    assert sys.modules["alphanet.cli"]


def test_arguments_make_the_same_options_again(monkeypatch, letters):
    options = {
        "scale": "full", "only": ("a*", "b/c"), "budget": 2.5, "restart": True, "device": "cuda:1", "mirror": "file:///m",
        "seeds": 2, "epochs": 3, "max_time": 90.0, "seed": 4, "threads": 2, "mode": "best", "structures": "zeolite",
        "max_memory": 8.0, "truth": "t.csv", "predictions": "p", "reference": "r.xyz",
        "references": "e.json", "relax": 5, "cluster": "local:2",
    }  # fmt: skip
    wanted = RunOptions(out="there", **options)
    assert wanted.given().keys() == RunOptions.model_fields.keys(), "an option that the test does not know"
    captured = {}

    def named_choices(names, *, scale, only, values):
        captured.update(values, scale=scale, only=only)
        raise UserError("enough")

    monkeypatch.setattr("alphanet.cli.choices.named_choices", named_choices)
    with pytest.raises(UserError, match="enough"):
        CliRunner().invoke(app, ["repro", "table1", *repro_all.arguments_of(wanted)], catch_exceptions=False)
    captured["only"] = tuple(captured["only"].split(","))
    assert RunOptions(**captured) == wanted
    assert callable(repro_run)
