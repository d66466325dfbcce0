"""The Lightning trainer of a run, set up to be quick for small models and quiet."""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy, ParallelStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from . import LAST, TrainingError
from .bar import TrainingBar
from .checkpoints import AtomicCheckpointIO, Checkpoints, StoppedBySignalError, require_readable
from .cost_log import CostLog
from .costs import costs_of
from .logs import TrainingLog
from .module import TrainingModule
from .schedule import ENDLESS
from .slurm import cluster_environment

if TYPE_CHECKING:
    from alphanet.training.settings import TrainingSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parallel:
    """How many devices train together, as Lightning has it."""

    devices: int = 1
    nodes: int = 1
    strategy: str = "auto"


@dataclass(frozen=True)
class Outcome:
    """How a training ended."""

    epochs: int  # finished
    steps: int
    steps_per_epoch: int
    seconds: float  # wall time over all resumptions
    cpu_seconds: float  # of all processes
    gpu_seconds: float | None  # for which the training had GPUs
    flops: float | None  # floating-point operations of all steps, see `costs`
    step_seconds: float | None  # wall time of a step
    step_cpu_seconds: float | None  # of all processes
    best_epoch: int
    validation: dict[str, float]  # of the best model: loss, energy_mae (eV/atom), force_mae (eV/Å), stress_mae
    finished: bool  # false if `max_time` cut it before its last step


def make_trainer(
    settings: TrainingSettings, folder: Path, checkpoints: Checkpoints, parallel: Parallel | None = None
) -> Trainer:
    """The trainer of one run; it writes nothing yet.

    Raises:
        TrainingError: this machine has no such device or not so many, or SLURM started other tasks than they need.
    """
    parallel = parallel or Parallel()
    plugins: list[CheckpointIO | ClusterEnvironment] = [AtomicCheckpointIO()]
    if (environment := cluster_environment(parallel)) is not None:
        plugins.append(environment)
    accelerator, _, index = settings.device.partition(":")
    shown = sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)
    log = TrainingLog(folder, settings.log_every)
    bar = [TrainingBar(log)] if shown else []
    try:
        return Trainer(
            accelerator=accelerator,
            devices=[int(index)] if index.isdigit() else parallel.devices,
            num_nodes=parallel.nodes,
            strategy=_strategy(parallel),
            default_root_dir=folder,
            max_epochs=settings.epochs or -1,  # with max_steps a resumed epoch goes wrong; Checkpoints counts them
            check_val_every_n_epoch=min(settings.validate_every, settings.epochs or ENDLESS),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            # Sums over edges would depend on how threads happen to take turns; warn where CUDA has no other kernel.
            deterministic="warn",
            enable_progress_bar=False,
            enable_model_summary=False,
            logger=False,
            callbacks=[CostLog(), log, *bar, checkpoints],
            plugins=plugins,  # type: ignore[arg-type]
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        choice = f"device {settings.device!r}, devices {parallel.devices!r}, strategy {parallel.strategy!r}"
        raise TrainingError(f"cannot train with {choice}: {' '.join(str(error).split())}") from error


def fit(trainer: Trainer, module: TrainingModule, checkpoints: Checkpoints, folder: Path) -> Outcome:
    """Train, from the last checkpoint in `folder` if there is one.

    Raises:
        TrainingError: what stops being finite, an unreadable checkpoint, a full disk.
        KeyboardInterrupt: Ctrl-C asked to stop; the same call resumes. Another signal (SIGTERM, SIGUSR1) does what it
            would have done without a training, when a checkpoint is saved.
    """
    last, settings = folder / LAST, module.settings
    lightning: Any = trainer  # whose stubs do not have the list
    (costs,) = (callback for callback in lightning.callbacks if isinstance(callback, CostLog))
    module.meter = costs.meter
    step = require_readable(last) if last.exists() else 0
    if step:
        logger.info("resuming from %s at step %d", last, step)
    state = torch.load(last, map_location="cpu", weights_only=True) if step else {}
    if step:
        checkpoints.load_state_dict(state["callbacks"][checkpoints.state_key])
    # killed between the last checkpoint and the result
    if checkpoints.converged or (settings.steps is not None and step >= settings.steps):
        return Outcome(
            epochs=state["epoch"],
            steps=step,
            steps_per_epoch=checkpoints.steps_per_epoch,
            best_epoch=checkpoints.best_epoch,
            validation=checkpoints.best,
            finished=True,
            **costs_of(state["callbacks"][costs.state_key], step, trainer.world_size),
        )
    try:
        trainer.fit(module, ckpt_path=last if last.exists() else None, weights_only=True)
    except StoppedBySignalError as stopped:
        said = "interrupted at step %d; %s is saved, the same command resumes from it"
        logger.info(said, trainer.global_step, last)
        signal.raise_signal(stopped.number)  # its former handler is back
        raise KeyboardInterrupt from None
    return Outcome(
        epochs=trainer.global_step // module.steps_per_epoch,
        steps=trainer.global_step,
        steps_per_epoch=checkpoints.steps_per_epoch,
        best_epoch=checkpoints.best_epoch,
        validation=checkpoints.best,
        finished=checkpoints.converged or trainer.global_step == module.total_steps,
        **costs.meter.costs(trainer.global_step, trainer.world_size),
    )


def agree_before_start(trainer: Trainer) -> None:
    """Wait until all ranks are here, if something else than Lightning started them (SLURM, torchrun).

    Ranks that Lightning starts are started by rank 0 later, when its files are written.
    """
    strategy = trainer.strategy
    if not isinstance(strategy, ParallelStrategy) or isinstance(strategy.cluster_environment, LightningEnvironment):
        return
    if trainer.world_size > 1:
        strategy.setup_environment()
        strategy.barrier()


@contextlib.contextmanager
def quiet_lightning() -> Iterator[None]:
    """Silence Lightning's hints (devices found, tips, number of workers); its real warnings pass."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=PossibleUserWarning)
        warnings.filterwarnings("ignore", message=".*LeafSpec", module="lightning")
        warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")  # older torch knows no other
        for logger in loggers:
            logger.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _strategy(parallel: Parallel) -> str | DDPStrategy:
    """DDP if there are several devices.

    The last layers' vectorial parts have no gradient, hence `find_unused_parameters`. Buffers are constant, and sending
    them around would hang if ranks validate different numbers of batches.
    """
    several = parallel.nodes > 1 or parallel.devices != 1
    if parallel.strategy in ("auto", "ddp") and several:
        return DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)
    return parallel.strategy
