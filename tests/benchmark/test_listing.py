"""What can be reproduced: costs and data by the cards, whatever is here of them."""

import json

import pytest
from typer.testing import CliRunner

from alphanet import cards
from alphanet.cli import app
from alphanet.data.fetching import local_path
from alphanet.errors import UserError
from alphanet.measure.wbm import summary_file
from alphanet.paper.all_cards import KINDS, any_card, ordered_names
from alphanet.paper.listing import list_benchmarks


def listed(name, scale):
    (found,) = [one for one in list_benchmarks() if (one.name, one.scale) == (name, scale)]
    return found


def test_every_card_is_of_one_kind_and_listed_at_every_scale():
    cards = [any_card(name) for name in ordered_names()]
    assert {type(card) for card in cards} == set(KINDS)
    assert [(one.name, one.scale) for one in list_benchmarks()] == [(c.name, s) for c in cards for s in c.scales]


def test_costs_are_the_cards(tmp_path):
    assert listed("table1", "mini").cost == "4 trainings, at most 150 s each: 10 min"
    assert listed("table1", "full").cost.startswith("4 trainings, as long as their epochs take")
    assert listed("table5", "mini").cost.startswith("16 min")
    assert listed("table5", "full").cost == "60 min at most (--budget), on an A100"
    assert listed("fig3a", "full").cost.startswith("24 h")
    assert listed("fig1", "mini").cost == "1 training, unless table1 has run: 4 min at most with it, 1 min without"
    assert (
        listed("fig1", "slice").cost == "nothing can be trained" and "zenodo" in listed("fig1", "slice").impossible[0]
    )
    assert listed("fig1", "full").environments == () and "PBE+MBD" in listed("fig1", "full").missing_data[1]


def test_data_that_is_not_here_is_named():
    assert listed("table1", "mini").missing_data == ()
    assert any("zenodo.org" in missing for missing in listed("table1", "slice").missing_data)
    assert "OC20's own structures" in listed("table5", "full").missing_data[0]
    assert listed("table4", "full").missing_data[0] == "labels" and listed("table4", "full").environments == ()
    labels = local_path(summary_file())
    labels.parent.mkdir(parents=True)
    labels.write_bytes(b"")
    assert listed("table4", "full").missing_data[0] == "CHGNet"


def test_environments_that_are_not_made_are_counted():
    found = listed("fig3a", "mini")
    assert found.environments == found.missing_environments == ("schnet", "painn", "nequip", "mace", "equiformer-v2")


def test_a_card_of_no_kind_and_a_wrong_name_are_one_line(tmp_path, monkeypatch):
    (tmp_path / "odd.yaml").write_text("name: odd")
    monkeypatch.setattr(cards, "resources", lambda _kind: tmp_path)
    with pytest.raises(UserError, match=r"odd\.yaml is a card of no known kind"):
        any_card("odd")
    with pytest.raises(UserError, match="did you mean 'odd'"):
        any_card("odds")


def test_the_command_lists_them_as_text_and_as_json():
    result = CliRunner().invoke(app, ["repro", "list"], catch_exceptions=False)
    assert "table4" in result.stdout and "14 min at most" in result.stdout
    found = json.loads(CliRunner().invoke(app, ["repro", "list", "--json"], catch_exceptions=False).stdout)
    assert {"name", "scale", "cost", "missing_data"} <= set(found[0])
