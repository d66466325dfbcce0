"""Any potential as an ASE calculator, for relaxation and dynamics with ASE."""

from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.spread import SPREAD_RESULTS


class PotentialCalculator(Calculator):
    """Energy (eV), forces (eV/Å) and stress (eV/Å^3) of a potential, one structure a call.

    A committee also gives `energy_spread`, `forces_spread` and the others of `alphanet.spread.Spread.results`.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress", *SPREAD_RESULTS]  # noqa: RUF012 - as ASE declares it

    def __init__(self, potential: Potential) -> None:
        """Wrap `potential`. The calculator does not close it; its owner does."""
        super().__init__()
        self.potential = potential

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = None, system_changes: list[str] = all_changes
    ) -> None:
        """Called by ASE.

        Raises:
            UserError: as the potential's `predict`.
            PropertyNotImplementedError: ASE requests a stress and the potential predicts none.
        """
        super().calculate(atoms, properties, system_changes)
        (answer,) = self.potential.predict([self.atoms], batch_size=1)
        self._keep(answer)
        if answer.stress is None and "stress" in (properties or ()):
            raise PropertyNotImplementedError(f"{self.potential.name} gives no stress")

    def accept(self, atoms: Atoms, answer: FramePrediction) -> None:
        """Take what the potential has answered for `atoms` elsewhere, so that ASE's questions need no call."""
        self.atoms = atoms.copy()
        self._keep(answer)

    def _keep(self, answer: FramePrediction) -> None:
        self.results = {"energy": answer.energy, "free_energy": answer.energy, "forces": answer.forces}
        if answer.spread is not None:
            self.results |= answer.spread.results()
        if answer.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(answer.stress)
