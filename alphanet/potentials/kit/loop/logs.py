"""Logs of a training: rows of a CSV file and of TensorBoard, and lines of progress.

Lightning's loggers start a new version for each start of a run; here the log of a resumed run goes on in the same file,
without the rows after the step that it resumes from.
"""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import importlib.util
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from . import METRICS
from .module import TrainingModule, metrics
from .schedule import ENDLESS, stage
from .table import append_row, epoch_text, keep_rows

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)


class TrainingLog(Callback):
    """Logs the errors every `log_every` steps and at each validation, and a line at the end of each epoch.

    TensorBoard's files are beside the CSV file, where it is installed; a baseline's environment may lack it.
    """

    def __init__(self, folder: Path, log_every: int) -> None:
        """Log below `folder`, that of the run; nothing is written before the training starts."""
        self._path, self._log_every = folder / METRICS, log_every
        self._board: SummaryWriter | None = None
        self._started = time.monotonic()
        self._sums: torch.Tensor | None = None
        self._epoch_sums: torch.Tensor | None = None
        self.last: dict[str, float] = {}
        """The errors that are known last, by the names of their columns"""

    def state_dict(self) -> dict[str, torch.Tensor | None]:
        """Summed errors since the last row, and since the epoch began."""
        return {"sums": self._sums, "epoch_sums": self._epoch_sums}

    def load_state_dict(self, state_dict: dict[str, torch.Tensor | None]) -> None:
        """Continue the sums of the run that was interrupted."""
        self._sums, self._epoch_sums = state_dict["sums"], state_dict.get("epoch_sums")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the logs back to the step that is resumed from."""
        self._started = time.monotonic()
        if not trainer.is_global_zero:
            return
        step = trainer.global_step
        keep_rows(self._path, step)
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self._path.parent), purge_step=step + 1 if step > 0 else None)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Add up, and log now and then."""
        assert isinstance(pl_module, TrainingModule) and pl_module.step_errors is not None
        errors = pl_module.step_errors
        self._sums = _added(self._sums, errors)
        self._epoch_sums = _added(self._epoch_sums, errors)
        if trainer.global_step % self._log_every == 0:
            self._row(trainer, pl_module, {})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation."""
        assert isinstance(pl_module, TrainingModule)
        self._row(trainer, pl_module, _named("valid", pl_module.validation))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a line."""
        assert isinstance(pl_module, TrainingModule)
        row: dict[str, float] = {}
        if self._epoch_sums is not None:
            row = _named("train", metrics(self._epoch_sums, pl_module.settings, pl_module.current_energy_weight))
            self._epoch_sums = None
        if (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0:
            row |= _named("valid", pl_module.validation)
        if trainer.is_global_zero:
            logger.info("%s, %.0f s", describe(trainer, pl_module, row), time.monotonic() - self._started)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Close TensorBoard's file."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Close TensorBoard's file; Lightning calls no `teardown` after an error."""
        self.teardown(trainer, pl_module, "fit")

    def _row(self, trainer: Trainer, module: TrainingModule, values: dict[str, float]) -> None:
        weight = module.current_energy_weight
        if self._sums is not None:
            errors = metrics(self._sums, module.settings, weight)
            values = _named("train", errors) | values
            self._sums = None
        self.last |= values
        if not trainer.is_global_zero:
            return
        values |= {
            "epoch": trainer.current_epoch + 1,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "energy_weight": weight,
            "seconds": round(time.monotonic() - self._started, 2),
        }
        append_row(self._path, {"step": trainer.global_step, **values})
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, trainer.global_step)


def describe(trainer: Trainer, module: TrainingModule, row: Mapping[str, float]) -> str:
    """Epoch, its errors in the tables' units, and the stage of the energy's weight if it changes."""
    text = f"{epoch_of(trainer, module)}: {epoch_text(row)}"
    loss = module.settings.loss
    if loss.dynamic is not None:
        weight = module.current_energy_weight
        text += f" (stage {stage(module.progress, loss) + 1}/{loss.dynamic.stages}, energy weight {weight:.2g})"
    return text


def epoch_of(trainer: Trainer, module: TrainingModule) -> str:
    """`epoch 3/20`, or `epoch 3` if only steps or time end the training."""
    of = f"/{module.planned_epochs}" if module.planned_epochs < ENDLESS else ""
    return f"epoch {trainer.current_epoch + 1}{of}"


def _added(sums: torch.Tensor | None, errors: torch.Tensor) -> torch.Tensor:
    return errors if sums is None else sums.to(errors.device) + errors


def _named(part: str, errors: Mapping[str, float]) -> dict[str, float]:
    return {f"{part}_{name}": value for name, value in errors.items()}
