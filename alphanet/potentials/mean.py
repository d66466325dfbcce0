"""The baseline that every trained model has to beat: the mean energy of the training set, and no forces."""

from collections.abc import Iterable, Sequence

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction


class MeanPotential:
    """Predicts the training set's mean energy per atom for every structure, and zero forces and stress."""

    name = "mean"

    def __init__(self, energy_per_atom: float) -> None:
        """Predict `energy_per_atom`, eV/atom."""
        self.energy_per_atom = energy_per_atom

    @classmethod
    def fit(cls, frames: Iterable[Atoms]) -> "MeanPotential":
        """The potential of `frames`, which carry energies; each frame counts the same.

        Raises:
            UserError: there is no frame, or a frame (named) has no energy.
        """
        total, count = 0.0, 0
        for atoms in frames:
            energy = atoms.calc.results.get("energy") if atoms.calc else None
            if energy is None:
                raise UserError(f"frame {count} ({atoms.get_chemical_formula()}) has no energy")
            total += energy / len(atoms)
            count += 1
        if count == 0:
            raise UserError("there are no frames to take the mean energy of")
        return cls(total / count)

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Mean energies, zero forces, zero stress for structures that are periodic in three directions."""
        del batch_size
        return [
            FramePrediction(
                energy=self.energy_per_atom * len(atoms),
                forces=np.zeros((len(atoms), 3)),
                stress=np.zeros((3, 3)) if atoms.pbc.all() else None,
            )
            for atoms in frames
        ]

    def provenance(self) -> dict[str, JsonValue]:
        """The one number that identifies it."""
        return {"name": self.name, "parameters": 1, "energy_per_atom": self.energy_per_atom}

    def close(self) -> None:
        """Nothing is held."""
