"""`alphanet repro all`: every name through its own command, time divided, failures that cost only themselves."""

import json
import sys

import pytest
from typer.testing import CliRunner

from alphanet.cli import app, repro_all
from alphanet.errors import UserError
from alphanet.paper.all_cards import any_card, ordered_names
from alphanet.paper.sharing import LEAST, Division


@pytest.fixture
def started(monkeypatch):
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


def test_every_card_with_the_scale_is_run_by_its_command(started, tmp_path):
    lines, _ = started
    assert invoke("--out", str(tmp_path)).exit_code == 0
    names = [line[1] for line in lines]
    assert set(names) == {name for name in ordered_names() if "mini" in any_card(name).scales} | {"table6"}
    assert names == [name for name in ordered_names() if name in names]
    assert names.index("table1") < names.index("table5") < names.index("fig3a")
    scales = {line[1]: option(line, "--scale") for line in lines}
    assert scales.pop("table6") == "full"  # has no other, and takes no time
    assert set(scales.values()) == {"mini"}
    assert {option(line, "--out") for line in lines} == {str(tmp_path)}
    assert all("--budget" not in line for line in lines)


def test_options_reach_only_commands_that_have_them(started):
    lines, _ = started
    invoke("--scale", "full", "--seeds", "3", "--device", "cuda", "--mirror", "file:///m")
    of = {line[1]: line for line in lines}
    assert option(of["table1"], "--seeds") == "3" and option(of["table1"], "--device") == "cuda"
    assert option(of["table4"], "--mirror") == "file:///m" and "--seeds" not in of["table4"]
    assert option(of["fig3a"], "--device") == "cuda" and "--mirror" not in of["fig3a"]


def test_the_budget_is_divided_by_what_the_cards_allow(started):
    lines, _ = started
    invoke("--budget", "6", "--only", "table1,fig3a,fig3b")
    shares = {line[1]: float(option(line, "--budget")) for line in lines}
    assert shares == {"table1": 2.0, "fig3a": 4.2, "fig3b": 6.0}  # of 10, 14, 6; nothing took any time
    lines.clear()
    invoke("--budget", "1000", "--only", "table1,fig3a")
    assert [option(line, "--budget") for line in lines] == ["10", "14"]  # never more than the card


def test_cells_are_handed_on(started):
    lines, _ = started
    invoke("--only", "table1:AlphaNet/formate, fig3a:SchNet,table1:mean")
    assert [line[1] for line in lines] == ["table1", "fig3a"]
    assert [option(line, "--only") for line in lines] == ["AlphaNet/formate,mean", "SchNet"]


def test_rows_can_be_chosen_everywhere_at_once(started):
    lines, _ = started
    invoke("--only", "*:alphanet*,table1:NequIP")
    given = {line[1]: option(line, "--only") for line in lines}
    assert given["table1"] == "AlphaNet,NequIP" and given["fig3a"] == "AlphaNet"
    assert given["table7"] is None  # has no other row
    assert all(any("AlphaNet" in row for row in any_card(name).rows) for name in given)


def test_what_is_measured_as_a_whole_has_no_cells(started):
    lines, _ = started
    whole = repro_all.Asked("a", "mini", ("row",), by_name=True)

    class Command:
        params = ()

    with pytest.raises(UserError, match="a is measured as a whole; write a"):
        repro_all.run_all([whole], {"a": Command}, {}, limits={"a": 1.0}, budget=None, quiet=True)
    assert not lines
    by_pattern = repro_all.Asked("a", "mini", ("row",))
    repro_all.run_all([by_pattern], {"a": Command}, {}, limits={"a": 1.0}, budget=None, quiet=True)
    assert lines == [["repro", "a"]]


def test_one_that_fails_costs_only_itself_and_is_told(started):
    lines, failing = started
    failing.add("table4")
    result = invoke("--json")
    assert result.exit_code == 1
    told = {one["name"]: one for one in json.loads(result.stdout)["names"]}
    assert len(told) == len(lines) > 4
    assert {name for name, one in told.items() if one["exit_code"]} == {"table4"}
    assert told["table4"]["command"].startswith("alphanet repro table4 --scale mini")
    shown = invoke()
    assert "FAILED (exit code 1)" in shown.stdout and "failed: alphanet repro table4" in shown.stdout


def test_wrong_names_and_scales_are_one_line(started):
    with pytest.raises(UserError, match="no benchmark 'tabel1'; did you mean 'table1'"):
        invoke("--only", "tabel1")
    with pytest.raises(UserError, match="fig3a has no scale 'slice'"):
        invoke("--only", "fig3a", "--scale", "slice")
    with pytest.raises(UserError, match="no table or figure has the scale 'min'; did you mean 'mini'"):
        invoke("--scale", "min")
    assert not started[0]


def test_a_dry_run_starts_nothing_and_lists_the_scale(started):
    found = json.loads(invoke("--dry-run", "--scale", "full", "--json").stdout)
    assert not started[0]
    assert [one["name"] for one in found["names"]] == [n for n in ordered_names() if "full" in any_card(n).scales]


def test_a_command_runs_in_a_process_of_its_own(capfd):
    assert repro_all.run_command(["repro", "list", "--json"], quiet=False) == 0
    assert json.loads(capfd.readouterr().out)
    assert repro_all.run_command(["repro", "nothing"], quiet=True) == 2
    assert "No such command 'nothing'" in capfd.readouterr().err
    assert sys.modules["alphanet.cli"]


def test_what_one_leaves_over_goes_to_the_others():
    now = [0.0]
    division = Division(10, {"a": 10.0, "free": 0.0, "b": 20.0, "long": None}, lambda: now[0])
    assert division.share("a") == 2.5  # of 10 + 20 + 10
    now[0] = 60
    assert division.share("free") is None
    assert division.share("b") == 6.0
    now[0] = 700
    assert division.share("long") == LEAST  # it says itself that there is no time
