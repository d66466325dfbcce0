import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.potentials import environments


@pytest.fixture
def run(make_card, tmp_path, monkeypatch):
    """A function that runs `alphanet baselines …` with a baseline `fake` beside the project's."""
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "baselines"))
    make_card()

    def call(*arguments: str):
        return CliRunner().invoke(app, ["baselines", *arguments])

    return call


def test_list_and_info(run):
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)["baselines"]}
    assert {"fake", "nequip", "mace", "schnet"} <= rows.keys()
    assert rows["nequip"]["paper_rows"] == ["NequIP"]
    assert not rows["fake"]["installed"]
    assert rows["fake"]["environment"] == "fake"
    assert "nequip" in run("list").stdout
    about = json.loads(run("info", "nequip", "--json").stdout)
    assert about["state"] == "absent"
    assert about["presets"]["formate"]["model"]["l_max"] == 2


def test_mistakes(run):
    for arguments in (["check"], ["install", "--all", "nequip"], ["info", "nequp"]):
        assert isinstance(run(*arguments).exception, UserError)


def test_install_goes_on_after_a_failure_and_says_so(run, monkeypatch):
    def broken(card, again=False):
        if card.name == "fake":
            raise UserError("fake: uv cannot install numpy==2.4.6")
        return True

    monkeypatch.setattr(environments, "install", broken)
    result = run("install", "fake", "nequip", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert [one["name"] for one in told["installed"]] == ["nequip"]
    assert told["failed"][0]["error"] == "fake: uv cannot install numpy==2.4.6"


def test_check_says_what_fails(run):
    result = run("check", "fake", "--json")
    assert result.exit_code == 1
    (told,) = json.loads(result.stdout)["baselines"]
    assert "not installed" in told["error"]
    assert not told["passed"]
