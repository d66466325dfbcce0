"""Many structures by one call, if the calculator is that of a potential; one after another by other calculators."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from alphanet.errors import UserError
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.batches import HalvingPotential
from alphanet.potentials.protocol import FramePrediction

ATOMS = 1000  # of a batch: larger ones gain nothing, and memory for neighbors runs out


def energies_and_forces(structures: Sequence[Atoms], calculator: BaseCalculator) -> tuple[np.ndarray, list[np.ndarray]]:
    """Energies (structures,) eV, and forces (n, 3) eV/Å of each structure.

    Raises:
        UserError: as the calculator.
    """
    if not isinstance(calculator, PotentialCalculator):
        answers = [(calculator.get_potential_energy(one), calculator.get_forces(one)) for one in structures]
    else:
        predicted = predictions(structures, HalvingPotential(calculator.potential))
        answers = [(one.energy, one.forces) for one in predicted]
    energies, forces = zip(*answers, strict=True)
    return np.array(energies), list(forces)


def forces_of(structures: Sequence[Atoms], calculator: BaseCalculator) -> list[np.ndarray]:
    """(n, 3) eV/Å of each structure; errors are those of `energies_and_forces`."""
    return energies_and_forces(structures, calculator)[1]


def predictions(structures: Sequence[Atoms], potential: HalvingPotential) -> list[FramePrediction]:
    """Those of all structures, in batches of `ATOMS` atoms at most, or as many as memory has held so far.

    Raises:
        UserError: as the potential's `predict`.
    """
    return potential.predict(structures, batch_size=max(1, ATOMS // max(map(len, structures))))


def compute_waiting(structures: Sequence[Atoms], potential: HalvingPotential) -> None:
    """Compute by one call those that have moved since; each has a `PotentialCalculator` of its own.

    A failure is left to the structure that has it: it says why when it is asked.
    """
    waiting = [one for one in structures if one.calc.calculation_required(one, ["energy", "forces"])]
    if not waiting:
        return
    with suppress(UserError):
        for one, answer in zip(waiting, predictions(waiting, potential), strict=True):
            one.calc.accept(one, answer)
