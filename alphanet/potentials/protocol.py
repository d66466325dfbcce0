"""The protocol of every potential, wherever it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from ase import Atoms


@dataclass(frozen=True)
class FramePrediction:
    """Predictions for one structure of n atoms."""

    energy: float  # eV
    forces: np.ndarray  # (n, 3) eV/Å
    stress: np.ndarray | None = None  # (3, 3) eV/Å^3, dE/dstrain / V; None if the structure is not periodic


class Potential(Protocol):
    """A potential that can be measured."""

    name: str

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order; the frames are not changed.

        Raises:
            UserError: an element the potential does not know, or a prediction that is not finite.
        """
        ...

    def provenance(self) -> dict[str, Any]:
        """The origin of the numbers: weights' sha256, versions, precision, device, settings."""
        ...

    def close(self) -> None:
        """Release what the potential holds: a worker process, device memory."""
        ...
