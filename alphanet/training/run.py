"""Run a training of any model: from settings and two stores to a folder with the best model."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import nn

from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.graph import AtomGraph, collate
from alphanet.hardware import device_count, resolve_device
from alphanet.model.alphanet import AlphaNet
from alphanet.model.base import InteratomicModel
from alphanet.model.checkpoint import DTYPES, save_model
from alphanet.model.create import create_model
from alphanet.model.prediction import predict
from alphanet.model.unit_messages import set_unit_messages
from alphanet.potentials.cards import BaselineCard, find_baseline
from alphanet.potentials.environments import resolved_versions
from alphanet.potentials.kit.loop import METRICS, TrainingError
from alphanet.potentials.kit.loop.adapters import plain
from alphanet.potentials.kit.loop.checkpoints import Checkpoints
from alphanet.potentials.kit.loop.convergence import is_flat
from alphanet.potentials.kit.loop.data import GraphDataset, Prediction
from alphanet.potentials.kit.loop.module import Predict, TrainingModule
from alphanet.potentials.kit.loop.sampling import pack
from alphanet.potentials.kit.loop.slurm import require_one_task
from alphanet.potentials.kit.loop.table import validations
from alphanet.potentials.kit.loop.trainer import Parallel, agree_before_start, fit, make_trainer, quiet_lightning
from alphanet.potentials.remote import RemotePotential
from alphanet.potentials.settings import BaselineSettings, architecture
from alphanet.provenance import code, software
from alphanet.training.baseline_start import Start, baseline_start
from alphanet.training.blocks.model import in_blocks
from alphanet.training.config import AlphaNetSettings
from alphanet.training.data import LabeledFrames
from alphanet.training.fine_tuning import fine_tuned
from alphanet.training.folder import RunFolder, TrainingResult
from alphanet.training.readout import solve_readout, with_readout
from alphanet.training.references import Statistics, reference_energies
from alphanet.training.settings import LossSettings, TrainingSettings, planned_steps

PROVENANCE_KEY = "alphanet_training"
UNIT_FRAMES = 8  # training frames on which the size of initial messages is measured
SILENCE = 3600.0  # seconds without a sign of life after which a baseline's trainer counts as hung
logger = logging.getLogger(__name__)


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
class StoredFrames:
    """Stores of frames, and the files that they come from with their sha256."""

    train: Path
    valid: Path
    sources: Mapping[str, str]


def run_training(
    settings: AlphaNetSettings | BaselineSettings, data: TrainingData, out: Path, *, resume: bool = True
) -> TrainingResult:
    """Train a model, or resume an interrupted training.

    Args:
        settings: of the training; their type says what is trained.
        data: stores of training and validation frames.
        out: folder of the run; what it holds is in `alphanet.training.folder`.
        resume: continue from the last checkpoint in `out`; if False, remove the files of an earlier run.

    Raises:
        UserError: labels are missing or not finite, a loss or prediction becomes NaN or infinite, the folder holds
            another training, or the disk is full; a baseline's environment is missing or its trainer fails.
        KeyboardInterrupt: Ctrl-C asked to stop; the same call resumes.
    """
    folder = RunFolder(Path(out))
    try:
        if isinstance(settings, BaselineSettings):
            return _train_baseline(settings, data, folder, resume=resume)
        return _train_alphanet(settings, data, folder, resume=resume)
    except TrainingError as error:
        raise UserError(str(error)) from error


def _train_alphanet(
    settings: AlphaNetSettings, data: TrainingData, folder: RunFolder, *, resume: bool
) -> TrainingResult:
    """Train AlphaNet in this process and those that Lightning starts beside it."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    checkpoints = Checkpoints(settings, folder.last, lambda module: _export(module, folder, data))
    with quiet_lightning(), torch.random.fork_rng():
        count = device_count(settings.device) if settings.devices == "auto" else settings.devices
        parallel = Parallel(count, settings.nodes, settings.strategy)
        trainer = make_trainer(settings, folder.path, checkpoints, parallel)
        frames = LabeledFrames(data.train, settings.limit_train), LabeledFrames(data.valid)
        if len(frames[1]) < trainer.world_size:
            raise UserError(
                f"{data.valid}: {len(frames[1])} validation frames cannot be shared by {trainer.world_size} processes "
                "(devices × nodes); train with fewer, or validate on more frames"
            )
        if trainer.is_global_zero:
            _start(settings, data, folder, frames, resume=resume)
        else:
            logging.getLogger("alphanet").setLevel(logging.WARNING)  # rank 0 does the talking
        agree_before_start(trainer)
        if (before := folder.earlier_result(settings)) is not None:
            return before
        statistics = folder.statistics(data.sources, frames, _method(settings))
        model = _model(settings, statistics, frames[0])
        references = dict(zip(model.config.elements, model.reference.energies.tolist(), strict=True))
        logger.info("%s", statistics.describe(references))
        cache_mb = settings.cache_mb // max(1, settings.num_workers)  # each worker has its own
        train_set, valid_set = (GraphDataset(part, model.graph, collate, cache_mb, UserError) for part in frames)
        module = TrainingModule(
            model,
            settings,
            (train_set, valid_set),
            predictor(settings),
            packed=_packed(settings, train_set),
            num_workers=settings.num_workers,
        )
        outcome = fit(trainer, module, checkpoints, folder.path)
        if settings.solve_readout and outcome.finished and trainer.is_global_zero:
            solved = solve_readout(folder.model, PROVENANCE_KEY, (train_set, valid_set), settings, predictor(settings))
            outcome = with_readout(outcome, solved)
    result = TrainingResult(
        **asdict(outcome),
        name="alphanet",
        model=folder.model,
        sha256=sha256_of(folder.model),
        parameters=sum(values.numel() for values in plain(model).parameters()),
        frames=len(train_set),
        converged=_has_converged(folder),
        planned_steps=planned_steps(settings, outcome.steps_per_epoch),
        elements=tuple(model.config.elements),
        reference_energies=references,
        energy_weight=settings.loss.energy_weights(statistics.atoms_per_frame),
        settings=settings.model_dump(mode="json"),
        sources=dict(data.sources),
    )
    return folder.write_result(result) if trainer.is_global_zero else result


