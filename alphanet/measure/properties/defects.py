"""Energies that broken bonds cost: a vacancy, and the surfaces of low index, of crystals of one element."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms, units
from ase.build import surface
from ase.calculators.calculator import BaseCalculator
from pydantic import Field, PositiveFloat

from alphanet.measure.properties.crystals import conventional, elemental, repeats
from alphanet.measure.properties.relaxing import relaxed, relaxed_together
from alphanet.measure.properties.task import Curve, Property, Quantity, Result

SURFACES = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
J_M2 = units.m**2 / units.J  # in an eV/Å^2
TIGHT = 1e-3  # eV/Å: energies of defects are quadratic in what is left
LOOSE = 0.05


class VacancyEnergy(Result):
    """The energy to take an atom out of the crystal and add it to a perfect one."""

    vacancy: float  # eV, atoms relaxed, cell of the perfect crystal
    unrelaxed: float  # eV


class Vacancy(Property[VacancyEnergy]):
    """A vacancy in a supercell whose faces are `length` apart."""

    name: ClassVar[str] = "vacancy"
    title: ClassVar[str] = "vacancy"
    result_type: ClassVar[type[Result]] = VacancyEnergy
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "vacancy_error": Quantity("vacancy energy", "meV", 1e-6, 1000, of="vacancy"),
    }
    seconds: ClassVar[float] = 60.0

    length: PositiveFloat = 7.0  # Å

    def unfit(self, atoms: Atoms) -> str | None:
        """In a compound the energy depends on where the atom goes."""
        return elemental(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> VacancyEnergy:
        """The energy of formation.

        Raises:
            UserError: a relaxation fails.
        """
        perfect = supercell(atoms, calculator, self.length)
        perfect.calc = calculator
        share = perfect.get_potential_energy() * (1 - 1 / len(perfect))
        empty: Atoms = perfect[1:]
        empty.calc = calculator
        unrelaxed = empty.get_potential_energy() - share
        final = relaxed(empty, calculator, tight=TIGHT, loose=LOOSE)
        return VacancyEnergy(vacancy=float(final.get_potential_energy() - share), unrelaxed=float(unrelaxed))


class SurfaceEnergies(Result):
    """Energies of relaxed surfaces: the curve `surfaces` has one for each."""

    lowest: float  # eV/Å^2
    facet: str  # Miller indices of the lowest


class Surface(Property[SurfaceEnergies]):
    """Slabs of `layers` layers of the conventional cell, cut through it."""

    name: ClassVar[str] = "surface"
    title: ClassVar[str] = "surfaces"
    result_type: ClassVar[type[Result]] = SurfaceEnergies
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "surface_error": Quantity("surface energy MAE", "mJ/m^2", 1e-7, 1000 * J_M2),
        "lowest_surface_error": Quantity("lowest surface energy", "%", 1e-6, 100, of="lowest", relative=True),
    }
    seconds: ClassVar[float] = 60.0

    layers: int = Field(default=4, ge=2)
    vacuum: PositiveFloat = 8.0  # Å, on either side

    def unfit(self, atoms: Atoms) -> str | None:
        """In a compound the energy depends on how the slab ends."""
        return elemental(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> SurfaceEnergies:
        """The energy of each surface.

        Raises:
            UserError: a relaxation fails.
        """
        # Ideal once more: rounding left by the relaxation would put atoms of one layer on both sides of the slab.
        crystal = conventional(relaxed(conventional(atoms), calculator, cell=True))
        crystal.calc = calculator
        bulk = crystal.get_potential_energy() / len(crystal)
        slabs = [surface(crystal, facet, self.layers, vacuum=self.vacuum, periodic=True) for facet in SURFACES]
        energies = []
        for final in relaxed_together(slabs, calculator, tight=TIGHT, loose=LOOSE):
            area = np.linalg.norm(np.cross(final.cell[0], final.cell[1]))
            energies.append(float((final.get_potential_energy() - len(final) * bulk) / (2 * area)))
        names = ["".join(map(str, facet)) for facet in SURFACES]
        return SurfaceEnergies(
            lowest=min(energies),
            facet=names[int(np.argmin(energies))],
            curves={
                "surfaces": Curve(
                    x_title="Miller indices",
                    y_title="surface energy, eV/Å^2",
                    x=tuple(float(name) for name in names),
                    y=tuple(energies),
                )
            },
        )

    def compare(self, found: SurfaceEnergies, truth: SurfaceEnergies | None) -> dict[str, float]:
        """Also the mean error of all surfaces, eV/Å^2."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        difference = np.subtract(found.curves["surfaces"].y, truth.curves["surfaces"].y)
        return {"surface_error": float(np.abs(difference).mean()), **errors}


def supercell(atoms: Atoms, calculator: BaseCalculator, length: float) -> Atoms:
    """The relaxed crystal in conventional cells, its faces at least `length` Å apart.

    Raises:
        UserError: its relaxation fails.
    """
    crystal = relaxed(conventional(atoms), calculator, cell=True)
    repeated: Atoms = crystal.repeat(repeats(crystal, length))
    return Atoms(repeated.numbers, repeated.positions, cell=repeated.cell, pbc=True)
