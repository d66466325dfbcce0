"""Progress of a training as lines in the log."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import logging
import time

from lightning.pytorch import Callback, LightningModule, Trainer

from .module import TrainingModule
from .schedule import ENDLESS, stage

SECONDS_BETWEEN_LINES = 10.0
logger = logging.getLogger(__name__)


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
