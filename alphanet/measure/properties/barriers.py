"""Barriers by the nudged elastic band: of a vacancy's hop, and of a reaction whose path a file guesses."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixAtoms
from ase.mep.neb import interpolate
from pydantic import Field, PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.properties.adsorption import held
from alphanet.measure.properties.crystals import elemental
from alphanet.measure.properties.defects import LOOSE, TIGHT, supercell
from alphanet.measure.properties.relaxing import relaxed_together
from alphanet.measure.properties.structures import PATH
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.together import compute_waiting
from alphanet.measure.relaxation.optimize import relaxing_band
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.batches import HalvingPotential


class Barrier(Result):
    """The highest image of a relaxed path, and its end."""

    barrier: float  # eV, relative to the start
    reaction: float  # eV, of the end relative to the start; 0 for a hop, by symmetry


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
        interpolate(images, mic=True)
        return relaxed_path(images, calculator, force=self.force, steps=self.steps)


class Reaction(Property[Barrier]):
    """A climbing band from a guessed path, whose ends relax first; the lower half of a slab stays where it is."""

    name: ClassVar[str] = "reaction"
    title: ClassVar[str] = "reaction (NEB)"
    result_type: ClassVar[type[Result]] = Barrier
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "reaction_barrier_error": Quantity("barrier of the reaction", "meV", 1e-6, 1000, of="barrier"),
        "reaction_energy_error": Quantity("energy of the reaction", "meV", 1e-6, 1000, of="reaction"),
    }
    of_paths: ClassVar[bool] = True
    drawn: ClassVar[str] = "path"
    seconds: ClassVar[float] = 600.0

    images: int = Field(default=7, ge=3)  # of the path, evenly, with its ends
    force: PositiveFloat = 0.1  # eV/Å; an adsorbate slides along the path by much smaller forces
    steps: int = Field(default=1000, ge=1)

    def unfit(self, atoms: Atoms) -> str | None:
        """Paths of at least as many images."""
        given = atoms.arrays[PATH].shape[1] if PATH in atoms.arrays else 1
        return None if given >= self.images else f"it is no path of {self.images} images or more"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> Barrier:
        """The barrier, and the energy of the reaction.

        Raises:
            UserError: the relaxation of an end fails, or the band does not converge.
        """
        path, images = np.moveaxis(atoms.arrays[PATH], 1, 0), []
        for positions in path[np.linspace(0, len(path) - 1, self.images).round().astype(int)]:
            image = Atoms(atoms.numbers, positions, cell=atoms.cell, pbc=atoms.pbc)
            image.set_constraint(FixAtoms(mask=held(atoms)))
            images.append(image)
        images[:: len(images) - 1] = relaxed_together(
            [images[0], images[-1]], calculator, tight=self.force, loose=self.force, steps=self.steps
        )
        return relaxed_path(images, calculator, force=self.force, steps=self.steps)


def relaxed_path(images: Sequence[Atoms], calculator: BaseCalculator, *, force: float, steps: int) -> Barrier:
    """The highest image and the end of a climbing band that begins at `images`, which move; the ends are relaxed.

    Raises:
        UserError: it does not converge to `force`, in eV/Å, in `steps`.
    """
    potential = HalvingPotential(calculator.potential) if isinstance(calculator, PotentialCalculator) else None
    for image in images:
        image.calc = calculator if potential is None else PotentialCalculator(potential.potential)
    compute = None if potential is None else partial(compute_waiting, potential=potential)
    *_, last = relaxing_band(images, fmax=force, steps=steps, climb=True, compute=compute)
    if last.fmax >= force:
        raise UserError(f"{images[0].symbols}: the band does not converge to {force:g} eV/Å in {steps} steps")
    energies = np.array([image.get_potential_energy() for image in images])
    energies -= energies[0]
    path = Curve(
        x_title="image",
        y_title="energy above the start, eV",
        x=tuple(float(place) for place in range(len(energies))),
        y=tuple(energies.tolist()),
    )
    return Barrier(barrier=float(energies.max()), reaction=float(energies[-1]), curves={"path": path})
