"""Trainers of potentials that learn nothing: what a trained one has to beat. They are deterministic."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from alphanet.cards import Card, validate

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.benchmark.kinds.accuracy.trainers import Trained, TrainingRequest
    from alphanet.potentials.protocol import Potential


class _Fit(Card):
    """What every fit has."""

    seconds: float
    stop: str = ""  # as `TrainingResult.stop`; nothing stops it


class MeanFit(_Fit):
    """The fit of `mean`."""

    energy_per_atom: float  # eV


class ReferenceFit(_Fit):
    """The fit of `zero-forces`."""

    reference_energies: dict[str, float]  # eV


class CopiedFrames(_Fit):
    """The training frames whose labels are copied."""

    training_frames: int


class CopySettings(Card):
    """Settings of a potential that copies labels."""

    limit_train: int | None = None  # copy from this many training frames, evenly spaced; from all if None


class _TrivialTrainer:
    """What they have in common: no seed, no environment, one pass over the frames."""

    seeded: bool = False
    sources: tuple[str, ...]

    def code(self) -> list[str | Path]:
        """Its sources."""
        return list(self.sources)

    def epochs(self, dataset: str, scale: str, settings: Mapping[str, JsonValue]) -> int | None:  # noqa: ARG002
        """One pass."""
        return 1

    def prepare(self) -> None:
        """Nothing."""


class MeanTrainer(_TrivialTrainer):
    """Takes the mean energy of the training frames."""

    sources = ("potentials/mean.py",)

    def train(self, request: "TrainingRequest", out: Path) -> MeanFit:  # noqa: ARG002
        """The mean energy per atom."""
        from alphanet.data.store import FrameStore
        from alphanet.potentials.mean import MeanPotential

        started = time.monotonic()
        fitted = MeanPotential.fit(FrameStore(request.data.train))
        return MeanFit(seconds=time.monotonic() - started, energy_per_atom=fitted.energy_per_atom)

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "Potential":  # noqa: ARG002
        """The potential of that mean."""
        from alphanet.potentials.mean import MeanPotential

        assert isinstance(trained, MeanFit)
        return MeanPotential(trained.energy_per_atom)


class ZeroForcesTrainer(_TrivialTrainer):
    """Fits the reference energies that every training starts from."""

    sources = ("potentials/zero_forces.py", "training/references.py")

    def train(self, request: "TrainingRequest", out: Path) -> ReferenceFit:  # noqa: ARG002
        """The reference energies, fitted as for a network."""
        from alphanet.training.data import LabeledFrames
        from alphanet.training.references import measure

        started = time.monotonic()
        fitted = measure(LabeledFrames(request.data.train), LabeledFrames(request.data.valid)).reference_energies
        return ReferenceFit(seconds=time.monotonic() - started, reference_energies=fitted)

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "Potential":  # noqa: ARG002
        """The potential of those energies."""
        from alphanet.potentials.zero_forces import ZeroForcesPotential

        assert isinstance(trained, ReferenceFit)
        return ZeroForcesPotential(trained.reference_energies)


class _CopyTrainer(_TrivialTrainer):
    """Keeps nothing: the labels are read from the training frames when the potential is opened."""

    def train(self, request: "TrainingRequest", out: Path) -> CopiedFrames:  # noqa: ARG002
        """The number of training frames, whose labels are checked."""
        started = time.monotonic()
        frames = _frames(request)
        return CopiedFrames(seconds=time.monotonic() - started, training_frames=len(frames))


class NearestFrameTrainer(_CopyTrainer):
    """Copies labels of the nearest training frame."""

    sources = ("potentials/nearest_frame.py", "potentials/copied_frame.py", "potentials/mean.py")

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "Potential":  # noqa: ARG002
        """The potential of the training frames."""
        from alphanet.potentials.nearest_frame import NearestFramePotential

        return NearestFramePotential(_frames(request))


class LastStepTrainer(_CopyTrainer):
    """Copies labels of the last training step of the same trajectory."""

    sources = ("potentials/last_step.py", "potentials/copied_frame.py", "potentials/mean.py")

    def open(self, request: "TrainingRequest", out: Path, trained: "Trained") -> "Potential":  # noqa: ARG002
        """The potential of the training frames."""
        from alphanet.potentials.last_step import LastStepPotential

        return LastStepPotential(_frames(request))


def _frames(request: "TrainingRequest") -> "list[Atoms]":
    from alphanet.training.data import LabeledFrames

    settings = validate(dict(request.settings), CopySettings, "settings of a potential that copies labels")
    frames = LabeledFrames(request.data.train, settings.limit_train)
    return [frames[index] for index in range(len(frames))]
