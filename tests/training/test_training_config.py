from collections.abc import Callable
from pathlib import Path

import pytest

from alphanet.data.cards import DatasetCard, load_card
from alphanet.errors import UserError
from alphanet.training.config import file_config, own_settings, preset_config
from alphanet.training.settings import parse_override

# Table 6 of the paper: learning rate, epochs, batch, layers, heads, basis, hidden channels, cutoff.
TABLE6 = {
    "graphene": (5e-4, 150, 24, 3, 16, 32, 128, 5.0),
    "formate": (5e-4, 150, 12, 3, 16, 32, 128, 5.0),
    "zeolite": (5e-4, 100, 96, 3, 16, 32, 128, 5.0),
    "oc20": (1e-4, 130, 4, 4, 16, 96, 256, 5.0),
    "mptrj": (1e-4, 200, 12, 6, 24, 256, 256, 6.0),
}


@pytest.mark.parametrize("dataset", TABLE6)
def test_full_presets_are_those_of_table_6(dataset: str) -> None:
    config = preset_config(dataset, "full")
    model = config.network(["O"])
    found = (config.learning_rate, config.epochs, config.batch_size)
    found += (model.num_layers, model.heads, model.num_basis, model.hidden_channels, model.cutoff)
    assert found == TABLE6[dataset]
    assert (config.loss.kind, config.loss.energy_weight, config.loss.force_weight) == ("mae", 4, 100)


def test_only_formate_has_dynamic_weights_and_only_mptrj_stress() -> None:
    configs = {name: preset_config(name, "full") for name in TABLE6}
    assert [name for name, config in configs.items() if config.loss.dynamic] == ["formate"]
    assert [name for name, config in configs.items() if config.loss.stress_weight] == ["mptrj"]
    assert configs["formate"].loss.dynamic.start == 0.05


@pytest.mark.parametrize("dataset", TABLE6)
def test_mini_presets_take_the_small_network(dataset: str) -> None:
    assert preset_config(dataset, "mini").network(["C"]).hidden_channels < 128


def test_overrides_reach_nested_keys_and_keep_their_neighbours() -> None:
    overrides = ["loss.energy_weight=1", "model.hidden_channels=64", "learning_rate=1e-3", "ema_decay=null"]
    config = preset_config("formate", "full", overrides)
    assert (config.loss.energy_weight, config.loss.force_weight) == (1.0, 100.0)
    assert config.network(["Cu"]).hidden_channels == 64
    assert config.network(["Cu"]).num_layers == 3
    assert (config.learning_rate, config.ema_decay) == (1e-3, None)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("00:01:30", 90), ("1:00:00", 3600), ("2.5", 2.5)])
def test_times_are_seconds_or_hours_minutes_seconds(text: str, seconds: float) -> None:
    assert preset_config("formate", "mini", [f"max_time={text}"]).max_time == seconds


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("epoch=3", "unknown key 'epoch'; did you mean 'epochs'"),
        ("loss.energy_wieght=1", "unknown key 'loss.energy_wieght'; did you mean 'energy_weight'"),
        ("model.hiden_channels=8", "unknown key 'hiden_channels'; did you mean 'hidden_channels'"),
        ("epochs=many", "epochs"),
        ("epochs=-1", "greater than 0"),
        ("loss.kind=rmse", "'mae', 'mse' or 'huber'"),
        ("max_time=1:2", "hh:mm:ss"),
        ("model.preset=maxi", "unknown preset 'maxi'"),
        ("epochs", "key=value"),
        ("epochs=[", "YAML"),
    ],
)
def test_mistakes_are_named(override: str, said: str) -> None:
    if override == "max_time=1:2":
        override = "max_time='1:2'"
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        preset_config("formate", "mini", [override])


def test_an_unknown_data_set_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError, match="'formade'; did you mean 'formate'"):
        preset_config("formade")


def test_a_file_is_checked_like_a_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("dataset: formate\nmodel: {preset: mini}\nepochs: 2\nbatch_size: 4\nlearning_rate: 1.0e-3\n")
    assert file_config(file, ["seed=3"]).seed == 3
    file.write_text(file.read_text() + "batchsize: 3\n")
    with pytest.raises(UserError, match=r"mine\.yaml: unknown key 'batchsize'; did you mean 'batch_size'"):
        file_config(file)
    with pytest.raises(UserError, match=r"absent\.yaml"):
        file_config(tmp_path / "absent.yaml")


