import re
from pathlib import Path

import pytest
from fake_baseline import CARD

from alphanet.errors import UserError
from alphanet.potentials.cards import find_baseline, list_baselines, load_baseline, read_baseline
from alphanet.potentials.settings import model_settings, train_settings


def test_every_card_of_the_project_is_valid_and_pins_one_torch():
    cards = list_baselines()
    assert "nequip" in [card.name for card in cards]
    versions = {package.version for card in cards for package in card.environment.packages if package.name == "torch"}
    assert len(versions) == 1
    pinned = Path(__file__).parents[2] / "torch.txt"
    assert re.match(r"torch==(\S+)", pinned.read_text())[1] in versions
    for card in cards:
        if card.trainable:
            train_settings(card, {})


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UserError, match="no baseline 'nequp'; did you mean 'nequip'"):
        load_baseline("nequp")
    with pytest.raises(UserError, match="no preset 'min'; did you mean 'mini'"):
        load_baseline("nequip").preset("min")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"licens": "MIT"}, "unknown key 'licens'; did you mean 'license'"),
        ({"license": None}, "'license' is missing"),
        ({"environment": CARD["environment"] | {"packges": []}}, "did you mean 'packages'"),
        ({"environment": CARD["environment"] | {"packages": [{"name": "x", "version": ">=1"}]}}, "packages.0.version"),
        ({"environment": "nobody"}, "no baseline 'nobody' to share with"),
        ({"presets": {}}, "presets"),
        ({"worker": None}, "worker.py is missing"),
    ],
)
def test_errors_name_the_file_and_the_key(make_card, changes, said):
    with pytest.raises(UserError) as error:
        make_card("fake", **changes)
    assert "card.yaml" in str(error.value)
    assert said in str(error.value)


def test_everything_that_is_wrong_is_told_at_once(make_card):
    changes = {"licens": "MIT", "license": None, "stress": "perhaps", "elements": "some", "worker": None, "title": None}
    changes |= {"environment": CARD["environment"] | {"packages": [{"name": "x", "version": ">=1"}], "imports": None}}
    changes |= {"checkpoints": {"a": {"source": "nowhere", "bytes": "many"}}, "dtypes": ["float16"]}
    with pytest.raises(UserError) as error:
        make_card("fake", **changes)
    lines = str(error.value).splitlines()
    assert all("fake/card.yaml: " in line for line in lines)
    said = [line.partition("card.yaml: ")[2] for line in lines]
    for beginning in (
        "key 'title' is missing",
        "key 'license' is missing",
        "unknown key 'licens'; did you mean 'license'?",
        "environment.packages.0.version: String should match",
        "environment.imports: Input should be a valid tuple",
        "stress: Input should be a valid boolean",
        "elements: Input should be a valid tuple (got 'some'); or Input should be 'trained' or 'any'",
        "dtypes.0: Input should be 'float32' or 'float64'",
        "checkpoints.a.source: String should match",
        "checkpoints.a.bytes: Input should be a valid integer",
        "key 'checkpoints.a.trained_on' is missing",
        "worker.py is missing beside the card",
    ):
        assert len([line for line in said if line.startswith(beginning)]) == 1, beginning
    assert len(said) == 12


def test_a_row_to_share_with_that_is_not_there_hides_nothing_else(make_card):
    with pytest.raises(UserError) as error:
        make_card("fake", environment="nobody", license=None, worker=None)
    lines = [line.partition("card.yaml: ")[2] for line in str(error.value).splitlines()]
    assert lines[0].startswith("environment: no baseline 'nobody' to share with") and lines[1:] == [
        "key 'license' is missing"
    ]


def test_a_card_is_known_by_its_name_or_by_its_place(make_card, tmp_path, monkeypatch):
    card = make_card()
    assert card.known_as == str(tmp_path / "baselines" / "fake")
    assert find_baseline(card.known_as) == card
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "baselines"))
    assert card.known_as == "fake" and find_baseline("fake") == card
    with pytest.raises(UserError, match=r"baselines/other is neither a card\.yaml nor a folder with one"):
        find_baseline(str(tmp_path / "baselines" / "other"))


def test_folder_and_name_agree(make_card, tmp_path):
    make_card("fake")
    (tmp_path / "baselines" / "fake").rename(tmp_path / "baselines" / "other")
    with pytest.raises(UserError, match="name is 'fake', but the folder is called 'other'"):
        read_baseline(tmp_path / "baselines" / "other" / "card.yaml")


def test_rows_share_an_environment_and_a_user_adds_rows(make_card, tmp_path, monkeypatch):
    monkeypatch.setenv("ALPHANET_BASELINES", str(tmp_path / "baselines"))
    first = make_card("first")
    second = make_card("second", environment="first")
    assert second.environment == first.environment
    assert {"first", "second", "nequip"} <= {card.name for card in list_baselines()}
    with pytest.raises(UserError, match="'second' shares one itself; name 'first' instead"):
        make_card("third", environment="second")


def test_the_digest_sees_packages_and_not_explanations(make_card):
    packages = CARD["environment"]["packages"]
    card = make_card()
    explained = make_card(environment=CARD["environment"] | {"packages": [packages[0] | {"why": "arrays"}]})
    newer = make_card(environment=CARD["environment"] | {"packages": [packages[0] | {"version": "2.4.7"}]})
    assert card.environment.digest == explained.environment.digest != newer.environment.digest


def test_training_settings_lie_over_the_presets(make_card):
    preset = {"note": "", "model": {}, "training": {"epochs": 3, "batch_size": 4, "learning_rate": 0.1}}
    preset["training"]["loss"] = {"kind": "mse"}
    card = make_card(presets={"mini": preset})
    settings = train_settings(card, {"epochs": 7, "loss": {"force_weight": 1}})
    assert (settings.epochs, settings.batch_size, settings.loss.kind, settings.loss.force_weight) == (7, 4, "mse", 1)
    with pytest.raises(UserError, match="unknown key 'epoch'; did you mean 'epochs'"):
        train_settings(card, {"epoch": 7})
    with pytest.raises(UserError, match="give epochs or steps"):
        train_settings(card, {"epochs": None})
    with pytest.raises(UserError, match="max_time is only a guard"):
        train_settings(card, {"epochs": None, "max_time": 60})
    with pytest.raises(UserError, match="no preset"):
        model_settings(card, {"preset": "huge"})