def _train_baseline(
    settings: BaselineSettings, data: TrainingData, folder: RunFolder, *, resume: bool
) -> TrainingResult:
    """Train a baseline in its environment, with the loop of AlphaNet or with its package's own trainer."""
    card = find_baseline(settings.baseline)
    require_one_task(card.name)
    device = resolve_device(settings.device)
    threads = settings.threads or 1
    with RemotePotential(card, device=device, threads=threads, timeout=SILENCE) as potential:
        frames = LabeledFrames(data.train, settings.limit_train), LabeledFrames(data.valid)
        _start(settings, data, folder, frames, resume=resume)
        if (before := folder.earlier_result(settings)) is not None:
            return before
        statistics = folder.statistics(data.sources, frames, _method(settings))
        if card.fixed_settings and (lacking := statistics.lacking()):
            raise UserError(f"{card.name}: its own trainer needs every label, and {lacking}; train another model")
        if settings.finetune is None:
            start = _from_nothing(card, settings, statistics)
        else:
            start = baseline_start(card, settings, statistics, frames[0], folder, device)
        logger.info("%s", statistics.describe(start.references))
        request = settings.model_dump(mode="json") | {
            "loss": _loss(card, settings, statistics).model_dump(mode="json"),
            "train": str(data.train.resolve()),
            "valid": str(data.valid.resolve()),
            "out": str(folder.path.resolve()),
            "device": device,
            "threads": threads,
            "stress": card.stress,
            **start.request,
        }
        folder.trainer.mkdir(parents=True, exist_ok=True)
        answer = potential.train(request)
    result = TrainingResult(
        **answer.model_dump(),
        name=card.name,
        model=folder.model,
        sha256=sha256_of(folder.model),
        frames=len(frames[0]),
        converged=_has_converged(folder),
        planned_steps=planned_steps(settings, answer.steps_per_epoch),
        elements=start.elements,
        reference_energies=start.references,
        energy_weight=settings.loss.energy_weights(statistics.atoms_per_frame),
        settings=settings.model_dump(mode="json"),
        sources=dict(data.sources),
        versions=resolved_versions(card),
    )
    return folder.write_result(result)


