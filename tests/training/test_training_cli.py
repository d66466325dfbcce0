import json
from pathlib import Path

import pytest
from training_samples import Data, messages, small_config
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

pytestmark = pytest.mark.integration


@pytest.fixture
def config_file(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import yaml

    monkeypatch.setattr("alphanet.training.api.prepare", lambda name, scale, mirror: data)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(small_config().model_dump(mode="json")))
    return file


def test_a_file_with_overrides_and_flags(config_file: Path) -> None:
    words = ["loss.energy_weight=2", "--epochs", "1", "--seed", "3", "--max-time", "1h", "--json"]
    with messages() as lines:
        result = CliRunner().invoke(app, ["train", str(config_file), *words], catch_exceptions=False)
    answer = json.loads(result.stdout)
    assert answer["schema"] == "alphanet-training" and answer["epochs"] == 1
    assert answer["settings"]["max_time"] == 3600
    assert Path(answer["model"]) == Path("runs/train/copper-mini-seed3/model.safetensors")
    assert Path(answer["model"]).is_file()
    assert answer["validation"].keys() == {"loss", "energy_mae", "force_mae"}
    assert "config.yaml" in lines[0]


def test_says_in_words_what_came_out(config_file: Path) -> None:
    result = CliRunner().invoke(app, ["train", str(config_file), "epochs=1", "--out", "here"], catch_exceptions=False)
    assert result.stdout.startswith("here/model.safetensors: energy ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--dataset NAME"),
        (["a.yaml", "b.yaml"], r"a\.yaml, b\.yaml"),
        (["--dataset", "formate", "epoch=3"], "did you mean 'epochs'"),
        (["--dataset", "formate", "--dtype", "float16"], "precision"),
        (["absent.yaml"], r"absent\.yaml"),
    ],
)
def test_mistakes_are_named(arguments: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        CliRunner().invoke(app, ["train", *arguments], catch_exceptions=False)
