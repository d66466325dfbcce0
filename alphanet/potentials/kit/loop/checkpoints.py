"""Checkpoints: the state to resume from, the best model so far, and an orderly stop on signals and at `max_time`."""

# Hooks have the arguments that Lightning gives them.
# ruff: noqa: ARG002

from __future__ import annotations

import io
import pickle
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from . import TrainingError
from .convergence import is_flat
from .module import TrainingModule

if TYPE_CHECKING:
    from alphanet.training.settings import TrainingSettings

# Ctrl-C, the end of a SLURM job, and its warning.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StoppedBySignalError(Exception):
    """The signal `number` asked to stop; a checkpoint is saved."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints that are whole or absent, and reads them without running pickled code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write `checkpoint` to `path`, atomically.

        Raises:
            TrainingError: the file cannot be written; an older one stays.
        """
        buffer = io.BytesIO()  # torch turns a full disk into a RuntimeError, this into an OSError
        torch.save(checkpoint, buffer)
        final = Path(path)
        temporary = final.with_name(f".{final.name}.part")
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(buffer.getbuffer())
            temporary.replace(final)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise TrainingError(f"cannot write {final}: {error.strerror or error}") from error


def require_readable(path: Path) -> int:
    """The step of a checkpoint.

    Raises:
        TrainingError: the file is damaged or is no checkpoint.
    """
    try:
        return int(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["global_step"])
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is not a readable checkpoint ({error}); remove it to train again") from error


class Checkpoints(Checkpoint):
    """Saves `last` at the ends of validated epochs, every `checkpoint_every` seconds, on signals and when time is up.

    Args:
        settings: give the times.
        last: the file to resume from.
        export: called with the module when its validation is the best so far.
    """

    def __init__(self, settings: TrainingSettings, last: Path, export: Callable[[TrainingModule], None]) -> None:
        self.best: dict[str, float] = {}
        self.best_epoch = 0
        self.steps_per_epoch = 0
        self.expired = False
        self.converged = False
        self._validations: list[tuple[int, float]] = []  # step and loss
        self._settings = settings
        self._last = last
        self._export = export
        self._seconds_before = 0.0
        self._started = self._saved = time.monotonic()
        self._signal = 0  # that asked to stop
        self._handlers: dict[int, Any] = {}

    @property
    def seconds(self) -> float:
        """Wall time of the training so far, over all its resumptions."""
        return self._seconds_before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Errors of the best model, and the time spent."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "steps_per_epoch": self.steps_per_epoch,
            "seconds": self.seconds,
            "converged": self.converged,
            "validations": self._validations,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from those of the run that was interrupted."""
        self.best = state_dict["best"]
        self.best_epoch = state_dict["best_epoch"]
        self.steps_per_epoch = state_dict["steps_per_epoch"]
        self._seconds_before = state_dict["seconds"]
        self.converged = state_dict["converged"]
        self._validations = [(step, loss) for step, loss in state_dict["validations"]]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock and listen to signals."""
        assert isinstance(pl_module, TrainingModule)
        self.steps_per_epoch = pl_module.steps_per_epoch
        self._started = self._saved = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._stop_soon) for number in SIGNALS}

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the last epoch be validated whatever the rhythm."""
        assert isinstance(pl_module, TrainingModule)
        if pl_module.in_last_epoch:
            trainer.check_val_every_n_epoch = 1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Within an epoch: save when it is time or when asked to stop.

        Raises:
            StoppedBySignalError: a signal came.
        """
        assert isinstance(pl_module, TrainingModule)
        stop, expired, due = self._agreed(trainer, pl_module)
        if trainer.is_last_batch:
            return
        if trainer.global_step >= pl_module.total_steps:  # a validation follows, which ends the epoch
            trainer.should_stop = True
            return
        if not (stop or expired or due):
            return
        self._save(trainer)
        if stop:
            raise StoppedBySignalError(stop)
        if expired:
            self.expired = trainer.should_stop = True
            trainer.check_val_every_n_epoch = 1

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Export the model if it is the best so far.

        The validation in the midst of an epoch that `max_time` cut counts only if there is no model yet: a training
        that goes on from its checkpoint never had it.
        """
        assert isinstance(pl_module, TrainingModule)
        if self.expired and self.best:
            return
        errors = pl_module.validation
        self._validations.append((trainer.global_step, errors["loss"]))
        if not self.best or errors["loss"] < self.best["loss"]:
            self.best, self.best_epoch = errors, trainer.current_epoch + 1
            if trainer.is_global_zero:
                self._export(pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """At the end of an epoch: save if it was validated, and stop when that is due.

        Raises:
            StoppedBySignalError: a signal came.
        """
        if self.expired:  # the epoch was cut short, and its state is saved
            return
        assert isinstance(pl_module, TrainingModule)
        stop, self.expired, due = self._agreed(trainer, pl_module)
        self.converged = self._settings.until == "convergence" and is_flat(self._validations)
        validated = (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0
        if validated or stop or self.expired or due:
            self._save(trainer)
        if stop:
            raise StoppedBySignalError(stop)
        if self.expired or self.converged or pl_module.in_last_epoch:
            trainer.should_stop = True

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the handlers of signals that were there before."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore them after an error too; Lightning calls no `teardown` then."""
        self.teardown(trainer, pl_module, "fit")

    def _stop_soon(self, number: int, frame: FrameType | None) -> None:
        if self._signal and number == signal.SIGINT:
            raise KeyboardInterrupt  # asked twice: stop now, without the steps since the last checkpoint
        self._signal = number

    def _agreed(self, trainer: Trainer, module: LightningModule) -> tuple[int, bool, bool]:
        """Signal that asked to stop (0: none), out of time, checkpoint due: on all ranks what is so on one."""
        limit = self._settings.max_time
        wishes = (
            self._signal,
            limit is not None and self.seconds >= limit,
            time.monotonic() - self._saved >= self._settings.checkpoint_every,
        )
        if trainer.world_size == 1:
            return wishes
        together = trainer.strategy.reduce(
            torch.tensor(wishes, dtype=torch.float32, device=module.device), reduce_op="max"
        )
        stop, expired, due = together.tolist()
        return int(stop), bool(expired), bool(due)

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self._last)
        self._saved = time.monotonic()
