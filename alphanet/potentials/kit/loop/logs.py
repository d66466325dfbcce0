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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from . import METRICS
from .module import TrainingModule, metrics
from .schedule import ENDLESS, stage
from .table import append_row, errors_text, keep_rows

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

SECONDS_BETWEEN_LINES = 10.0
logger = logging.getLogger(__name__)


class TrainingLog(Callback):
    """Logs the errors every `log_every` steps and at each validation, and a line at the ends of some epochs.

    TensorBoard's files are beside the CSV file, where it is installed; a baseline's environment may lack it.
    """

    def __init__(self, folder: Path, log_every: int) -> None:
        """Log below `folder`, that of the run; nothing is written before the training starts."""
        self._path, self._log_every = folder / METRICS, log_every
        self._board: SummaryWriter | None = None
        self._started = self._last_line = time.monotonic()
        self._sums: torch.Tensor | None = None

    def state_dict(self) -> dict[str, torch.Tensor | None]:
        """Errors since the last row."""
        return {"sums": self._sums}

    def load_state_dict(self, state_dict: dict[str, torch.Tensor | None]) -> None:
        """Continue the sums of the run that was interrupted."""
        self._sums = state_dict["sums"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Cut the logs back to the step that is resumed from."""
        self._started = time.monotonic()
        self._last_line = self._started - SECONDS_BETWEEN_LINES
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
        self._sums = errors if self._sums is None else self._sums.to(errors.device) + errors
        if trainer.global_step % self._log_every == 0:
            self._row(trainer, pl_module, {})

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation."""
        assert isinstance(pl_module, TrainingModule)
        self._row(trainer, pl_module, {f"valid_{name}": value for name, value in pl_module.validation.items()})

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log a line at the end of the first epoch, of the last, and of others when some time has passed."""
        assert isinstance(pl_module, TrainingModule)
        now = time.monotonic()
        due = pl_module.in_last_epoch or now - self._last_line >= SECONDS_BETWEEN_LINES
        if trainer.is_global_zero and due:
            self._last_line = now
            logger.info("%s, %.0f s", describe(trainer, pl_module), now - self._started)

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
            values = {f"train_{name}": value for name, value in errors.items()} | values
            self._sums = None
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


def describe(trainer: Trainer, module: TrainingModule) -> str:
    """Epoch, validation errors in the tables' units, and the stage of the energy's weight if it changes."""
    text = f"epoch {trainer.current_epoch + 1}"
    if module.planned_epochs < ENDLESS:
        text += f"/{module.planned_epochs}"
    if module.validation:
        text += f": validation {errors_text(module.validation)}"
    loss = module.settings.loss
    if loss.dynamic is not None:
        weight = module.current_energy_weight
        text += f" (stage {stage(module.progress, loss) + 1}/{loss.dynamic.stages}, energy weight {weight:.2g})"
    return text
