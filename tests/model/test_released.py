"""Released weights of AlphaNet by name: cards, what is said without a network, and loading from a mirror."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.model.checkpoint import load_model
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.model.released import released_model, released_names
from alphanet.potentials.opening import open_potential

NAMES = ["alphanet-aqcat25", "alphanet-matpes-r2scan", "alphanet-mptrj-16m", "alphanet-mptrj-v1", "alphanet-oma-v1"]


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that serves a small model under a card's address, and a home without weights."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    cards, served = tmp_path / "cards", tmp_path / "mirror" / "example.org"
    cards.mkdir()
    served.mkdir(parents=True)
    model = create_model(preset("fig3a", elements=["Cu"]))
    torch.save(model.state_dict(), served / "tiny.ckpt")
    config = json.loads(model.config.model_dump_json())
    (served / "tiny.json").write_text(json.dumps(config))
    card = {
        "name": "tiny",
        "title": "Tiny",
        "trained_on": "nothing",
        "level_of_theory": "none",
        "license": "CC0-1.0",
        "weights": {"url": "https://example.org/tiny.ckpt", "name": "tiny.ckpt"},
        "config": {"url": "https://example.org/tiny.json", "name": "tiny.json"},
    }
    (cards / "tiny.yaml").write_text(yaml.safe_dump(card))
    monkeypatch.setenv("ALPHANET_MODELS", str(cards))
    return tmp_path / "mirror"


def call(*words: str) -> str:
    return CliRunner().invoke(app, ["models", *words], catch_exceptions=False).stdout


def test_the_released_weights_have_cards() -> None:
    assert [name for name in released_names() if name.startswith("alphanet-")] == NAMES
    for name in NAMES:
        card = released_model(name)
        assert card.name == name and card.license and card.level_of_theory
    listed = json.loads(call("list", "--json"))["models"]
    assert {model["name"] for model in listed} >= set(NAMES)
    assert "figshare.com/files/53851139" in call("info", "alphanet-oma-v1")


def test_without_the_files_it_is_said_what_to_put_where(mirror: Path) -> None:
    with pytest.raises(UserError, match=r"put https://example.org/tiny.ckpt .* as .*home/models/tiny/tiny\.ckpt"):
        open_potential("tiny")
    with pytest.raises(UserError, match="predates the v1 architecture"):
        open_potential("alphanet-mptrj-16m")
    with pytest.raises(UserError, match="did you mean 'alphanet-oma-v1'"):
        call("fetch", "alphanet-oma-v2")


def test_weights_are_fetched_checked_and_loaded_by_name(mirror: Path) -> None:
    path = Path(call("fetch", "tiny", "--mirror", mirror.as_uri()).strip())
    potential = open_potential("tiny")
    expected = load_model(path, path.with_name("tiny.json"))
    assert potential.provenance()["parameters"] == expected.n_parameters
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(UserError, match="is not the published file"):
        open_potential("tiny")
