"""Equation of state: energy against volume, and from it lattice constant, volume and bulk modulus at zero pressure."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.eos import EquationOfState
from pydantic import Field, PositiveFloat
from scipy.optimize import minimize_scalar

from alphanet.errors import UserError
from alphanet.measure.properties.crystals import conventional_length, is_cubic, no_crystal
from alphanet.measure.properties.relaxing import relaxed_together
from alphanet.measure.properties.task import Curve, Property, Quantity, Result

RANGE = (0.85, 1.25)  # of the length: where the minimum is looked for
FIT = "birchmurnaghan"


class StateEquation(Result):
    """The crystal at zero pressure, by the equation of Birch and Murnaghan."""

    lattice_constant: float  # Å, of the conventional cell
    volume: float  # Å^3/atom
    energy: float  # eV/atom; its zero is the potential's own
    bulk_modulus: float  # eV/Å^3


class Eos(Property[StateEquation]):
    """Energies at volumes around the lowest one; positions relax, and so does the shape of cells that are not cubic."""

    name: ClassVar[str] = "eos"
    title: ClassVar[str] = "equation of state"
    result_type: ClassVar[type[Result]] = StateEquation
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "bulk_modulus_error": Quantity("bulk modulus", "%", 1e-6, 100, of="bulk_modulus", relative=True),
        "lattice_constant_error": Quantity("lattice constant", "%", 1e-6, 100, of="lattice_constant", relative=True),
        "volume_error": Quantity("volume", "%", 1e-6, 100, of="volume", relative=True),
    }
    drawn: ClassVar[str] = "energy"
    seconds: ClassVar[float] = 30.0

    strain: PositiveFloat = 0.06  # half of the range of volumes
    points: int = Field(default=7, ge=5)

    def unfit(self, atoms: Atoms) -> str | None:
        """Only crystals have a volume."""
        return no_crystal(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> StateEquation:
        """The fit to the energies.

        Raises:
            UserError: the energy has no minimum near the structure, or a relaxation fails.
        """

        cubic = is_cubic(atoms)

        def scaled(length: float) -> Atoms:
            other: Atoms = atoms.copy()
            other.set_cell(atoms.cell.array * length, scale_atoms=True)
            return other

        def rigid(length: float) -> float:
            return float(calculator.get_potential_energy(scaled(length)))

        def at(lengths: Sequence[float]) -> list[Atoms]:
            starts = [scaled(length) for length in lengths]
            return relaxed_together(starts, calculator, cell=not cubic, constant_volume=True)

        # The structure is far from the minimum of some potentials: atoms that do not relax find its neighborhood.
        lowest = float(minimize_scalar(rigid, bounds=RANGE, method="bounded", options={"xatol": 1e-4}).x)
        if min(lowest - RANGE[0], RANGE[1] - lowest) < 0.01:
            raise UserError(
                f"{atoms.symbols}: the energy has no minimum between {RANGE[0]:g} and {RANGE[1]:g} of the cell's length"
            )
        lengths = lowest * np.cbrt(np.linspace(1 - self.strain, 1 + self.strain, self.points))
        frames = at(lengths.tolist())
        volumes = np.array([frame.get_volume() for frame in frames]) / len(atoms)
        energies = np.array([frame.get_potential_energy() for frame in frames]) / len(atoms)
        try:
            volume, energy, modulus = EquationOfState(volumes, energies, eos=FIT).fit()
        except (ValueError, RuntimeError, np.linalg.LinAlgError) as error:
            raise UserError(f"{atoms.symbols}: no equation of state fits the energies ({error})") from error
        if not volumes[0] < volume < volumes[-1] or modulus <= 0:
            raise UserError(f"{atoms.symbols}: the energy has no minimum among the volumes of its equation of state")
        (final,) = at([float(np.cbrt(volume * len(atoms) / atoms.get_volume()))])
        return StateEquation(
            lattice_constant=conventional_length(final),
            volume=float(volume),
            energy=float(energy),
            bulk_modulus=float(modulus),
            curves={
                "energy": Curve(
                    x_title="volume, Å^3/atom",
                    y_title="energy above the lowest, eV/atom",
                    x=tuple(volumes.tolist()),
                    y=tuple((energies - energy).tolist()),
                )
            },
        )
