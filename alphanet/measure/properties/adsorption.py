"""Adsorption energies: a molecule on a slab against both alone."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixAtoms
from pydantic import PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.properties.crystals import VACUUM
from alphanet.measure.properties.relaxing import relaxed
from alphanet.measure.properties.task import Property, Quantity, Result

NONMETALS = frozenset({1, 6, 7, 8, 9, 15, 16, 17, 34, 35, 53})
ADSORBED = 2  # tag of adsorbates in OC20


class AdsorptionEnergy(Result):
    """The energy of binding; negative if the molecule stays."""

    adsorption: float  # eV


class Adsorption(Property[AdsorptionEnergy]):
    """All three relax; the lower half of the slab stays where it is."""

    name: ClassVar[str] = "adsorption"
    title: ClassVar[str] = "adsorption"
    result_type: ClassVar[type[Result]] = AdsorptionEnergy
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "adsorption_error": Quantity("adsorption energy", "meV", 1e-6, 1000, of="adsorption"),
    }
    seconds: ClassVar[float] = 120.0

    force: PositiveFloat = 0.03  # eV/Å
    steps: int = 300

    def unfit(self, atoms: Atoms) -> str | None:
        """A slab of metal with vacuum above it, and a molecule of other elements on it."""
        if not atoms.pbc.all() or atoms.cell.array[2, 2] - np.ptp(atoms.positions[:, 2]) < VACUUM:
            return "it is no slab with vacuum"
        molecule = adsorbate(atoms)
        return None if molecule.any() and not molecule.all() else "it has no adsorbate on a slab"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> AdsorptionEnergy:
        """The energy of binding.

        Raises:
            UserError: a relaxation fails.
        """
        molecule = adsorbate(atoms)
        whole = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
        parts = {"whole": np.ones(len(atoms), bool), "slab": ~molecule, "molecule": molecule}
        energies = {}
        for name, chosen in parts.items():
            part: Atoms = whole[chosen]
            part.set_constraint(FixAtoms(mask=held(atoms)[chosen]))
            try:
                final = relaxed(part, calculator, tight=self.force, loose=self.force, steps=self.steps)
            except UserError as error:
                raise UserError(f"{name}: {error}") from error
            energies[name] = final.get_potential_energy()
        return AdsorptionEnergy(adsorption=float(energies["whole"] - energies["slab"] - energies["molecule"]))


def held(atoms: Atoms) -> np.ndarray:
    """(n,) whether an atom is in the lower half of a slab, which stays where it is; false for a molecule alone."""
    slab = ~adsorbate(atoms)
    heights = atoms.positions[slab, 2]
    low: np.ndarray = slab & (
        atoms.positions[:, 2] < (heights.min() + heights.max()) / 2 - 1e-3 if slab.any() else False
    )
    return low


def adsorbate(atoms: Atoms) -> np.ndarray:
    """(n,) whether an atom belongs to the molecule: by OC20's tags, or because it is no metal."""
    tags = atoms.get_tags()
    adsorbed: np.ndarray = tags == ADSORBED if tags.any() else np.isin(atoms.numbers, list(NONMETALS))
    return adsorbed
