"""The protocol of every potential, wherever it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ase import Atoms
from pydantic import Field, JsonValue, PositiveFloat

from alphanet.cards import Card
from alphanet.errors import UserError
from alphanet.spread import Spread


@dataclass(frozen=True)
class FramePrediction:
    """Predictions for one structure of n atoms."""

    energy: float  # eV
    forces: np.ndarray  # (n, 3) eV/Å
    stress: np.ndarray | None = None  # (3, 3) eV/Å^3, dE/dstrain / V; None if the structure is not periodic
    energies: np.ndarray | None = None  # (n,) eV, of the atoms; None if the potential has none
    spread: Spread | None = None  # of a committee, about these means; None of a single potential


class LoadRequest(Card):
    """The request by which a worker loads its model: a file, weights in its package, or an architecture."""

    checkpoint: str | None = None
    """A file"""
    carried: str | None = None
    """A name that the package knows"""
    architecture: dict[str, JsonValue] = Field(default_factory=dict)
    elements: tuple[str, ...] = ()
    seed: int = 0
    amplification: float = 1.0
    """Factor on random weights; a worker that applies it says so in its info"""
    stress: bool = True
    dtype: str = "float32"
    device: str = "cpu"
    threads: int = 1


class StartAnswer(Card):
    """A worker's answer about weights that a training starts from."""

    architecture: dict[str, JsonValue]
    """In the package's own words"""
    elements: tuple[str, ...] | None
    """In the order of the network's tables; None if it has rows for all"""
    references: dict[str, float]
    """Energies of the elements, eV"""
    energy_scale: PositiveFloat
    """eV"""


class TrainingAnswer(Card):
    """A worker's answer about a training that has ended."""

    epochs: int
    """Finished"""
    steps: int
    steps_per_epoch: int
    seconds: float
    """Wall time over all resumptions, of steps, validations and checkpoints, as the other times"""
    cpu_seconds: float
    """Of all threads and processes that train"""
    gpu_seconds: float | None = None
    """For which the training had GPUs; None without one"""
    flops: float | None = None
    """Floating-point operations of all steps, from one that was counted; None if none could be"""
    step_seconds: float | None = None
    """Wall time of a step, on average after the first ones; None if there were too few"""
    step_cpu_seconds: float | None = None
    """Time of all processors for a step, likewise"""
    best_epoch: int
    validation: dict[str, float]
    """Of the best weights: loss, energy_mae (eV/atom), force_mae (eV/Å), and stress_mae (eV/Å^3) if it counts"""
    parameters: int
    finished: bool
    """Whether the training took all its steps; `max_time` cuts it otherwise"""
    peak_memory: int | None = None
    """Bytes, of a baseline's processes"""


class Potential(Protocol):
    """A potential that can be measured."""

    name: str

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order; the frames are not changed.

        Raises:
            UserError: an element the potential does not know, or a prediction that is not finite.
        """
        ...

    def provenance(self) -> dict[str, JsonValue]:
        """The origin of the numbers: weights' sha256, versions, precision, device, settings."""
        ...

    def close(self) -> None:
        """Release what the potential holds: a worker process, device memory."""
        ...


def frame_predictions(
    name: str, frames: Sequence[Atoms], first: int, energies: Any, forces: Any, stresses: Any
) -> list[FramePrediction]:
    """Predictions of a batch of B structures with N atoms from its arrays; stresses only where all is periodic.

    Args:
        name: of the potential.
        frames: the structures.
        first: place of the first one among all.
        energies: (B,) eV.
        forces: (N, 3) eV/Å.
        stresses: (B, 3, 3) eV/Å^3; None if the potential gives none.

    Raises:
        UserError: a number is not finite; names the potential and the structure.
    """
    of_frames = np.split(np.asarray(forces, dtype=np.float64), np.cumsum([len(atoms) for atoms in frames])[:-1])
    predictions = []
    for index, (atoms, own) in enumerate(zip(frames, of_frames, strict=True)):
        given = stresses is not None and atoms.pbc.all()
        stress = np.asarray(stresses[index], dtype=np.float64) if given else None
        energy = float(energies[index])
        if not np.isfinite([energy, own.sum(), 0.0 if stress is None else stress.sum()]).all():
            raise UserError(f"{name}: the prediction for frame {first + index} ({atoms.symbols}) is not finite")
        predictions.append(FramePrediction(energy, own, stress))
    return predictions