def _start(
    settings: TrainingSettings,
    data: TrainingData,
    folder: RunFolder,
    frames: tuple[LabeledFrames, LabeledFrames],
    *,
    resume: bool,
) -> None:
    """Claim the folder and measure the data."""
    folder.claim(settings, resume=resume)
    if folder.read_result() is None:
        logger.info("%s", folder.tree())
    for line in folder.statistics(data.sources, frames, _method(settings)).doubts(settings.loss):
        logger.warning("%s", line)


def _has_converged(folder: RunFolder) -> bool:
    return is_flat([(int(row["step"]), row["valid_loss"]) for row in validations(folder.path / METRICS)])


def _method(settings: TrainingSettings) -> str:
    """How reference energies are fitted; given ones are used as they are, and the fit is for the log alone."""
    choice = settings.reference_energies
    return choice if isinstance(choice, str) and choice != "none" else "huber"


def _references(settings: TrainingSettings, elements: tuple[str, ...], statistics: Statistics) -> dict[str, float]:
    return reference_energies(settings.reference_energies, elements, statistics.reference_energies)


def _from_nothing(card: BaselineCard, settings: BaselineSettings, statistics: Statistics) -> Start:
    elements = tuple(sorted(settings.elements or statistics.elements))
    references = _references(settings, elements, statistics)
    return Start(architecture(card, settings), elements, references, _scale(settings, statistics))


def _loss(card: BaselineCard, settings: BaselineSettings, statistics: Statistics) -> LossSettings:
    """The loss in the convention that the baseline's trainer knows."""
    if card.energy_loss == "per_atom":
        return settings.loss.counted_per_atom(statistics.atoms_per_frame)
    return settings.loss


def _scale(settings: TrainingSettings, statistics: Statistics) -> float:
    return (statistics.force_rms or 1.0) if settings.energy_scale == "force_rms" else settings.energy_scale


def _model(settings: AlphaNetSettings, statistics: Statistics, frames: LabeledFrames) -> InteratomicModel:
    if settings.finetune is not None:
        given = settings.reference_energies
        return fine_tuned(settings.finetune, statistics, frames, given, settings.precision, settings.seed)
    model = create_model(settings.network(statistics.elements), seed=settings.seed)
    model.set_reference(_references(settings, model.config.elements, statistics), _scale(settings, statistics))
    if settings.unit_messages:
        chosen = evenly_spaced(len(frames), UNIT_FRAMES)
        set_unit_messages(cast(AlphaNet, model), collate([model.graph(frames[int(index)]) for index in chosen]))
    return model.to(DTYPES[settings.precision])


def predictor(settings: AlphaNetSettings) -> Predict:
    """How a training's steps and validations predict."""

    def answer(model: nn.Module, graph: AtomGraph, stress: bool, training: bool) -> Prediction:
        energies: Any = in_blocks(cast(InteratomicModel, model)) if training and settings.edge_blocks else model
        full = predict(energies, graph, stress=stress, create_graph=training)
        return Prediction(full.energy, full.forces, full.stress)

    return answer


def _packed(settings: AlphaNetSettings, data: GraphDataset) -> list[list[int]] | None:
    if settings.edge_budget is None:
        return None
    sizes = np.array([data[index].graph.n_edges for index in range(len(data))])
    return pack(sizes, settings.edge_budget, settings.batch_size, settings.seed)


def _export(module: TrainingModule, folder: RunFolder, data: TrainingData) -> None:
    settings = module.settings.model_dump_json()
    provenance = {
        "config": json.loads(settings),
        "config_sha256": hashlib.sha256(settings.encode()).hexdigest(),
        "sources": dict(data.sources),
        "seed": module.settings.seed,
        "epoch": module.trainer.current_epoch + 1,
        "step": module.trainer.global_step,
        "validation": module.validation,
        "software": software(),
        "code": code(),
    }
    best = cast(InteratomicModel, plain(module.best_model))
    save_model(best, folder.model, extra={PROVENANCE_KEY: json.dumps(provenance)})
