"""Forces and energies of displaced atoms: the errors that tables show, on the structures of the other properties."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from pydantic import Field, PositiveFloat

from alphanet.measure.properties.crystals import repeats
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.together import energies_and_forces

LENGTH = 5.0  # Å, so that a primitive cell has atoms to displace


class DisplacedForces(Result):
    """Forces of all displaced copies, and their energies relative to the structure's."""

    size: float  # eV/Å, root mean square of a component
    atoms: int


class Forces(Property[DisplacedForces]):
    """Copies with every atom displaced at random."""

    name: ClassVar[str] = "forces"
    title: ClassVar[str] = "forces of displaced atoms"
    result_type: ClassVar[type[Result]] = DisplacedForces
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "force_error": Quantity("force MAE", "meV/Å", 1e-6, 1000),
        "energy_error": Quantity("energy MAE", "meV/atom", 1e-6, 1000),
    }
    seconds: ClassVar[float] = 10.0

    displacement: PositiveFloat = 0.1  # Å, standard deviation
    copies: int = Field(default=5, ge=1)
    seed: int = 0

    def unfit(self, atoms: Atoms) -> str | None:
        """Every structure with two atoms or more, or periodic."""
        return None if len(atoms) > 1 or atoms.pbc.any() else "it is a single atom"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> DisplacedForces:
        """Forces and energies of the copies.

        Raises:
            UserError: as the calculator.
        """
        start: Atoms = atoms.repeat(repeats(atoms, LENGTH)) if atoms.pbc.all() else atoms.copy()
        random = np.random.default_rng(self.seed)
        displaced = []
        for _ in range(self.copies):
            moved: Atoms = start.copy()
            moved.positions += random.normal(0, self.displacement, moved.positions.shape)
            displaced.append(moved)
        energies, forces = energies_and_forces([start, *displaced], calculator)
        every = np.concatenate(forces[1:]).ravel()
        above = (energies[1:] - energies[0]) / len(start)
        return DisplacedForces(
            size=float(np.sqrt(np.mean(every**2))),
            atoms=len(start) * self.copies,
            curves={
                "forces": _numbered(every, "component", "force, eV/Å"),
                "energies": _numbered(above, "copy", "energy above the structure's, eV/atom"),
            },
        )

    def compare(self, found: DisplacedForces, truth: DisplacedForces | None) -> dict[str, float]:
        """Mean absolute errors, eV/Å and eV/atom."""
        if truth is None:
            return {}
        names = {"force_error": "forces", "energy_error": "energies"}
        return {
            error: float(np.abs(np.subtract(found.curves[curve].y, truth.curves[curve].y)).mean())
            for error, curve in names.items()
        }


def _numbered(values: np.ndarray, x_title: str, y_title: str) -> Curve:
    places = tuple(float(place) for place in range(len(values)))
    return Curve(x_title=x_title, y_title=y_title, x=places, y=tuple(values.tolist()))