def test_elements_follow_the_data_unless_named() -> None:
    assert preset_config("formate").network(["Cu", "H"]).elements == ("H", "Cu")
    named = preset_config("formate", "mini", ["model.elements=[H, Cu]"])
    with pytest.raises(UserError, match="contain O, which the list leaves out"):
        named.network(["Cu", "O"])


def test_an_override_is_nested_by_its_dots() -> None:
    assert parse_override("loss.dynamic.start=0.1") == {"loss": {"dynamic": {"start": 0.1}}}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that puts a data set's card with this `training` in place of formate's."""
    values = load_card("formate").model_dump(mode="json")

    def make(training: object) -> None:
        changed = DatasetCard.model_validate(values | {"training": training})
        monkeypatch.setattr("alphanet.training.config.load_card", lambda name: changed)

    return make


def test_a_card_without_training_is_trained_by_the_generic_settings(
    card: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    card(None)
    caplog.set_level("INFO")
    config = preset_config("formate", "full")
    assert (config.dataset, config.epochs, config.loss.energy_loss) == ("formate", 100, "total")
    assert config.network(["Cu"]).hidden_channels == 128
    assert "formate.yaml has no training settings; the generic ones apply" in caplog.text
    assert preset_config("formate", "mini").network(["Cu"]).hidden_channels == 32


def test_a_scale_has_settings_of_its_own_or_another_scale_s(card: Callable[..., None]) -> None:
    card({"epochs": 7, "scales": {"mini": {"batch_size": 3}, "slice": "mini"}})
    assert (preset_config("formate", "mini").batch_size, preset_config("formate", "mini").epochs) == (3, 40)
    assert (preset_config("formate", "slice").batch_size, preset_config("formate", "full").epochs) == (4, 7)
    card({"scales": {"slice": "minni"}})
    with pytest.raises(
        UserError, match=r"formate\.yaml: training\.scales\.slice: no settings 'minni'; did you mean 'mini'"
    ):
        preset_config("formate", "slice")


def test_a_wrong_key_of_a_card_is_named_with_the_card(card: Callable[..., None]) -> None:
    card({"loss": {"energy_wieght": 3}})
    with pytest.raises(UserError, match=r"datasets/formate\.yaml.*'loss\.energy_wieght'; did you mean 'energy_weight'"):
        preset_config("formate", "full")


def test_the_best_recipe_is_chosen_by_name_and_for_own_files() -> None:
    paper, best = preset_config("formate", "full"), preset_config("formate", "full", ["recipe=best"])
    assert (paper.recipe, paper.loss.force_loss, paper.unit_messages) == ("paper", "components", False)
    assert (best.loss.force_loss, best.unit_messages, best.network(["Cu"]).initial_weights) == (
        "vectors",
        True,
        "xavier",
    )
    assert (best.epochs, best.learning_rate, best.loss.dynamic) == (
        paper.epochs,
        paper.learning_rate,
        paper.loss.dynamic,
    )
    own = own_settings("mini", {"data": {"train": ["mine.extxyz"]}})
    assert (own.recipe, own.unit_messages) == ("best", True)
    assert own_settings("mini", {"data": {"train": ["mine.extxyz"]}, "recipe": "paper"}).loss.force_loss == "components"


def test_the_best_recipe_leaves_the_weights_of_the_public_reading_alone() -> None:
    best = preset_config("formate", "mini", ["recipe=best", "model.reading=official-v1"])
    assert (best.loss.force_loss, best.unit_messages, best.network(["Cu"]).reading) == ("vectors", False, "official-v1")
    with pytest.raises(UserError, match=r"unit_messages is for untrained networks of the reading `paper`"):
        preset_config("formate", "mini", ["unit_messages=true", "model.reading=official-v1"])


def test_a_start_from_trained_weights_has_no_recipe() -> None:
    own = own_settings("mini", {"data": {"train": ["mine.extxyz"]}, "finetune": "model.safetensors"})
    assert (own.recipe, own.unit_messages, own.loss.force_loss) == ("paper", False, "components")


def test_an_unknown_recipe_is_named() -> None:
    with pytest.raises(UserError, match=r"recipe"):
        preset_config("formate", "mini", ["recipe=bets"])
