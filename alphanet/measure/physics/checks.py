"""One check of the audit, and how a number is judged beside its limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.measure.physics.rounding import Rounding, measured_rounding
from alphanet.potentials.protocol import FramePrediction, Potential

NEGLIGIBLE = {
    "eV": 1e-4,
    "eV/atom": 1e-4,
    "eV/Å": 1e-3,
    "eV/Å^2": 1e-2,
    "eV/Å^3": 1e-5,
    "meV/atom/ps": 1e-2,
}
"""Thresholds per unit; failures below them do not matter in use (stress: 2 MPa; drift: 40 K/ns; others: at most a tenth
of the best models' errors)"""
BATCH = 16  # structures that are evaluated together


@dataclass(frozen=True)
class Check:
    """One measured property beside the limit that it has to keep."""

    check: str
    group: str
    """The property that it belongs to, a column of the table"""
    value: float | None
    unit: str
    limit: float | None
    passed: bool | None  # None: it cannot be made, see `reason`
    reason: str | None = None
    where: str | None = None
    """Where the value was found"""

    @property
    def is_negligible(self) -> bool:
        """Whether the value is too small to matter in use, whatever the limit says."""
        return self.value is not None and self.value <= NEGLIGIBLE.get(self.unit, 0.0)


@dataclass(frozen=True)
class Subject:
    """A potential with the structures that it is audited on."""

    potential: Potential
    crystal: Atoms  # periodic, no atom at a place of symmetry
    molecule: Atoms  # not periodic, all pairs well within the cutoff
    rounding: Rounding  # on the crystal
    molecule_rounding: Rounding
    cutoff: float | None  # Å; None: the potential tells none and a dimer shows none
    stress: bool  # it gives stresses of periodic structures
    untrained: bool
    seed: int

    def predict(self, frames: Sequence[Atoms]) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order.

        Raises:
            UserError: the potential fails.
        """
        return self.potential.predict(frames, batch_size=BATCH)

    def rounding_of(self, atoms: Atoms) -> Rounding:
        """The rounding on another structure.

        Raises:
            UserError: the potential fails.
        """
        return measured_rounding(self.potential, atoms, self.rounding.precision, self.seed)

    def random(self, purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that checks do not depend on their order."""
        return np.random.default_rng([self.seed, purpose])


def judged(check: str, group: str, value: float, unit: str, limit: float, where: str | None = None) -> Check:
    """A check that passes if `value` does not exceed `limit`."""
    return Check(check, group, float(value), unit, float(limit), bool(value <= limit), where=where)


def unchecked(check: str, group: str, unit: str, reason: str) -> Check:
    """A check that cannot be made, and why."""
    return Check(check, group, None, unit, None, None, reason)
