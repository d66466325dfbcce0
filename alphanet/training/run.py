"""Run a training: from a configuration and two stores to a folder with the best model."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from lightning.pytorch import Trainer

from alphanet.data.progress import Report, print_to_stderr
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import save_model
from alphanet.model.create import create_model
from alphanet.provenance import code, software
from alphanet.training.checkpoints import Checkpoints, StoppedBySignalError, require_readable
from alphanet.training.config import TrainConfig
from alphanet.training.data import GraphDataset, LabelledFrames
from alphanet.training.folder import RunFolder
from alphanet.training.module import TrainingModule
from alphanet.training.progress import progress_callback
from alphanet.training.references import Statistics, measure, reference_energies
from alphanet.training.sampling import pack
from alphanet.training.trainer import agree_before_start, make_trainer, quiet_lightning

PROVENANCE_KEY = "alphanet_training"


class TrainingData(Protocol):
    """Where the frames are; `alphanet.data.prepare.PreparedData` is one."""

    @property
    def train(self) -> Path:
        """Store of training frames."""

    @property
    def valid(self) -> Path:
        """Store of validation frames."""

    @property
    def sources(self) -> Mapping[str, str]:
        """Files the frames come from, with their sha256."""


@dataclass(frozen=True)
class TrainResult:
    """What a training gave."""

    model_path: Path  # best model by validation loss, averaged where there is an average
    epochs: int  # finished
    steps: int
    seconds: float  # wall time over all resumptions
    best_epoch: int
    best: dict[str, float]  # validation of the best model: loss, energy_mae (eV/atom), force_mae (eV/Å), stress_mae
    n_parameters: int
    n_frames: int  # trained on
    finished: bool  # false where `max_time` was too short for all epochs

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self) | {"model_path": str(self.model_path)}


def train(
    config: TrainConfig, data: TrainingData, out: Path, *, resume: bool = True, report: Report = print_to_stderr
) -> TrainResult:
    """Train a model, or go on with a training that was interrupted.

    Args:
        config: what to do.
        data: stores of training and validation frames.
        out: folder of the run; what it holds is in `alphanet.training.folder`.
        resume: go on from the last checkpoint in `out`; otherwise remove what an earlier run left there.
        report: gets the lines that tell the user what happens.

    Raises:
        UserError: labels that are missing or not finite, a loss or prediction that stops being finite, a folder that
            holds another training, a full disk.
        KeyboardInterrupt: a signal asked to stop; the same call resumes.
    """
    folder = RunFolder(Path(out))
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    checkpoints = Checkpoints(config, folder.last, lambda module: _export(module, folder, data))
    with quiet_lightning(), torch.random.fork_rng():
        trainer = make_trainer(config, folder, checkpoints, progress_callback(report))
        if not trainer.is_global_zero:
            report = _silent
        frames = LabelledFrames(data.train, config.limit_train), LabelledFrames(data.valid)
        statistics = _prepare(config, data, folder, trainer, frames, resume, report)
        before = _earlier_result(config, folder)
        if before is not None:
            report(f"{folder.path} is trained already; --restart trains it again")
            return before
        report(statistics.describe())
        model = _model(config, statistics)
        cache_mb = config.cache_mb // max(1, config.num_workers)  # each worker has its own
        train_data, valid_data = (GraphDataset(part, model.graph, cache_mb) for part in frames)
        module = TrainingModule(model, config, train_data, valid_data, _packed(config, train_data))
        _fit(trainer, module, folder, report)
    result = TrainResult(
        model_path=folder.model,
        epochs=trainer.global_step // module.steps_per_epoch,
        steps=trainer.global_step,
        seconds=checkpoints.seconds,
        best_epoch=checkpoints.best_epoch,
        best=checkpoints.best,
        n_parameters=model.n_parameters,
        n_frames=len(train_data),
        finished=trainer.global_step == module.steps_per_epoch * config.epochs,
    )
    if trainer.is_global_zero:
        folder.write_result(asdict(result) | {"model_path": folder.model.name, "max_time": config.max_time})
    return result


def _prepare(
    config: TrainConfig,
    data: TrainingData,
    folder: RunFolder,
    trainer: Trainer,
    frames: tuple[LabelledFrames, LabelledFrames],
    resume: bool,
    report: Report,
) -> Statistics:
    """Claim the folder and measure the data on rank 0; the others read what it wrote."""
    if trainer.is_global_zero:
        folder.claim(config, resume)
        if folder.read_result() is None:
            report(folder.tree())
        if folder.read_statistics(data.sources) is None:
            folder.write_statistics(measure(*frames), data.sources)
    agree_before_start(trainer)
    statistics = folder.read_statistics(data.sources)
    assert statistics is not None
    return statistics


def _model(config: TrainConfig, statistics: Statistics) -> InteratomicModel:
    model = create_model(config.network(statistics.elements), seed=config.seed)
    energies = reference_energies(config.reference_energies, model.config.elements, statistics.reference_energies)
    scale = statistics.force_rms if config.energy_scale == "force_rms" else config.energy_scale
    model.set_reference(energies, scale)
    return model.to({"float32": torch.float32, "float64": torch.float64}[config.precision])


def _earlier_result(config: TrainConfig, folder: RunFolder) -> TrainResult | None:
    """The result of an earlier run that ended here, unless there is more time now than it had."""
    values = folder.read_result()
    if values is None or not folder.model.exists():
        return None
    had = values.pop("max_time")
    result = TrainResult(**values | {"model_path": folder.model})
    more = had is not None and (config.max_time is None or config.max_time > had)
    return None if more and not result.finished else result


def _packed(config: TrainConfig, data: GraphDataset) -> list[list[int]] | None:
    if config.edge_budget is None:
        return None
    sizes = np.array([data[index].graph.n_edges for index in range(len(data))])
    return pack(sizes, config.edge_budget, config.batch_size, config.seed)


def _fit(trainer: Trainer, module: TrainingModule, folder: RunFolder, report: Report) -> None:
    resumed = folder.last.exists()
    if resumed:
        step = require_readable(folder.last)
        report(f"resuming from {folder.last} at step {step}")
    try:
        trainer.fit(module, ckpt_path=folder.last if resumed else None, weights_only=True)
    except StoppedBySignalError:
        report(f"interrupted at step {trainer.global_step}; {folder.last} is saved, the same command resumes from it")
        raise KeyboardInterrupt from None


def _silent(line: str) -> None:
    """Other ranks leave the talking to rank 0."""


def _export(module: TrainingModule, folder: RunFolder, data: TrainingData) -> None:
    config = module.config.model_dump_json()
    provenance = {
        "config": json.loads(config),
        "config_sha256": hashlib.sha256(config.encode()).hexdigest(),
        "sources": dict(data.sources),
        "seed": module.config.seed,
        "epoch": module.trainer.current_epoch + 1,
        "step": module.trainer.global_step,
        "validation": module.validation,
        "software": software(),
        "code": code(),
    }
    save_model(module.best_model, folder.model, extra={PROVENANCE_KEY: json.dumps(provenance)})
