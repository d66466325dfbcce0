"""Costs of a training by Lightning, whoever wrote the training: a callback."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from .costs import CostMeter, MeterState


class CostLog(Callback):
    """Measures the costs of a training by Lightning.

    Args:
        within_steps: count the operations of the first step while it is done; otherwise the module counts a step
            itself and sets `meter.step_flops`.
        report: a file for the number of steps and their costs.
        max_time: seconds after which it ends unfinished; checkpoints stay those of whole epochs, so that it can go on
            as if it had not stopped.
    """

    def __init__(self, *, within_steps: bool = False, report: str | None = None, max_time: float | None = None) -> None:
        self.meter = CostMeter()
        self._within_steps, self._report, self._max_time = within_steps, report, max_time

    def state_dict(self) -> dict[str, Any]:
        """The meter's."""
        return dict(self.meter.state())

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the costs of the run that was interrupted."""
        self.meter.load(cast(MeterState, state_dict))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clocks."""
        self.meter.start(str(pl_module.device))

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Note the begin of a step."""
        self.meter.begin_step(count=self._within_steps, follows=batch_idx > 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the end of a step, and stop when the time is up."""
        self.meter.end_step()
        expired = self._max_time is not None and self.meter.now()["seconds"] >= self._max_time
        if expired and not trainer.should_stop:
            trainer.should_stop = True
            if not trainer.is_last_batch and trainer.current_epoch > 0:
                lightning: Any = trainer  # whose stubs do not have the list
                lightning.callbacks = [one for one in lightning.callbacks if not isinstance(one, Checkpoint)]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the report; a run that was killed after its last epoch has no other."""
        if self._report is not None:
            steps = trainer.global_step
            Path(self._report).write_text(json.dumps({"steps": steps, **self.meter.costs(steps)}))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it with what came after the last epoch."""
        self.on_train_epoch_end(trainer, pl_module)
