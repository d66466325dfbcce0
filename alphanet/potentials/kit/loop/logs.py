"""Logs of a training: a CSV file and TensorBoard, one row every `log_every` steps and one at each validation."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import csv
import importlib.util
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from .module import TrainingModule, metrics
from .table import COLUMNS, keep_rows


class RunLogger(Logger):
    """A logger of one run that may have been interrupted."""

    @property
    def name(self) -> str:
        """Name of the logger."""
        return type(self).__name__

    @property
    def version(self) -> str:
        """No versions: one log a run."""
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the configuration is a file of its own."""

    def start(self, step: int) -> None:
        """Drop what was logged after `step`, from which the run goes on."""
        raise NotImplementedError


class CsvLogger(RunLogger):
    """Rows of a CSV file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    @rank_zero_only
    def start(self, step: int) -> None:
        """Keep the rows up to `step`."""
        keep_rows(self._path, step)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Append a row; columns without a value stay empty."""
        values = {"step": step, **metrics}
        with self._path.open("a", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(values.get(name, "") for name in COLUMNS)


class BoardLogger(RunLogger):
    """Scalars for TensorBoard, where it is installed."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._writer: Any = None

    @rank_zero_only
    def start(self, step: int) -> None:
        """Open an event file that hides what was logged from `step` on."""
        if importlib.util.find_spec("tensorboard") is None:  # a baseline's environment may lack it
            return
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(self._folder), purge_step=step + 1 if step > 0 else None)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Write scalars."""
        if self._writer is not None:
            for name, value in metrics.items():
                self._writer.add_scalar(name, value, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Flush and close."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class Metrics(Callback):
    """Hands the errors of training and validation to the trainer's loggers."""

    def __init__(self, log_every: int) -> None:
        self._log_every = log_every
        self._started = time.monotonic()
        self._sums: torch.Tensor | None = None

    def state_dict(self) -> dict[str, Any]:
        """Errors since the last row."""
        return {"sums": self._sums}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up where another run stopped."""
        self._sums = state_dict["sums"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the logs back to the step that is resumed from."""
        self._started = time.monotonic()
        for logger in trainer.loggers:
            if isinstance(logger, RunLogger):
                logger.start(trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add up, and log now and then."""
        assert isinstance(pl_module, TrainingModule) and pl_module.step_errors is not None
        errors = pl_module.step_errors
        self._sums = errors if self._sums is None else self._sums.to(errors.device) + errors
        if trainer.global_step % self._log_every == 0:
            self._log(trainer, pl_module, {})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation."""
        assert isinstance(pl_module, TrainingModule)
        self._log(trainer, pl_module, {f"valid_{name}": value for name, value in pl_module.validation.items()})

    def _log(self, trainer: Trainer, module: TrainingModule, values: dict[str, float]) -> None:
        weight = module.current_energy_weight
        if self._sums is not None:
            found = metrics(self._sums, module.settings, weight)
            values = {f"train_{name}": value for name, value in found.items()} | values
            self._sums = None
        values |= {
            "epoch": trainer.current_epoch + 1,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "energy_weight": weight,
            "seconds": round(time.monotonic() - self._started, 2),
        }
        for logger in trainer.loggers:
            logger.log_metrics(values, step=trainer.global_step)
