"""Progress of a training: a bar on a terminal, plain lines elsewhere."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from .module import TrainingModule
from .schedule import ENDLESS, stage

SECONDS_BETWEEN_LINES = 10.0
logger = logging.getLogger(__name__)


def progress_callback() -> Callback:
    """A bar if stderr is a terminal that progress is written to, else lines in the log."""
    return ProgressBar() if sys.stderr.isatty() and logger.isEnabledFor(logging.INFO) else ProgressLines()


class ProgressLines(Callback):
    """A line at the ends of epochs: the first, the last, and others when some time has passed."""

    def __init__(self) -> None:
        self._started = self._last = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()
        self._last = self._started - SECONDS_BETWEEN_LINES

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say where the training is."""
        assert isinstance(pl_module, TrainingModule)
        now = time.monotonic()
        last = pl_module.in_last_epoch
        if trainer.is_global_zero and (last or now - self._last >= SECONDS_BETWEEN_LINES):
            self._last = now
            logger.info("%s, %.0f s", describe(trainer, pl_module), now - self._started)


class ProgressBar(Callback):
    """A bar over all steps of the training, on stderr."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the bar."""
        if not trainer.is_global_zero:
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        assert isinstance(pl_module, TrainingModule)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
        self._task = self._progress.add_task("training", total=pl_module.total_steps, completed=trainer.global_step)
        self._progress.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move on."""
        if self._progress is not None:
            self._progress.advance(self._task)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the validation beside the bar."""
        assert isinstance(pl_module, TrainingModule)
        if self._progress is not None:
            self._progress.update(self._task, total=pl_module.total_steps, description=describe(trainer, pl_module))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the bar as it stands."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the bar as it stands."""
        self._close()

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def describe(trainer: Trainer, module: TrainingModule) -> str:
    """Epoch, validation errors in the tables' units, and the stage of the energy's weight if it changes."""
    text = f"epoch {trainer.current_epoch + 1}"
    if module.planned_epochs < ENDLESS:
        text += f"/{module.planned_epochs}"
    found = module.validation
    if found:
        energy, force = 1000 * found["energy_mae"], 1000 * found["force_mae"]
        text += f": validation energy {energy:.3g} meV/atom, force {force:.3g} meV/Å"
    loss = module.settings.loss
    if loss.dynamic is not None:
        weight = module.current_energy_weight
        text += f" (stage {stage(module.progress, loss) + 1}/{loss.dynamic.stages}, energy weight {weight:.2g})"
    return text
