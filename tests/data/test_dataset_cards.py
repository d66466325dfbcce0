"""The cards in `datasets/` are sound and agree with the paper."""

import hashlib

import pytest
import yaml
from ase.data import chemical_symbols

from alphanet.cards import card_files
from alphanet.data.cards import SCALES, DatasetCard, SourceFile, list_cards, load_card
from alphanet.data.formats import write_frames
from alphanet.data.prepare import prepare
from alphanet.errors import UserError

SYSTEMS = ("formate", "graphene", "zeolite", "oc20", "mptrj")


def test_all_data_sets_have_a_card():
    assert [card.name for card in list_cards()] == sorted([*SYSTEMS, "oc20-val-id", "phonondb", "wbm"])


@pytest.mark.parametrize("name", SYSTEMS)
def test_training_systems_come_in_every_scale(name):
    card = load_card(name)
    assert set(card.scales) == set(SCALES)
    assert "GFN1-xTB" in card.at("mini").level_of_theory
    assert "GFN1-xTB" not in card.at("full").level_of_theory
    for at in card.scales.values():
        assert at.split is not None or at.needs


def test_slices_are_pinned_by_checksum_and_commit():
    slices = [card.scales["slice"] for card in list_cards() if "slice" in card.scales]
    files = [file for at in slices for file in at.files]
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
    [
        {},
        {"url": "https://a/b", "path": "b"},
        {"url": "http://a/b"},
        {"url": "https://a/b", "sha256": "12"},
        {"path": "a.zip", "unpack": True},
    ],
)
def test_files_have_one_https_address_or_one_path(values):
    with pytest.raises(ValueError, match="validation error"):
        SourceFile(**values)


def test_a_wrong_key_names_the_nearest(tmp_path, monkeypatch):
    from alphanet.cards import validate

    values = load_card("formate").model_dump(mode="json") | {"licenze": "MIT"}
    with pytest.raises(UserError, match="unknown key 'licenze'"):
        validate(values, DatasetCard, "x.yaml")


@pytest.fixture
def users(tmp_path, monkeypatch):
    """A function that writes the card of a data set, with a file of its own, into the user's folder."""
    folder = tmp_path / "cards"
    folder.mkdir()
    monkeypatch.setenv("ALPHANET_DATASETS", str(folder))

    def write(name="mine", path="frames/mine.extxyz", **file):
        at = {"description": "d", "license": "l", "level_of_theory": "toy", "files": [{"path": path, **file}]}
        at["split"] = {"method": "ratio", "ratio": [6, 2, 2]}
        values = {"name": name, "title": "t", "citation": ["c"], "elements": ["Cu", "Au"], "paper": "p"}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values | {"scales": {"mini": at}}))
        return folder / path

    return write


def test_a_folder_of_the_user_adds_data_sets_whose_files_lie_beside_the_cards(users, frame, tmp_path, monkeypatch):
    file = users()
    write_frames(file, [frame(seed) for seed in range(10)])
    assert {"mine", *SYSTEMS} <= {card.name for card in list_cards()}
    data = prepare("mine", "mini")
    assert data.counts == {"train": 6, "valid": 2, "test": 2}
    assert data.sources == {"frames/mine.extxyz": hashlib.sha256(file.read_bytes()).hexdigest()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPHANET_DATASETS", "cards")
    assert prepare("mine", "mini").counts == data.counts
    assert sum(prepare("formate", "mini").counts.values()) >= 300


def test_a_card_of_the_user_wins_over_a_shipped_one(users, frame):
    write_frames(users("formate"), [frame(seed) for seed in range(10)])
    assert prepare("formate", "mini").counts == {"train": 6, "valid": 2, "test": 2}


def test_a_file_beside_the_card_is_there_and_right(users, frame):
    file = users(sha256="0" * 64)
    with pytest.raises(UserError, match=r"mine\.extxyz, which the data set's card names, is missing; correct the card"):
        prepare("mine", "mini")
    write_frames(file, [frame(seed) for seed in range(10)])
    with pytest.raises(UserError, match=r"mine\.extxyz has the wrong checksum .*; correct the card or the file"):
        prepare("mine", "mini")


@pytest.mark.parametrize("kind", ["baselines", "benchmarks", "datasets"])
def test_a_variable_that_names_no_folder_is_one_line(kind, monkeypatch):
    monkeypatch.setenv(f"ALPHANET_{kind.upper()}", "/no/such/folder")
    with pytest.raises(UserError, match=f"ALPHANET_{kind.upper()} names /no/such/folder, which is no folder"):
        card_files(kind)
