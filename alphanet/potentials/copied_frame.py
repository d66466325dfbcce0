"""Labels copied from a training frame, or the mean where there is none to copy from; other modules choose the frame."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from pydantic import JsonValue

from alphanet.potentials.mean import MeanPotential
from alphanet.potentials.protocol import FramePrediction


class CopyingPotential:
    """Predicts the labels of the training frame that `_source` chooses, or else what `MeanPotential` does."""

    name = "copied-frame"

    def __init__(self, frames: Sequence[Atoms]) -> None:
        """Copy from `frames`, which carry energies and forces.

        Raises:
            UserError: there is no frame, or one (named) has no energy.
        """
        self.n_frames = len(frames)
        self.copied, self.not_copied = 0, 0
        self._mean = MeanPotential.fit(frames)

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Labels of training frames: energies, forces, and stresses where they have one."""
        del batch_size
        return [self._prediction(atoms) for atoms in frames]

    def provenance(self) -> dict[str, JsonValue]:
        """The number of training frames to copy from, and of the predictions that were copies so far."""
        return {
            "name": self.name,
            "parameters": 0,
            "training_frames": self.n_frames,
            "copied": self.copied,
            "mean_instead": self.not_copied,
        }

    def close(self) -> None:
        """Nothing is held."""

    def _source(self, atoms: Atoms) -> Atoms | None:
        """The training frame whose labels `atoms` gets; None if none fits."""
        raise NotImplementedError

    def _prediction(self, atoms: Atoms) -> FramePrediction:
        source = self._source(atoms)
        if source is None:
            self.not_copied += 1
            return self._mean.predict([atoms])[0]
        self.copied += 1
        labels = source.calc.results
        stress = labels.get("stress")
        return FramePrediction(
            energy=float(labels["energy"]),
            forces=np.array(labels["forces"], dtype=float),
            stress=None if stress is None else voigt_6_to_full_3x3_stress(np.asarray(stress, dtype=float)),
        )
