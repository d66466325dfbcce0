"""The cards in `datasets/` are sound and agree with the paper."""

import pytest
from ase.data import chemical_symbols

from alphanet.data.cards import SCALES, DatasetCard, SourceFile, list_cards, load_card
from alphanet.errors import UserError

SYSTEMS = ("formate", "graphene", "zeolite", "oc20", "mptrj")


def test_all_data_sets_of_the_paper_have_a_card():
    assert [card.name for card in list_cards()] == sorted([*SYSTEMS, "wbm"])


@pytest.mark.parametrize("name", SYSTEMS)
def test_training_systems_come_in_every_scale(name):
    card = load_card(name)
    assert set(card.scales) == set(SCALES)
    assert "GFN1-xTB" in card.at("mini").level_of_theory
    assert "GFN1-xTB" not in card.at("full").level_of_theory
    for at in card.scales.values():
        assert at.split is not None or at.needs


def test_slices_are_pinned_by_checksum_and_commit():
    files = [file for card in list_cards() for file in card.at("slice").files]
    assert len(files) == 4 + 7 + 8 + 2 + 8
    for file in files:
        assert file.sha256
        assert file.size


def test_splits_of_the_paper():
    split = load_card("formate").at("full").split
    assert (split.total, split.train, split.valid) == (6855, 2500, 250)
    assert load_card("zeolite").at("full").split.ratio == (6, 2, 2)
    assert len(load_card("oc20").elements) == 56
    groups = [file.group for file in load_card("oc20").at("full").files if file.role == "test"]
    assert groups == ["id", "ood_ads", "ood_cat", "ood_both"]
    assert len(load_card("mptrj").elements) == 89


def test_elements_are_in_order_of_number():
    for card in list_cards():
        numbers = [chemical_symbols.index(symbol) for symbol in card.elements]
        assert numbers == sorted(numbers)


def test_unknown_names_and_scales_say_what_is_near():
    with pytest.raises(UserError, match="no data set 'formte'; did you mean 'formate'"):
        load_card("formte")
    with pytest.raises(UserError, match="no scale 'ful'; did you mean 'full'"):
        load_card("formate").at("ful")


@pytest.mark.parametrize(
    "values",
    [{}, {"url": "https://a/b", "path": "b"}, {"url": "http://a/b"}, {"url": "https://a/b", "sha256": "12"}],
)
def test_files_have_one_https_address_or_one_path(values):
    with pytest.raises(ValueError, match="validation error"):
        SourceFile(**values)


def test_a_wrong_key_names_the_nearest(tmp_path, monkeypatch):
    from alphanet.cards import validate

    values = load_card("formate").model_dump(mode="json") | {"licenze": "MIT"}
    with pytest.raises(UserError, match="unknown key 'licenze'"):
        validate(values, DatasetCard, "x.yaml")
