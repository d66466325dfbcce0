"""What goes wrong stops the training with one clear line, and the last good checkpoint stays."""

import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator
from training_samples import Data, copper_frames, small_config, write_data

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet
from alphanet.potentials.kit.loop import TrainingError
from alphanet.potentials.kit.loop.checkpoints import AtomicCheckpointIO
from alphanet.potentials.kit.loop.module import TrainingModule
from alphanet.training.blocks import paper
from alphanet.training.run import run_training

pytestmark = pytest.mark.integration

Network = Callable[[AlphaNet, AtomGraph], torch.Tensor]


def poison(monkeypatch: pytest.MonkeyPatch, from_step: int, value: float, *, training: bool) -> None:
    """Make the network's output for the batch's second structure `value`, from a step on."""
    steps = 0
    step = TrainingModule.optimizer_step

    def optimizer_step(self: TrainingModule, *args: object) -> None:
        nonlocal steps
        step(self, *args)  # type: ignore[arg-type]
        steps += 1

    def poisoned(original: Network) -> Network:
        def network(model: AlphaNet, graph: AtomGraph) -> torch.Tensor:
            output = original(model, graph)
            if steps < from_step or next(model.parameters()).requires_grad != training:
                return output
            return output * torch.where(graph.batch == 1, value, 1.0)

        return network

    monkeypatch.setattr(AlphaNet, "network", poisoned(AlphaNet.network))
    monkeypatch.setattr(paper, "network", poisoned(paper.network))  # what training calls
    monkeypatch.setattr(TrainingModule, "optimizer_step", optimizer_step)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_prediction_that_is_not_finite_stops_with_the_frame(
    data: Data, out: Path, monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    poison(monkeypatch, 7, value, training=True)
    with pytest.raises(UserError, match="predicted energy of frames") as caught:
        run_training(small_config(), data, out)
    said = str(caught.value)
    assert "epoch 2, step 8" in said
    assert "last good checkpoint is kept" in said
    batch = said.partition("batch of frames [")[2].partition("]")[0].split(", ")
    assert len(batch) == 4
    assert f"energy of frames [{batch[1]}]" in said
    state = torch.load(out / "checkpoints" / "last.ckpt", weights_only=True)
    assert state["global_step"] == 5
    assert all(torch.isfinite(tensor).all() for tensor in state["state_dict"].values())


def test_a_gradient_that_is_not_finite_stops_before_the_step(
    data: Data, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = TrainingModule.training_step

    def training_step(self: TrainingModule, batch: object, batch_idx: int) -> torch.Tensor:
        loss = original(self, batch, batch_idx)  # type: ignore[arg-type]
        if self.trainer.global_step == 6:
            weight = next(self.model.parameters())
            loss = loss + torch.sqrt((weight - weight.detach()).sum())  # zero, with an infinite derivative
        return loss

    monkeypatch.setattr(TrainingModule, "training_step", training_step)
    with pytest.raises(UserError, match=r"step 7: loss [\d.]+, norm of the gradient (nan|inf) \(batch of frames \["):
        run_training(small_config(), data, out)


def test_a_validation_that_is_not_finite_stops(data: Data, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poison(monkeypatch, 0, float("nan"), training=False)
    with pytest.raises(UserError, match=r"predicted energy of frames \[1\].*valid\.aselmdb"):
        run_training(small_config(), data, out)
    assert not (out / "model.safetensors").exists()


def test_a_nan_label_stops_before_anything_is_trained(tmp_path: Path, out: Path) -> None:
    frames = copper_frames(9, seed=2)
    frames[5].calc = SinglePointCalculator(frames[5], energy=1.0, forces=np.full((4, 3), np.nan))
    data = write_data(tmp_path, frames)
    with pytest.raises(UserError, match=r"frame 5 of .*train\.aselmdb has NaN or infinite forces"):
        run_training(small_config(), data, out)


def test_a_full_disk_is_named_and_the_older_checkpoint_stays(
    data: Data, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_training(small_config(epochs=2, max_time=1000), data, out)
    last = out / "checkpoints" / "last.ckpt"
    before = sha256_of(last)

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TrainingError, match=r"cannot write .*last\.ckpt: No space left on device"):
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(3)}, last)
    assert sha256_of(last) == before
    assert [path.name for path in last.parent.iterdir()] == ["last.ckpt"]
