"""The Lightning trainer of a run, set up to be quick for small models and quiet."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from lightning.fabric.utilities.warnings import PossibleUserWarning
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.plugins.environments import LightningEnvironment, SLURMEnvironment
from lightning.pytorch.strategies import DDPStrategy, ParallelStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from alphanet.errors import UserError
from alphanet.training.checkpoints import AtomicCheckpointIO, Checkpoints
from alphanet.training.config import TrainConfig
from alphanet.training.folder import RunFolder
from alphanet.training.logs import BoardLogger, CsvLogger, Metrics


def make_trainer(config: TrainConfig, folder: RunFolder, checkpoints: Checkpoints, progress: Callback) -> Trainer:
    """The trainer of one run; it writes nothing yet.

    Raises:
        UserError: this machine has no such accelerator or not so many devices.
    """
    plugins: list[CheckpointIO | ClusterEnvironment] = [AtomicCheckpointIO()]
    if SLURMEnvironment.detect():
        # Checkpoints saves on SLURM's signals, at the end of a step; Lightning would in the midst of one.
        plugins.append(SLURMEnvironment(auto_requeue=False))
    loggers: list[Logger] = [CsvLogger(folder.logs / "metrics.csv"), BoardLogger(folder.logs)]
    accelerator, _, index = config.accelerator.partition(":")
    settings: dict[str, Any] = {
        "accelerator": accelerator,
        "devices": [int(index)] if index.isdigit() else config.devices,
        "num_nodes": config.nodes,
        "strategy": _strategy(config),
    }
    try:
        return Trainer(
            **settings,
            default_root_dir=folder.path,
            max_epochs=config.epochs,
            check_val_every_n_epoch=min(config.validate_every, config.epochs),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            # Sums over edges would depend on how threads happen to take turns; warn where CUDA has no other kernel.
            deterministic="warn",
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=config.log_every,
            logger=loggers,
            callbacks=[Metrics(config.log_every), progress, checkpoints],
            plugins=plugins,  # type: ignore[arg-type]
        )
    except (MisconfigurationException, ValueError) as error:
        asked = f"accelerator {config.accelerator!r}, devices {config.devices!r}, strategy {config.strategy!r}"
        raise UserError(f"cannot train with {asked}: {' '.join(str(error).split())}") from error


def agree_before_start(trainer: Trainer) -> None:
    """Wait until all ranks are here, where something else than Lightning started them (SLURM, torchrun).

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


def _strategy(config: TrainConfig) -> str | DDPStrategy:
    """DDP where several devices are asked for.

    The last layers' vectorial parts have no gradient, hence `find_unused_parameters`. Buffers are constant, and sending
    them around would hang where ranks validate different numbers of batches.
    """
    several = (
        config.nodes > 1
        or config.devices not in (1, "auto")
        or (config.devices == "auto" and torch.cuda.device_count() > 1)
    )
    if config.strategy in ("auto", "ddp") and several:
        return DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)
    return config.strategy
