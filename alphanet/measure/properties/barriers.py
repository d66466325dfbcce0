"""Barriers by the nudged elastic band: a neighbor of a vacancy hops into it."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.mep.neb import interpolate
from pydantic import Field, PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.properties.crystals import elemental
from alphanet.measure.properties.defects import LOOSE, TIGHT, supercell
from alphanet.measure.properties.relaxing import relaxed_together
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.relaxation.optimize import relaxing_band


class Barrier(Result):
    """The highest point of the relaxed path between two neighboring vacancies."""

    barrier: float  # eV
    reaction: float  # eV, of the end relative to the start: 0 by symmetry


class Hop(Property[Barrier]):
    """A climbing band (Henkelman et al. 2000) with images between two relaxed vacancies."""

    name: ClassVar[str] = "barrier"
    title: ClassVar[str] = "hop of a vacancy (NEB)"
    result_type: ClassVar[type[Result]] = Barrier
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "barrier_error": Quantity("barrier", "meV", 1e-6, 1000, of="barrier"),
    }
    drawn: ClassVar[str] = "path"
    seconds: ClassVar[float] = 120.0

    length: PositiveFloat = 7.0  # Å
    images: int = Field(default=3, ge=1)  # between the ends
    force: PositiveFloat = 0.03  # eV/Å
    steps: int = Field(default=200, ge=1)

    def unfit(self, atoms: Atoms) -> str | None:
        """Crystals of one element, whose neighbors are all alike."""
        return elemental(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> Barrier:
        """The barrier.

        Raises:
            UserError: a relaxation fails, or the band does not converge.
        """
        perfect = supercell(atoms, calculator, self.length)
        near = int(np.argmin(perfect.get_distances(0, range(1, len(perfect)), mic=True))) + 1
        hop = perfect.get_distance(near, 0, mic=True, vector=True)
        start: Atoms = perfect[1:]
        end: Atoms = start.copy()
        end.positions[near - 1] += hop
        ends = relaxed_together([start, end], calculator, tight=TIGHT, loose=LOOSE)
        images = [ends[0], *(ends[0].copy() for _ in range(self.images)), ends[1]]
        for image in images:
            image.calc = calculator
        interpolate(images, mic=True)
        *_, last = relaxing_band(images, fmax=self.force, steps=self.steps, climb=True)
        if last.fmax >= self.force:
            raise UserError(f"{atoms.symbols}: the band does not converge to {self.force:g} eV/Å in {self.steps} steps")
        energies = np.array([image.get_potential_energy() for image in images])
        energies -= energies[0]
        return Barrier(
            barrier=float(energies.max()),
            reaction=float(energies[-1]),
            curves={
                "path": Curve(
                    x_title="image",
                    y_title="energy above the start, eV",
                    x=tuple(float(place) for place in range(len(energies))),
                    y=tuple(energies.tolist()),
                )
            },
        )
