"""The common Lightning loop for networks whose package leaves training to its users: mean absolute errors, averaged
weights, exact resume. Run as a child process by `train`; the network comes from the row's `network.py`.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
import torch_kit
from ase.data import atomic_numbers
from epoch_log import EpochLog
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from training_run import checkpoint_to_resume, element_energies
from worker_kit import RefusedError, Structures, open_store, packed, peak_memory, run_module

CLIP = 10.0  # gradient norm; direct-force transformers need one, the others never reach it
LOSSES: dict[str, Callable[..., Tensor]] = {
    "mae": torch.nn.functional.l1_loss,
    "mse": torch.nn.functional.mse_loss,
    "huber": torch.nn.functional.huber_loss,
}
LAST, BEST, RESULT = "last.ckpt", "best.ckpt", "best.safetensors"
STOPPED = "stopped.txt"  # why a training process gave up, in one line


def train(request: dict[str, Any], report: Callable[[str], None]) -> dict[str, Any]:
    """Train as `request` says; the best checkpoint, what it costs and how good it is on the validation frames."""
    out = Path(request["out"])
    resumed = checkpoint_to_resume(request, out, LAST, (BEST, RESULT))
    references = element_energies(request)
    job = request | {"references": references, "resumed": str(resumed) if resumed else None}
    (out / "job.json").write_text(json.dumps(job, indent=1))
    log = EpochLog(out, request["epochs"], report)
    started = time.monotonic()
    _run(out, report, log)
    seconds = time.monotonic() - started
    last = torch.load(out / LAST, map_location="cpu", weights_only=True)
    return {
        "model": str(out / RESULT),
        "seconds": seconds,
        "epochs": last["epoch"] + 1,
        "steps": last["global_step"],
        "elements": sorted(references),
        "reference_energies": references,
        "parameters": last["parameters"],
        "peak_memory": peak_memory()["children"],
        **log.best(),
    }


def _run(out: Path, report: Callable[[str], None], log: EpochLog) -> None:
    (out / STOPPED).unlink(missing_ok=True)
    try:
        run_module(["torch_training", out / "job.json"], out, report, log.read)
    except RuntimeError:
        if (out / STOPPED).exists():
            raise RefusedError((out / STOPPED).read_text()) from None
        raise


class Task(lightning.LightningModule):
    """Loss, metrics and schedule around a network."""

    def __init__(self, scaled: torch_kit.Scaled, job: dict[str, Any], batches: int) -> None:
        super().__init__()
        self.scaled, self._job, self._batches = scaled, job, batches
        self._weights = {name: job["loss"][f"{name}_weight"] for name in ("energy", "force", "stress")}

    def training_step(self, batch: tuple[torch_kit.Batch, dict[str, Tensor]], _: int) -> Tensor:
        """The weighted loss of a batch."""
        loss = self._weighted(self._terms(batch, LOSSES[self._job["loss"]["kind"]], differentiable=True))
        self._stop_unless_finite("loss", loss)
        return loss

    def configure_gradient_clipping(self, *_: Any, **__: Any) -> None:
        """Clip, and stop before a step with a gradient that is not finite."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), CLIP)
        self._stop_unless_finite("norm of the gradient", norm)

    def validation_step(self, batch: tuple[torch_kit.Batch, dict[str, Tensor]], _: int) -> None:
        """Absolute errors, whatever the loss of the training."""
        frames = len(batch[0].counts)
        terms = self._terms(batch, LOSSES["mae"], differentiable=False)
        self.log_dict({**terms, "weighted_sum": self._weighted(terms)}, batch_size=frames, on_epoch=True)

    def configure_optimizers(self) -> Any:
        """Adam, with a rate that falls along a cosine or when the validation error stalls."""
        job = self._job
        optimizer = torch.optim.Adam(self.parameters(), lr=job["learning_rate"])
        if job["schedule"] == "plateau":
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.6, patience=5)
            # Lightning keeps its state, but would step it after the checkpoint is written: a resumed run misses a step
            scheduler = {"scheduler": plateau, "monitor": "weighted_sum", "frequency": sys.maxsize}
        else:
            steps = min(job["steps"] or math.inf, (job["epochs"] or math.inf) * self._batches)
            rise = max(0.1, min(0.5, 2 / steps))  # no less than two steps, or its first phase has no length
            cosine = torch.optim.lr_scheduler.OneCycleLR(optimizer, job["learning_rate"], int(steps), pct_start=rise)
            scheduler = {"scheduler": cosine, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_train_batch_end(self, *_: Any) -> None:
        """End with a validation, which Lightning's own limit of steps leaves out."""
        if self._job["steps"] is not None and self.global_step >= self._job["steps"]:
            self.trainer.should_stop = True

    def on_validation_epoch_end(self) -> None:
        """Stop at errors that are not finite, before they count as the best; shrink the rate when they stall."""
        found = self.trainer.callback_metrics["weighted_sum"]
        self._stop_unless_finite("validation error", found)
        if self._job["schedule"] == "plateau":
            schedule: Any = self.lr_schedulers()
            schedule.step(found)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the number of parameters beside the weights."""
        checkpoint["parameters"] = sum(weights.numel() for weights in self.scaled.network.parameters())

    def transfer_batch_to_device(self, batch: Any, device: torch.device, _: int) -> Any:
        """Lightning itself knows only tensors and containers of them."""
        frames, labels = batch
        return frames.to(device), {name: value.to(device) for name, value in labels.items()}

    def _stop_unless_finite(self, name: str, value: Tensor) -> None:
        if not value.isfinite():
            raise RefusedError(
                f"training stopped at epoch {self.current_epoch + 1}, step {self.global_step + 1}: {name} "
                f"{value.item()}; the last good checkpoint is kept; lower learning_rate"
            )

    def _weighted(self, terms: dict[str, Tensor]) -> Tensor:
        return torch.stack([self._weights[name] * term for name, term in terms.items()]).sum()

    def _terms(self, batch: Any, loss: Callable[..., Tensor], *, differentiable: bool) -> dict[str, Tensor]:
        frames, labels = batch
        answer = self.scaled(frames, differentiable=differentiable)
        terms = {
            "energy": loss(answer["energy"] / frames.counts, labels["energy"] / frames.counts),
            "force": loss(answer["forces"], labels["forces"]),
        }
        if self._weights["stress"] > 0:
            known = labels["stress"].isfinite().all(dim=(1, 2))
            stress = loss(answer["stress"][known], labels["stress"][known]) if known.any() else 0 * terms["energy"]
            terms["stress"] = stress
        return terms


class Frames(Dataset):
    """The frames of an ASE-LMDB store as ASE Atoms, read when they are asked for."""

    def __init__(self, path: str) -> None:
        self._path, self._store = path, open_store(path)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self._store)

    def __iter__(self) -> Iterator[Any]:
        """All of them, in order."""
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Any:
        """A frame with its labels.

        Raises:
            RefusedError: a label that is not finite.
        """
        atoms = self._store.get(id=index + 1).toatoms()
        for label in ("energy", "forces"):
            if not np.isfinite(atoms.calc.results[label]).all():
                raise RefusedError(f"frame {index} of {self._path}: {label} not finite")
        return atoms


class Shuffled(Sampler):
    """Another order every epoch, which depends on the seed and the epoch alone, so that a resumed run has it too."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed, self._epoch = count, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Lightning tells the epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Number of frames."""
        return self._count

    def __iter__(self) -> Iterator[int]:
        """This epoch's order."""
        order = np.random.default_rng([self._seed, self._epoch]).permutation(self._count)
        return iter(order.tolist())


def main(job: dict[str, Any]) -> None:
    """Train in this process."""
    torch.set_num_threads(job["threads"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    lightning.seed_everything(job["seed"], verbose=False)
    build = importlib.import_module("network").build
    scaled = torch_kit.Scaled(build(job["architecture"], list(job["references"])), stress=job["stress"])
    scaled.network.to(getattr(torch, job["precision"]))
    _set_scales(scaled, job)
    loaders = _loaders(job, scaled.network.cutoff)
    task = Task(scaled, job, len(loaders[0]))
    out = Path(job["out"])
    if not _steps_spent(job):
        _trainer(job, out).fit(task, *loaders, ckpt_path=job["resumed"], weights_only=True)
    best = torch.load(out / BEST, map_location="cpu", weights_only=True)
    task.load_state_dict(best["state_dict"])
    torch_kit.save(scaled, job["architecture"], out / RESULT)


def _steps_spent(job: dict[str, Any]) -> bool:
    if job["steps"] is None or job["resumed"] is None:
        return False
    return bool(torch.load(job["resumed"], map_location="cpu", weights_only=True)["global_step"] >= job["steps"])


def _trainer(job: dict[str, Any], out: Path) -> lightning.Trainer:
    device = torch.device(job["device"])
    # save_last=True would write the last one only where it is the best
    best = ModelCheckpoint(out, "best", monitor="weighted_sum", enable_version_counter=False)
    last = ModelCheckpoint(out, "last", enable_version_counter=False)
    return lightning.Trainer(
        accelerator="cpu" if device.type == "cpu" else "gpu",
        devices=1 if device.index is None else [device.index],
        max_epochs=job["epochs"] or -1,  # `Task` counts the steps: with max_steps a resumed epoch goes wrong
        max_time=job["max_time"] and timedelta(seconds=job["max_time"]),
        gradient_clip_val=CLIP,
        inference_mode=False,  # forces are derivatives, in validation too
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=CSVLogger(str(out / "logs"), name=""),
        callbacks=[WeightAveraging(device=None, use_buffers=False, avg_fn=_average(job["ema_decay"])), best, last],
    )


def _average(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """A moving average in which early steps count more, so that the initial weights are soon forgotten."""

    def average(averaged: Tensor, current: Tensor, steps: Tensor) -> Tensor:
        return torch.lerp(averaged, current, 1.0 - min(decay, float((1 + steps) / (10 + steps))))

    return average


def _set_scales(scaled: torch_kit.Scaled, job: dict[str, Any]) -> None:
    """The elements' energies, and the root mean square of the training forces as the network's unit."""
    for element, energy in job["references"].items():
        scaled.references[atomic_numbers[element]] = energy
    total, count = 0.0, 0
    for atoms in Frames(job["train"]):
        forces = atoms.calc.results["forces"]
        total, count = total + float(np.square(forces).sum()), count + forces.size
    scaled.scale.fill_(math.sqrt(total / count) or 1.0)


def _loaders(job: dict[str, Any], cutoff: float | None) -> tuple[DataLoader, DataLoader]:
    def collate(frames: list[Any]) -> Any:
        return torch_kit.batched(Structures(**packed(frames)), cutoff), _labels(frames)

    train, valid = Frames(job["train"]), Frames(job["valid"])
    size = job["batch_size"]
    order = Shuffled(len(train), job["seed"])
    return (
        DataLoader(train, size, sampler=order, collate_fn=collate),
        DataLoader(valid, size, collate_fn=collate),
    )


def _labels(frames: list[Any]) -> dict[str, Tensor]:
    from ase.stress import voigt_6_to_full_3x3_stress

    results = [atoms.calc.results for atoms in frames]
    stresses = [voigt_6_to_full_3x3_stress(one.get("stress", np.full(6, np.nan))) for one in results]
    return {
        "energy": torch.tensor([one["energy"] for one in results], dtype=torch.float64),
        "forces": torch.from_numpy(np.concatenate([one["forces"] for one in results])),
        "stress": torch.from_numpy(np.stack(stresses)),
    }


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    try:
        main(given)
    except RefusedError as refusal:
        (Path(given["out"]) / STOPPED).write_text(str(refusal))
        sys.exit(1)
