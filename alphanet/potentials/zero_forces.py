"""What every training starts from: reference energies of the elements, and no forces."""

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.errors import UserError
from alphanet.potentials.protocol import FramePrediction


class ZeroForcesPotential:
    """Predicts the sum of the elements' reference energies, and zero forces and stress.

    This is what a training adds its network to, so a network that learned nothing predicts the same.
    """

    name = "zero-forces"

    def __init__(self, references: Mapping[str, float]) -> None:
        """Predict sums of `references`, eV by chemical symbol."""
        self.references = dict(references)

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = 8) -> list[FramePrediction]:
        """Sums of reference energies, zero forces, zero stress for structures that are periodic in three directions.

        Raises:
            UserError: an element without a reference energy.
        """
        del batch_size
        return [self._prediction(atoms, index) for index, atoms in enumerate(frames)]

    def provenance(self) -> dict[str, JsonValue]:
        """The reference energies."""
        return {"name": self.name, "parameters": len(self.references), "reference_energies": dict(self.references)}

    def close(self) -> None:
        """Nothing is held."""

    def _prediction(self, atoms: Atoms, index: int) -> FramePrediction:
        symbols = atoms.get_chemical_symbols()
        unknown = sorted(set(symbols) - set(self.references))
        if unknown:
            raise UserError(f"frame {index}: no training frame has {', '.join(unknown)}; zero-forces cannot predict it")
        return FramePrediction(
            energy=sum(self.references[symbol] for symbol in symbols),
            forces=np.zeros((len(atoms), 3)),
            stress=np.zeros((3, 3)) if atoms.pbc.all() else None,
        )
