"""Trainers: each trains one kind of potential on prepared data and opens it for evaluation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import JsonValue

from alphanet.benchmark.kinds.accuracy.released import ReleasedTrainer, ReleasedWeights
from alphanet.benchmark.kinds.accuracy.trivial import (
    CopiedFrames,
    LastStepTrainer,
    MeanFit,
    MeanTrainer,
    NearestFrameTrainer,
    ReferenceFit,
    ZeroForcesTrainer,
)
from alphanet.data.prepare import PreparedData
from alphanet.potentials.protocol import Potential
from alphanet.training.folder import TrainingResult

if TYPE_CHECKING:
    from alphanet.potentials.remote import RemotePotential
    from alphanet.potentials.settings import BaselineSettings
    from alphanet.training.config import AlphaNetSettings


@dataclass(frozen=True)
class TrainingRequest:
    """One training: its model, its data and its limits."""

    data: PreparedData
    settings: dict[str, JsonValue]  # the benchmark card's, for this trainer
    seed: int
    dtype: str
    device: str
    epochs: int | None  # the number in the trainer's own settings if None
    max_time: float | None  # seconds; a guard that never changes how a finished training was trained
    steps: int | None = None  # at most; the settings' number if None
    train_frames: int | None = None  # number of training frames in `data`; all if None
    only: Mapping[str, str] = field(default_factory=dict)  # patterns of the training and validation frames in `data`
    valid_frames: int | None = None  # most validation frames in `data`; all if None


Trained = TrainingResult | MeanFit | ReferenceFit | CopiedFrames | ReleasedWeights


class Trainer(Protocol):
    """Trains one kind of potential. `train` resumes the training in its folder."""

    seeded: bool  # whether another seed gives another potential

    def code(self) -> list[str | Path]:
        """Sources that the trained weights depend on, inside the package or as absolute paths."""
        ...

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:
        """Epochs of a training with `settings`; None if they are not known."""
        ...

    def prepare(self) -> None:
        """Make the environment that the training needs.

        Raises:
            UserError: it cannot be made here.
        """
        ...

    def train(self, request: TrainingRequest, out: Path) -> Trained:
        """Train into `out`; the path of the weights in the result is relative to `out`.

        Raises:
            UserError: it cannot be trained here, or the training failed.
        """
        ...

    def open(self, request: TrainingRequest, out: Path, trained: Trained) -> Potential:
        """The trained potential."""
        ...


class AlphaNetTrainer:
    """Trains AlphaNet in this process, from the preset of the data set and scale."""

    seeded = True

    def code(self) -> list[str | Path]:
        """The sources of model, training and neighbor lists."""
        return ["model", "training", "potentials/kit/loop", "graph.py", "neighbors.py"]

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:
        """The epochs of the settings, or else of the data set's card."""
        return _epochs("alphanet", dataset, scale, settings)

    def prepare(self) -> None:
        """Return at once: AlphaNet is trained in this process."""

    def train(self, request: TrainingRequest, out: Path) -> TrainingResult:
        """`alphanet train` with the benchmark card's settings over the data set's."""
        return _trained("alphanet", request, out)

    def open(self, request: TrainingRequest, out: Path, trained: Trained) -> Potential:
        """The exported weights."""
        from alphanet.potentials.local import AlphaNetPotential

        assert isinstance(trained, TrainingResult)
        return AlphaNetPotential(out / trained.model, dtype=request.dtype, device=request.device)


class BaselineTrainer:
    """Trains a baseline with its own trainer, in its own environment, which is made if it is missing."""

    seeded = True

    def __init__(self, name: str) -> None:
        """Read the card that `name` names, or whose path it is."""
        from alphanet.potentials.cards import find_baseline

        self._card = find_baseline(name)

    def code(self) -> list[str | Path]:
        """The baseline's worker, and its card with the versions in it."""
        return [*self._card.places, "potentials/kit", "training/references.py"]

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:
        """The epochs of the settings, or else of the card's preset."""
        return _epochs(self._card.known_as, dataset, scale, settings)

    def prepare(self) -> None:
        """Make the environment if it is missing."""
        from alphanet.potentials.environments import install_if_missing

        install_if_missing(self._card)

    def train(self, request: TrainingRequest, out: Path) -> TrainingResult:
        """The worker's training."""
        self.prepare()
        return _trained(self._card.known_as, request, out)

    def open(self, request: TrainingRequest, out: Path, trained: Trained) -> Potential:
        """The trained weights in a worker; its environment may have been removed since the training."""
        assert isinstance(trained, TrainingResult)
        self.prepare()
        return self._potential(request, out / trained.model)

    def _potential(self, request: TrainingRequest, model: Path | None = None) -> "RemotePotential":
        import torch

        from alphanet.potentials.remote import RemotePotential

        threads = torch.get_num_threads()  # what AlphaNet gets in this process
        return RemotePotential(self._card, model=model, dtype=request.dtype, device=request.device, threads=threads)


def _epochs(model: str, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:
    from alphanet.training.defaults import settings_for

    return settings_for(model, dataset, scale, settings).epochs


def _trained(model: str, request: TrainingRequest, out: Path) -> TrainingResult:
    """Train as `alphanet train` does."""
    from alphanet.training.run import run_training

    result = run_training(request_settings(model, request), request.data, out)
    return result.model_copy(update={"model": result.model.relative_to(out)})


def request_settings(model: str, request: TrainingRequest) -> "AlphaNetSettings | BaselineSettings":
    """The settings of the training that `request` asks for.

    Raises:
        UserError: one of them is wrong.
    """
    import torch

    from alphanet.training.defaults import settings_for

    limits = {"epochs": request.epochs, "steps": request.steps, "max_time": request.max_time}
    values = {**request.settings, "seed": request.seed, "precision": request.dtype, "device": request.device}
    values |= {name: value for name, value in limits.items() if value is not None}
    if model != "alphanet":
        values["threads"] = torch.get_num_threads()  # those of AlphaNet in this process
    return settings_for(model, request.data.name, request.data.scale, values)


TRAINERS: dict[str, Callable[[], Trainer]] = {
    "mean": MeanTrainer,
    "zero-forces": ZeroForcesTrainer,
    "nearest-frame": NearestFrameTrainer,
    "last-step": LastStepTrainer,
    "alphanet": AlphaNetTrainer,
}
"""Model -> trainer; every other model is a baseline."""


def is_released(model: str) -> bool:
    """Whether `model` names released weights, `BASELINE:CHECKPOINT`."""
    return model not in TRAINERS and ":" in model


def trainer_of(model: str, mirror: str | None = None) -> Trainer:
    """The trainer of a trivial potential, of `alphanet`, or of a baseline card; `BASELINE:CHECKPOINT` is not trained.

    Args:
        model: of the row.
        mirror: an address that serves `HOST/PATH` of released weights.

    Raises:
        UserError: no such potential or checkpoint.
    """
    if make := TRAINERS.get(model):
        return make()
    return ReleasedTrainer(model, mirror) if is_released(model) else BaselineTrainer(model)
