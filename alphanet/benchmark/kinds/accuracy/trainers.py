"""Trainers: each trains one kind of potential on prepared data and opens it for evaluation."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alphanet.data.prepare import PreparedData
from alphanet.potentials.protocol import Potential

if TYPE_CHECKING:
    from alphanet.potentials.remote import RemotePotential


@dataclass(frozen=True)
class TrainingRequest:
    """One training: what, on what, and within which limits."""

    data: PreparedData
    settings: dict[str, Any]  # the benchmark card's, for this trainer
    seed: int
    dtype: str
    device: str
    epochs: int | None  # None: the number in the trainer's own settings
    max_time: float | None  # seconds
    train_frames: int | None = None  # number of training frames in `data`; None: all


class Trainer(Protocol):
    """Trains one kind of potential. `train` resumes what it finds in its folder."""

    seeded: bool  # whether another seed gives another potential

    def code(self) -> list[str | Path]:
        """Sources that the trained weights depend on, inside the package or as absolute paths."""
        ...

    def prepare(self) -> None:
        """Make what training needs beside the data: an environment.

        Raises:
            UserError: it cannot be made here.
        """
        ...

    def train(self, request: TrainingRequest, out: Path) -> dict[str, Any]:
        """Train into `out`; returns plain values: `model` (relative to `out`), `epochs`, `seconds` and more.

        Raises:
            UserError: it cannot be trained here, or the training failed.
        """
        ...

    def open(self, request: TrainingRequest, out: Path, trained: dict[str, Any]) -> Potential:
        """The trained potential."""
        ...


class MeanTrainer:
    """Takes the mean energy of the training frames."""

    seeded = False

    def code(self) -> list[str | Path]:
        """Its only source."""
        return ["potentials/mean.py"]

    def prepare(self) -> None:
        """Nothing."""

    def train(self, request: TrainingRequest, out: Path) -> dict[str, Any]:  # noqa: ARG002
        """One pass over the training frames."""
        from alphanet.data.store import FrameStore
        from alphanet.potentials.mean import MeanPotential

        started = time.monotonic()
        fitted = MeanPotential.fit(FrameStore(request.data.train)).provenance()
        return {"seconds": time.monotonic() - started, "energy_per_atom": fitted["energy_per_atom"]}

    def open(self, request: TrainingRequest, out: Path, trained: dict[str, Any]) -> Potential:  # noqa: ARG002
        """The potential of that mean."""
        from alphanet.potentials.mean import MeanPotential

        return MeanPotential(trained["energy_per_atom"])


class AlphaNetTrainer:
    """Trains AlphaNet in this process, from the preset of the data set and scale."""

    seeded = True

    def code(self) -> list[str | Path]:
        """Model, training and neighbour lists."""
        return ["model", "training", "graph.py", "neighbors.py"]

    def prepare(self) -> None:
        """Nothing: it is trained in this process."""

    def train(self, request: TrainingRequest, out: Path) -> dict[str, Any]:
        """`alphanet train` with the card's settings over the preset's."""
        from alphanet.training.config import preset_config
        from alphanet.training.run import train

        limits = {"epochs": request.epochs, "max_time": request.max_time}
        asked = {**request.settings, "seed": request.seed, "precision": request.dtype, "accelerator": request.device}
        asked |= {name: value for name, value in limits.items() if value is not None}
        overrides = [f"{key}={json.dumps(value)}" for key, value in asked.items()]
        config = preset_config(request.data.name, request.data.scale, overrides)
        result = train(config, request.data, out, resume=True)
        return {
            "model": str(result.model_path.relative_to(out)),
            "epochs": result.epochs,
            "seconds": result.seconds,
            "settings": config.model_dump(mode="json"),
        }

    def open(self, request: TrainingRequest, out: Path, trained: dict[str, Any]) -> Potential:
        """The exported weights."""
        from alphanet.potentials.local import AlphaNetPotential

        return AlphaNetPotential(out / trained["model"], dtype=request.dtype, device=request.device)


class BaselineTrainer:
    """Trains a baseline with its own trainer, in its own environment, which is made where it is missing."""

    seeded = True

    def __init__(self, name: str) -> None:
        """Read the card `name`."""
        from alphanet.potentials.cards import load_baseline

        self._card = load_baseline(name)

    def code(self) -> list[str | Path]:
        """Its worker, and its card with the versions in it."""
        return [*self._card.places, "potentials/kit"]

    def prepare(self) -> None:
        """The environment, where it is missing."""
        from alphanet.potentials.environments import install, is_installed

        if not is_installed(self._card):
            install(self._card)

    def train(self, request: TrainingRequest, out: Path) -> dict[str, Any]:
        """The worker's training."""
        self.prepare()
        limits = {"epochs": request.epochs, "max_time": request.max_time}
        settings = {**request.settings, "seed": request.seed, "precision": request.dtype}
        settings |= {name: value for name, value in limits.items() if value is not None}
        with self._potential(request) as potential:
            trained = potential.train(request.data.train, request.data.valid, out, settings)
        return {**trained, "model": str(trained["model"].relative_to(out.resolve()))}

    def open(self, request: TrainingRequest, out: Path, trained: dict[str, Any]) -> Potential:
        """The trained weights in a worker; its environment may have been removed since the training."""
        self.prepare()
        return self._potential(request, out / trained["model"])

    def _potential(self, request: TrainingRequest, model: Path | None = None) -> "RemotePotential":
        import torch

        from alphanet.potentials.remote import RemotePotential

        threads = torch.get_num_threads()  # what AlphaNet gets in this process
        return RemotePotential(self._card, model=model, dtype=request.dtype, device=request.device, threads=threads)


TRAINERS: dict[str, Callable[[], Trainer]] = {"mean": MeanTrainer, "alphanet": AlphaNetTrainer}
"""By model; every other model is a baseline."""


def trainer_of(model: str) -> Trainer:
    """The trainer of `mean`, `alphanet`, or a baseline card.

    Raises:
        UserError: no such potential.
    """
    make = TRAINERS.get(model)
    return make() if make else BaselineTrainer(model)
