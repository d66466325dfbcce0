"""Phonons by finite displacements with phonopy: frequencies, density of states, imaginary modes, free energy."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from pydantic import Field, PositiveFloat

from alphanet.measure.force_constants import force_constants
from alphanet.measure.properties.crystals import no_crystal, primitive, repeats
from alphanet.measure.properties.relaxing import relaxed
from alphanet.measure.properties.task import EXTRA, Curve, Property, Quantity, Result
from alphanet.measure.properties.together import forces_of

IMAGINARY = -0.05  # THz: what lies below is no rounding of an acoustic mode at Γ


class Phonon(Result):
    """Harmonic vibrations of the relaxed crystal; imaginary frequencies are negative."""

    lowest: float  # THz
    highest: float  # THz
    mean: float  # THz
    imaginary: float  # part of all modes
    free_energy: float | None = None  # eV/atom, vibrations alone; None with imaginary modes, which have none


class Phonons(Property[Phonon]):
    """Frequencies on a Monkhorst-Pack grid, of a supercell whose faces are `length` apart."""

    name: ClassVar[str] = "phonons"
    title: ClassVar[str] = "phonons"
    result_type: ClassVar[type[Result]] = Phonon
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "frequency_error": Quantity("frequency MAE", "THz", 1e-4),
        "free_energy_error": Quantity("free energy", "meV/atom", 1e-6, 1000, of="free_energy"),
        "imaginary": Quantity("imaginary modes", "%", factor=100, own=True),
    }
    packages: ClassVar[Mapping[str, str]] = {"phonopy": EXTRA}
    drawn: ClassVar[str] = "density"
    seconds: ClassVar[float] = 60.0

    length: PositiveFloat = 8.0  # Å
    displacement: PositiveFloat = 0.01  # Å
    mesh: int = Field(default=6, ge=2, multiple_of=2)  # even, so that Γ, where rounding decides signs, is no point
    temperature: PositiveFloat = 300.0  # K

    def unfit(self, atoms: Atoms) -> str | None:
        """Only crystals have phonons."""
        return no_crystal(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> Phonon:
        """The vibrations.

        Raises:
            UserError: phonopy is not installed, a relaxation fails, or the calculator fails.
        """
        self.require_packages()
        from phonopy.physical_units import get_physical_units

        cell = relaxed(primitive(atoms), calculator, cell=True)

        phonon = force_constants(
            cell,
            repeats(cell, self.length),
            self.displacement,
            lambda displaced, _: forces_of(displaced, calculator),
            primitive=np.eye(3),
            symprec=1e-4,
        )
        # Every point of the grid, so that two results have the same ones whatever symmetry their crystals have.
        phonon.run_mesh([self.mesh] * 3, is_time_reversal=False, is_mesh_symmetry=False)
        frequencies = np.sort(phonon.mesh.frequencies, axis=1)
        phonon.run_total_dos(use_tetrahedron_method=False)
        density = phonon.total_dos
        imaginary = float((frequencies < IMAGINARY).mean())
        free = None
        if not imaginary:
            phonon.run_thermal_properties(temperatures=[self.temperature])
            (value,) = phonon.thermal_properties.free_energy
            free = float(value) / get_physical_units().EvTokJmol / len(cell)
        note = (
            f"imaginary modes ({100 * imaginary:.2g} %, lowest {frequencies.min():.2f} THz): no free energy"
            if imaginary
            else ""
        )
        return Phonon(
            lowest=float(frequencies.min()),
            highest=float(frequencies.max()),
            mean=float(frequencies.mean()),
            imaginary=imaginary,
            free_energy=free,
            notes=(note,) if note else (),
            curves={
                "frequencies": Curve(
                    x_title="point of the grid times modes, plus mode",
                    y_title="frequency, THz",
                    x=tuple(float(place) for place in range(frequencies.size)),
                    y=tuple(frequencies.ravel().tolist()),
                ),
                "density": Curve(
                    x_title="frequency, THz",
                    y_title="states per THz and cell",
                    x=tuple(density.frequency_points.tolist()),
                    y=tuple(density.dos.tolist()),
                ),
            },
        )

    def compare(self, found: Phonon, truth: Phonon | None) -> dict[str, float]:
        """Also the mean difference of frequencies, THz, each of the lowest mode with the lowest, and so on."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        one, other = (np.array(result.curves["frequencies"].y) for result in (found, truth))
        return {"frequency_error": float(np.abs(one - other).mean()), **errors}
