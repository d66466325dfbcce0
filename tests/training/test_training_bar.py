"""What a training shows: its lines, and its bar at the widths of terminals."""

import io
import re

import pytest
from rich.console import Console
from training_samples import Data, messages, small_config

from alphanet.potentials.kit.loop import trainer
from alphanet.potentials.kit.loop.bar import TrainingBar, time_left
from alphanet.potentials.kit.loop.table import epoch_text
from alphanet.training.run import run_training

CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
ROW = {
    "step": 10.0, "train_loss": 0.6123, "train_energy_mae": 0.02, "valid_loss": 0.5, "valid_energy_mae": 0.0123,
    "valid_force_mae": 0.0801, "valid_stress_mae": 0.00123,
}  # fmt: skip


def test_the_line_of_an_epoch():
    assert epoch_text(ROW) == (
        "training loss 0.612; validation energy 12.3 meV/atom, force 80.1 meV/Å, stress 1.23 meV/Å^3"
    )
    trained = {name: value for name, value in ROW.items() if name.startswith("train")}
    assert epoch_text(trained) == "training loss 0.612; energy 20 meV/atom"
    assert epoch_text({}) == ""


@pytest.mark.parametrize(
    ("done", "remaining", "seconds", "text"),
    [
        (0, 10, 5.0, ""),
        (10, None, 5.0, ""),
        (10, 20, 5.0, "0:00:10"),
        (1, 7322, 0.5, "1:01:01"),
        (5, 0, 9.0, "0:00:00"),
    ],
)
def test_time_left(done, remaining, seconds, text):
    assert time_left(done, remaining, seconds) == text


@pytest.mark.integration
@pytest.mark.parametrize("width", [60, 120])
def test_a_bar_fits_the_terminal(data: Data, tmp_path, monkeypatch, width):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, no_color=True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(trainer, "TrainingBar", lambda log: TrainingBar(log, console))
    loss = {"energy_loss": "per_atom", "stress_weight": 1.0}
    with messages() as lines:
        run_training(small_config(epochs=2, loss=loss), data, tmp_path / "run")
    epochs = [line for line in lines if line.startswith("epoch")]
    assert [line.split(":")[0] for line in epochs] == ["epoch 1/2", "epoch 2/2"]
    assert all(
        re.search(r"training loss .*; validation energy .*, force .*, stress .* meV/Å\^3", line) for line in epochs
    )
    shown = CODES.sub("", screen.getvalue()).replace("\r", "\n").splitlines()
    assert max(map(len, shown)) <= width
    bars = [line for line in shown if re.match(r"epoch \d/2 .* step \d+/10 .*\d:\d\d:\d\d left", line)]
    assert bars and "…" not in screen.getvalue()
    assert "validation energy" in " ".join(shown)


@pytest.mark.integration
def test_without_a_terminal_there_is_no_bar_but_the_lines(data: Data, tmp_path):
    with messages() as lines:
        run_training(small_config(epochs=3, validate_every=2), data, tmp_path / "run")
    epochs = [line for line in lines if line.startswith("epoch")]
    assert ["validation" in line for line in epochs] == [False, True, True]
    assert all("training loss" in line and "energy" in line and "force" in line for line in epochs)
