"""Networks of the kit trained by the loop of AlphaNet; the network comes from the row's `network.py`.

`train` runs this file as a child process.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypedDict

import numpy as np
import torch
import torch_kit
from ase import Atoms
from ase.data import atomic_numbers
from devices import children_peak
from loop import LAST, MODEL, TrainingError
from loop.adapters import add_low_rank, freeze, plain
from loop.checkpoints import Checkpoints
from loop.data import GraphDataset, Prediction
from loop.module import TrainingModule
from loop.trainer import fit, make_trainer, quiet_lightning
from trainer_kit import ValidationLog
from worker_kit import RefusedError, Structures, evenly_spaced, frame_of, open_store, packed, run_module

CACHE_MB = 64  # for the graphs that are kept between epochs, of training and validation frames each
JOB, RESULT, STOPPED = "job.json", "outcome.json", "stopped.txt"  # in the run's folder `trainer`


class Finetune(TypedDict):
    """The rules of a start from weights."""

    weights: str  # file
    freeze: Sequence[str]
    lora: int | None


class Job(TypedDict):
    """The request of a training: `alphanet.training.settings.TrainingSettings`, of which some are here, and data."""

    architecture: dict[str, Any]  # in the package's own words
    elements: Sequence[str]
    references: dict[str, float]  # eV
    energy_scale: float  # eV
    finetune: Finetune | None
    loss: dict[str, Any]  # `LossSettings` as JSON
    epochs: int | None
    train: str  # stores
    valid: str
    limit_train: int | None
    out: str  # folder of the run
    seed: int
    stress: bool
    precision: str
    threads: int


def train(request: Job) -> dict[str, object]:
    """Train as `request` says; the number of epochs and steps, the cost, and the errors on the validation frames."""
    out = Path(request["out"])
    folder = out / "trainer"
    (folder / JOB).write_text(json.dumps(request, indent=1))
    (folder / STOPPED).unlink(missing_ok=True)
    log = ValidationLog(out, request["epochs"])
    try:
        run_module(["torch_training", folder / JOB], folder, log.read)
    except RuntimeError:
        if (folder / STOPPED).exists():
            raise RefusedError((folder / STOPPED).read_text()) from None
        raise
    return {**json.loads((folder / RESULT).read_text()), "peak_memory": children_peak()}


class Frames:
    """The frames of an ASE-LMDB store as ASE Atoms, read when they are asked for."""

    def __init__(self, path: str, limit: int | None = None) -> None:
        self.path, self._store = path, open_store(path)
        self.indices = evenly_spaced(len(self._store), limit)

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Atoms:
        """A frame with its labels, which were checked before the training."""
        return frame_of(self._store.get(id=int(self.indices[index]) + 1))

    def name(self, index: int) -> str:
        """How errors call a frame."""
        return f"frame {self.indices[index]} of {self.path}"


def main(job: Job) -> None:
    """Train in this process."""
    torch.set_num_threads(job["threads"])
    torch.manual_seed(job["seed"])
    np.random.seed(job["seed"])
    out = Path(job["out"])
    build = importlib.import_module("network").build
    start = job.get("finetune")
    if start is None:
        scaled = torch_kit.Scaled(build(job["architecture"], job["elements"]), stress=job["stress"])
    else:
        scaled = torch_kit.restore(Path(start["weights"]), build, stress=job["stress"])
    scaled.network.to(getattr(torch, job["precision"]))
    for element, energy in job["references"].items():
        scaled.references[atomic_numbers[element]] = energy
    scaled.scale.fill_(job["energy_scale"])
    if start is not None and start["lora"] is not None:
        add_low_rank(scaled.network, start["lora"], job["seed"])
    if start is not None:
        freeze(scaled.network, start["freeze"])
    cutoff = scaled.network.cutoff

    def graph(atoms: Atoms) -> torch_kit.Batch:
        return torch_kit.batched(Structures(**packed([atoms])), cutoff)

    def export(module: TrainingModule) -> None:
        torch_kit.save(plain(module.best_model), job["architecture"], out / MODEL)

    settings: Any = _settings(job)
    frames = Frames(job["train"], job["limit_train"]), Frames(job["valid"])
    data = tuple(GraphDataset(part, graph, torch_kit.joined, CACHE_MB, RefusedError) for part in frames)
    module = TrainingModule(scaled, settings, data, predict)
    checkpoints = Checkpoints(settings, out / LAST, export)
    with quiet_lightning():
        outcome = fit(make_trainer(settings, out, checkpoints), module, checkpoints, out)
    parameters = sum(weights.numel() for weights in plain(scaled.network).parameters())
    (out / "trainer" / RESULT).write_text(json.dumps({**asdict(outcome), "parameters": parameters}))


def predict(scaled: torch_kit.Scaled, batch: torch_kit.Batch, stress: bool, training: bool) -> Prediction:
    """The network's answer for the loop."""
    answer = scaled(batch, differentiable=training)
    return Prediction(answer["energy"], answer["forces"], answer.get("stress") if stress else None)


def _settings(job: Job) -> SimpleNamespace:
    """`alphanet.training.settings.TrainingSettings`, which were validated before they were sent, by attributes."""
    loss = dict(job["loss"])
    if loss["dynamic"] is not None:
        loss["dynamic"] = SimpleNamespace(**loss["dynamic"])
    return SimpleNamespace(**{**job, "loss": SimpleNamespace(**loss)})


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text())
    try:
        main(given)
    except (RefusedError, TrainingError) as refusal:
        (Path(given["out"]) / "trainer" / STOPPED).write_text(str(refusal))
        sys.exit(1)
