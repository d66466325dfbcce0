"""Released weights of AlphaNet by name: cards, what is said without a network, and loading from a mirror."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from model_samples import alloy
from released_samples import PUBLIC_SETTINGS, public_state, serve
from typer.testing import CliRunner

from alphanet import AlphaNetCalculator
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.model.checkpoint import load_model
from alphanet.model.public import public_config
from alphanet.model.released import released_files, released_model, released_names
from alphanet.potentials.opening import LoadOptions, open_potential

NAMES = ["alphanet-aqcat25", "alphanet-matpes-r2scan", "alphanet-mptrj-16m", "alphanet-mptrj-v1", "alphanet-oma-v1"]
NAME = "made-up"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a folder that serves small weights under a card's address; a home without weights."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    return serve(tmp_path, monkeypatch, NAME)


def call(*words: str) -> str:
    return CliRunner().invoke(app, ["models", *words], catch_exceptions=False).stdout


def test_the_released_weights_have_cards() -> None:
    assert [name for name in released_names() if name.startswith("alphanet-")] == NAMES
    for name in NAMES:
        card = released_model(name)
        assert card.name == name and card.license and card.level_of_theory and card.settings is not None
        if not card.needs:
            assert public_config(card.settings, name).num_layers == 4
    listed = json.loads(call("list", "--json"))["models"]
    assert {model["name"] for model in listed} >= set(NAMES)


def test_info_says_what_a_user_has_to_know() -> None:
    said = " ".join(call("info", "alphanet-mptrj-v1").split())
    for words in ("figshare.com/files/53851133", "the repository is GPL-3.0", "PBE and PBE+U", "hidden_channels 176"):
        assert words in said
    assert re.search(r"elements\W+H, He, Li,", said)
    assert "zbl true" in " ".join(call("info", "alphanet-matpes-r2scan").split())
    assert json.loads(call("info", "alphanet-aqcat25", "--json"))["settings"]["cutoff"] == 6


def test_released_matpes_has_the_repulsion() -> None:
    assert public_config(released_model("alphanet-matpes-r2scan").settings, "").zbl


@pytest.mark.parametrize("use", [load_model, AlphaNetCalculator, open_potential])
def test_without_the_files_it_is_said_what_to_put_where(mirror: str, use) -> None:
    said = rf"put https://example.org/{NAME}.ckpt .* as .*home/models/{NAME}/{NAME}\.ckpt; or .*models fetch {NAME}"
    with pytest.raises(UserError, match=said):
        use(NAME)
    with pytest.raises(UserError, match="predates the v1 architecture"):
        use("alphanet-mptrj-16m")
    with pytest.raises(UserError, match="did you mean 'alphanet-oma-v1'"):
        use("alphanet-oma-v2")


def test_a_wrong_name_is_told_before_anything_is_fetched(mirror: str) -> None:
    with pytest.raises(UserError, match="did you mean 'alphanet-oma-v1'"):
        call("fetch", "alphanet-oma-v2")


def test_weights_are_fetched_checked_and_loaded_by_name(mirror: str) -> None:
    path = Path(call("fetch", NAME, "--mirror", mirror).strip())
    model = load_model(NAME, dtype="float64")
    expected = load_model(path, PUBLIC_SETTINGS | {"zbl": True}, "float64")
    atoms = alloy()
    atoms.calc = AlphaNetCalculator(NAME, dtype="float64")
    found = atoms.get_potential_energy()
    atoms.calc = AlphaNetCalculator(expected)
    assert found == atoms.get_potential_energy() and model.config == expected.config and model.config.zbl
    assert open_potential(NAME).provenance()["weights_sha256"] == sha256_of(path)
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(UserError, match="is not the published file; remove it and fetch it again"):
        load_model(NAME)
    call("fetch", NAME, "--mirror", mirror)
    assert load_model(NAME).config == expected.config


def test_a_published_checksum_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    weights = {"url": f"https://example.org/{NAME}.ckpt", "name": f"{NAME}.ckpt", "sha256": "0" * 64}
    address = serve(tmp_path, monkeypatch, NAME, weights=weights)
    with pytest.raises(UserError, match="wrong checksum"):
        call("fetch", NAME, "--mirror", address)
    by_hand = tmp_path / "home" / "models" / NAME / f"{NAME}.ckpt"
    torch.save(public_state(zbl=True), by_hand)
    with pytest.raises(UserError, match="is not the published file"):
        load_model(NAME)


def test_a_configuration_may_be_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    config = {"url": "https://example.org/settings.json", "name": "settings.json"}
    address = serve(tmp_path, monkeypatch, NAME, config=config)
    (tmp_path / "mirror" / "example.org" / "settings.json").write_text(json.dumps({"model": PUBLIC_SETTINGS}))
    assert "in settings.json, which is not fetched" in " ".join(call("info", NAME).split())
    call("fetch", NAME, "--mirror", address)
    assert not load_model(NAME).config.zbl
    assert "hidden_channels 16" in " ".join(call("info", NAME).split())


def test_files_put_there_by_hand_are_loaded(mirror: str, tmp_path: Path) -> None:
    by_hand = tmp_path / "home" / "models" / NAME / f"{NAME}.ckpt"
    by_hand.parent.mkdir(parents=True)
    torch.save({"state_dict": public_state(zbl=True)}, by_hand)
    assert released_files(NAME)[0] == by_hand
    np.testing.assert_allclose(open_potential(NAME).predict([alloy()])[0].forces.sum(axis=0), 0, atol=1e-4)


def test_a_configuration_of_the_user_replaces_that_of_a_name(mirror: str, tmp_path: Path) -> None:
    call("fetch", NAME, "--mirror", mirror)
    (tmp_path / "other.json").write_text(json.dumps(PUBLIC_SETTINGS))
    potential = open_potential(NAME, LoadOptions(config=tmp_path / "other.json"))
    assert potential.provenance()["settings"]["zbl"] is False


def test_a_file_goes_before_a_name(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(public_state(), tmp_path / NAME)
    with pytest.raises(UserError, match="carries no configuration"):
        load_model(NAME)


def test_a_checkpoint_that_carries_code_runs_none(mirror: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    by_hand = tmp_path / "home" / "models" / NAME / f"{NAME}.ckpt"
    by_hand.parent.mkdir(parents=True)

    class Foreign:
        def __reduce__(self) -> tuple:
            return Path.touch, (trace,)

    torch.save({"state_dict": public_state(zbl=True), "more": Foreign()}, by_hand)
    with pytest.raises(UserError, match="not a readable torch checkpoint") as error:
        load_model(NAME)
    assert not trace.exists() and "weights_only" not in str(error.value)
