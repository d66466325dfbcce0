"""An interrupted and resumed training gives the same weights, bit for bit, as one that was not interrupted."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest
import torch
from training_samples import Data, messages, small_config

from alphanet.errors import UserError
from alphanet.potentials.kit.loop.module import TrainingModule
from alphanet.training.config import AlphaNetSettings
from alphanet.training.run import run_training

pytestmark = pytest.mark.integration

# 18 frames in batches of 4: 5 steps an epoch.
CONFIG = small_config(epochs=4)
STATES = ("state_dict", "optimizer_states", "lr_schedulers", "global_step")


def final_state(out: Path) -> dict[str, object]:
    checkpoint = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    return {key: checkpoint[key] for key in STATES}


def assert_equal(one: object, other: object) -> None:
    if isinstance(one, torch.Tensor):
        assert isinstance(other, torch.Tensor) and torch.equal(one, other)
    elif isinstance(one, dict):
        assert isinstance(other, dict) and one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert isinstance(other, list | tuple) and len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


def metrics_without_time(out: Path) -> list[str]:
    lines = (out / "logs" / "metrics.csv").read_text().splitlines()
    return [line.rpartition(",")[0] for line in lines]


@pytest.fixture(scope="module")
def unbroken(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    run_training(CONFIG, data, out)
    return out


def interrupt_at(step: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = TrainingModule.training_step

    def training_step(self: TrainingModule, batch: object, batch_idx: int) -> torch.Tensor:
        if self.trainer.global_step == step:
            os.kill(os.getpid(), number)
        return original(self, batch, batch_idx)  # type: ignore[arg-type]

    monkeypatch.setattr(TrainingModule, "training_step", training_step)


# Steps 9 and 14 are the last of an epoch.
@pytest.mark.parametrize(("step", "workers"), [(0, 0), (9, 0), (12, 0), (12, 2), (14, 0), (14, 2)])
def test_ctrl_c_saves_and_the_same_call_resumes(
    data: Data, out: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch, step: int, workers: int
) -> None:
    config = AlphaNetSettings.model_validate(CONFIG.model_dump() | {"num_workers": workers})
    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch, messages() as lines:
        interrupt_at(step, signal.SIGINT, patch)
        with pytest.raises(KeyboardInterrupt):
            run_training(config, data, out)
    assert "the same command resumes" in lines[-1]
    assert signal.getsignal(signal.SIGINT) is before

    with messages() as lines:
        result = run_training(config, data, out)
    assert any(f"at step {step + 1}" in line for line in lines)
    assert result.finished
    assert_equal(final_state(out), final_state(unbroken))
    assert (out / "model.safetensors").read_bytes()[-4000:] == (unbroken / "model.safetensors").read_bytes()[-4000:]
    assert metrics_without_time(out) == metrics_without_time(unbroken)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_another_signal_saves_and_then_does_what_it_would_do(
    data: Data, out: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(number, end)
    try:
        for step in (3, 11):
            with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
                interrupt_at(step, number, patch)
                run_training(CONFIG, data, out)
            assert ended.value.code == 128 + number
            assert torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == step + 1
    finally:
        signal.signal(number, before)
    run_training(CONFIG, data, out)
    assert_equal(final_state(out), final_state(unbroken))


def train_and_kill(data: Data, out: Path, config: AlphaNetSettings, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(step, signal.SIGKILL, patch)
        run_training(config, data, out)


@pytest.mark.parametrize("checkpoint_every", [1e-6, 600.0])  # every step; ends of epochs only
def test_a_killed_training_resumes_to_the_same_weights(
    data: Data, out: Path, unbroken: Path, checkpoint_every: float
) -> None:
    config = AlphaNetSettings.model_validate(CONFIG.model_dump() | {"checkpoint_every": checkpoint_every})
    process = multiprocessing.get_context("fork").Process(target=train_and_kill, args=(data, out, config, 8))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with messages() as lines:
        run_training(config, data, out)
    assert any(f"at step {8 if checkpoint_every < 1 else 5}" in line for line in lines)
    assert_equal(final_state(out), final_state(unbroken))
    assert metrics_without_time(out) == metrics_without_time(unbroken)


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_without_an_average_too(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str) -> None:
    changes = {"ema_decay": None, "schedule_interval": "epoch", "precision": "float64", "optimizer": optimizer}
    config = small_config(epochs=3, **changes)
    run_training(config, data, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        interrupt_at(7, signal.SIGINT, patch)
        with pytest.raises(KeyboardInterrupt):
            run_training(config, data, tmp_path / "broken")
    run_training(config, data, tmp_path / "broken")
    assert_equal(final_state(tmp_path / "broken"), final_state(tmp_path / "unbroken"))


def test_dropout_resumes_exactly(data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {"reading": "official-v1", "hidden_channels": 8, "num_layers": 1, "heads": 2, "num_basis": 4, "cutoff": 3.0}
    config = small_config(epochs=2, model=model | {"complex_channels": 8})
    run_training(config, data, tmp_path / "unbroken")
    with monkeypatch.context() as patch:
        interrupt_at(2, signal.SIGINT, patch)
        with pytest.raises(KeyboardInterrupt):
            run_training(config, data, tmp_path / "broken")
    run_training(config, data, tmp_path / "broken")
    assert_equal(final_state(tmp_path / "broken"), final_state(tmp_path / "unbroken"))


def test_a_damaged_checkpoint_is_named(data: Data, out: Path) -> None:
    run_training(small_config(epochs=1), data, out)
    (out / "result.json").unlink()
    (out / "checkpoints" / "last.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"last\.ckpt is not a readable checkpoint.*remove it to train again"):
        run_training(small_config(epochs=1), data, out)


def test_trains_outside_the_main_thread(data: Data, out: Path) -> None:
    thread = threading.Thread(target=run_training, args=(small_config(epochs=1), data, out))
    thread.start()
    thread.join()
    assert (out / "result.json").is_file()
