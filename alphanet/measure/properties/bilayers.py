"""Sliding and binding of two layers: Figure 1 of the paper with a reference that is computed."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from pydantic import Field, PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.landscape import Landscape, layer_distance, layers_of
from alphanet.measure.properties.crystals import primitive
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.together import energies_and_forces

GAP = 2.2  # Å between layers: more than between the atoms of one
THICKEST = 2.0  # Å of a layer


class BilayerEnergies(Result):
    """Energies of the rigid layers: the curves `sliding` and `binding`."""

    corrugation: float  # eV/atom, from the lowest to the highest of the sliding surface
    depth: float  # eV/atom, of the lowest distance below the largest


class Bilayer(Property[BilayerEnergies]):
    """The upper layer slides over the lower one's primitive cell at its distance, and goes away."""

    name: ClassVar[str] = "bilayer"
    title: ClassVar[str] = "sliding and binding"
    result_type: ClassVar[type[Result]] = BilayerEnergies
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "sliding_error": Quantity("sliding RMSE", "meV/atom", 1e-8, 1000),
        "binding_error": Quantity("binding, largest error", "meV/atom", 1e-8, 1000),
    }
    drawn: ClassVar[str] = "binding"
    seconds: ClassVar[float] = 30.0

    grid: int = Field(default=4, ge=2)
    distances: int = Field(default=12, ge=3)
    nearest: PositiveFloat = 0.8  # of the structure's own distance
    farthest: PositiveFloat = 8.0  # Å

    def unfit(self, atoms: Atoms) -> str | None:
        """Two flat layers across the third vector of the cell."""
        if not atoms.pbc.all() or len(atoms) < 2:
            return "it is no periodic bilayer"
        lower, upper = layers_of(atoms)
        thin = max(np.ptp(layer.positions[:, 2]) for layer in (lower, upper)) < THICKEST
        gap = upper.positions[:, 2].min() - lower.positions[:, 2].max()
        room = atoms.cell.array[2, 2] - np.ptp(atoms.positions[:, 2])
        return None if thin and gap > GAP and room > self.farthest - gap else "it is no bilayer with room above it"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> BilayerEnergies:
        """The energies.

        Raises:
            UserError: as the calculator.
        """
        slides = _slides(atoms, self.grid)
        lower, _ = layers_of(atoms)
        above = atoms.positions[:, 2] > lower.positions[:, 2].max()

        def energies(shifts: Sequence[np.ndarray]) -> np.ndarray:
            moved = [atoms.copy() for _ in shifts]
            for one, shift in zip(moved, shifts, strict=True):
                one.positions[above] += shift
            return energies_and_forces(moved, calculator)[0] / len(atoms)

        sliding = energies([np.append(slide, 0.0) for slide in slides])
        apart = layer_distance(atoms)
        distances = np.linspace(self.nearest * apart, self.farthest, self.distances)
        binding = energies([np.array([0, 0, distance - apart]) for distance in distances])
        return BilayerEnergies(
            corrugation=float(np.ptp(sliding)),
            depth=float(binding[-1] - binding.min()),
            curves={
                "sliding": _curve("place in the grid", np.arange(float(len(sliding))), sliding - sliding[0]),
                "binding": _curve("distance of the layers, Å", distances, binding - binding[-1]),
            },
        )

    def compare(self, found: BilayerEnergies, truth: BilayerEnergies | None) -> dict[str, float]:
        """Errors of the landscape, eV/atom, by the measures of Figure 1."""
        if truth is None:
            return {}
        sliding, binding = (np.array([truth.curves[name].y, found.curves[name].y]).T for name in ("sliding", "binding"))
        unknown = len(sliding)
        landscape = Landscape(
            slide=np.zeros((unknown, 2)),
            stacking=("",) * unknown,
            sliding=sliding,
            height=(0.0, 0.0),
            distance=np.array(truth.curves["binding"].x),
            binding=binding,
        )
        metrics = landscape.metrics()
        return {"sliding_error": metrics["sliding_rms_difference"], "binding_error": metrics["binding_max_difference"]}


def _slides(atoms: Atoms, grid: int) -> np.ndarray:
    """(n, 2) Å, displacements over the primitive cell of the lower layer, the first one zero.

    Raises:
        UserError: the layer has no primitive cell in its plane.
    """
    lower, _ = layers_of(atoms)
    flat = primitive(Atoms(lower.numbers, lower.positions, cell=atoms.cell, pbc=True)).cell.array
    plane = [vector[:2] for vector in flat if abs(vector[2]) < 1e-3]
    if len(plane) != 2:
        raise UserError(f"{atoms.symbols}: the lower layer has no primitive cell in its plane")
    parts = np.arange(grid) / grid
    return np.array([one * plane[0] + other * plane[1] for one in parts for other in parts])


def _curve(x_title: str, x: np.ndarray, y: np.ndarray) -> Curve:
    return Curve(x_title=x_title, y_title="energy, eV/atom", x=tuple(x.tolist()), y=tuple(y.tolist()))
