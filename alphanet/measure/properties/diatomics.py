"""Diatomic curves: how energy and force of two atoms change with their distance.

The measures are those of the task "homonuclear diatomics" of MLIP Arena (Chiang et al., arXiv:2509.20630), written anew
from their definitions: flips of the force, jumps of the energy, total variation, Spearman's rank correlation of the
repulsive and of the attractive branch, and the deviation of the force from the slope of the energy. One thing differs:
the turn at the lowest energy is no jump, so that a coarse grid does not show one where there is none.
"""

import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.data import covalent_radii
from ase.data.vdw_alvarez import vdw_radii
from pydantic import Field

from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.together import energies_and_forces

NEAR, FAR = 0.9, 3.1  # of the covalent radius and of Alvarez' van der Waals radius: the distances of MLIP Arena
FARTHEST = 6.0  # Å, where no van der Waals radius is known
FLAT = 1e-2  # eV/Å and eV: smaller forces do not flip, smaller steps do not jump
PROBE = 1e-3  # Å on either side, for the slope of the energy


class DiatomicCurve(Result):
    """A curve of two equal atoms."""

    force_flips: float  # changes of sign of the force; a curve with one minimum has one
    energy_jump: float  # eV, sum of the steps on both sides of every turn of the energy but that at its lowest
    tortuosity: float  # total variation of the energy over that of a curve with one minimum; 1 is best
    repulsion: float  # Spearman's correlation of energy and distance below the minimum; -1 is best
    attraction: float | None = None  # the same beyond the minimum; 1 is best; None if the minimum is the last point
    inconsistency: float  # eV/Å, mean deviation of the force from the slope of the energy
    unrepelled: float  # eV, how far the energy falls when the atoms come nearer than the minimum


class Diatomics(Property[DiatomicCurve]):
    """Two equal atoms, from 0.9 covalent radii to 3.1 van der Waals radii."""

    name: ClassVar[str] = "diatomics"
    title: ClassVar[str] = "diatomic curves"
    result_type: ClassVar[type[Result]] = DiatomicCurve
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "curve_error": Quantity("force against the reference", "eV/Å", 1e-6),
        "force_flips": Quantity("force flips", "", own=True),
        "energy_jump": Quantity("energy jump", "eV", own=True),
        "tortuosity": Quantity("tortuosity", "", own=True),
        "repulsion": Quantity("repulsive branch (Spearman)", "", own=True),
        "unrepelled": Quantity("fall of energy at short distance", "eV", own=True),
        "inconsistency": Quantity("force against slope of energy", "eV/Å", own=True),
    }
    drawn: ClassVar[str] = "energy"
    seconds: ClassVar[float] = 5.0

    points: int = Field(default=60, ge=10)

    def unfit(self, atoms: Atoms) -> str | None:
        """Two equal atoms that nothing surrounds."""
        return None if len(atoms) == 2 and not atoms.pbc.any() and len(set(atoms.numbers)) == 1 else "it is no dimer"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> DiatomicCurve:
        """The curve and its measures.

        Raises:
            UserError: as the calculator.
        """
        number = int(atoms.numbers[0])
        radius = float(vdw_radii[number])
        end = FARTHEST if np.isnan(radius) else FAR * radius
        distances = np.linspace(NEAR * covalent_radii[number], end, self.points)
        energies, forces = _pulls(atoms, calculator, distances)
        slopes = _pulls(atoms, calculator, distances - PROBE)[0] - _pulls(atoms, calculator, distances + PROBE)[0]
        measures: dict[str, Any] = curve_measures(distances, energies, forces)
        return DiatomicCurve(
            **measures,
            inconsistency=float(np.abs(forces - slopes / (2 * PROBE)).mean()),
            curves={
                "energy": _curve(distances, energies - energies[-1], "energy against the last, eV"),
                "force": _curve(distances, forces, "force, eV/Å, positive if repulsive"),
            },
        )

    def compare(self, found: DiatomicCurve, truth: DiatomicCurve | None) -> dict[str, float]:
        """Also the mean difference of forces, eV/Å, each relative to 1 eV/Å where the reference's is larger."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        true = np.array(truth.curves["force"].y)
        # Forces of close atoms are hundreds of eV/Å; without weights the first points would be the whole error.
        difference = np.abs(np.array(found.curves["force"].y) - true) / np.maximum(1.0, np.abs(true))
        return {"curve_error": float(difference.mean()), **errors}


def curve_measures(distances: np.ndarray, energies: np.ndarray, forces: np.ndarray) -> dict[str, float | None]:
    """Measures of a curve: distances (n,) growing, Å; energies (n,) eV; forces (n,) eV/Å, positive if repulsive."""
    from scipy.stats import spearmanr

    lowest = int(energies.argmin())
    signs = np.sign(forces[np.abs(forces) > FLAT])
    steps = np.diff(energies)
    steep = np.flatnonzero(np.abs(steps) > FLAT)
    jump = sum(
        abs(steps[before]) + abs(steps[after])
        for before, after in itertools.pairwise(steep)
        if steps[before] * steps[after] < 0 and not before < lowest <= after
    )
    shortest = abs(energies[0] - energies[lowest]) + abs(energies[-1] - energies[lowest])
    inner, outer = slice(0, lowest + 1), slice(lowest, None)

    def correlation(part: slice) -> float | None:
        if len(energies[part]) < 3 or np.ptp(energies[part]) == 0:
            return None
        return float(spearmanr(distances[part], energies[part]).statistic)

    # With its lowest energy at the nearest distance a curve has no repulsive branch at all.
    repulsion = correlation(inner)
    within = energies[inner][::-1]
    return {
        "force_flips": float((np.diff(signs) != 0).sum()),
        "energy_jump": float(jump),
        "tortuosity": float(np.abs(np.diff(energies)).sum() / shortest) if shortest else 1.0,
        "repulsion": 0.0 if repulsion is None else repulsion,
        "attraction": correlation(outer),
        "unrepelled": float((np.maximum.accumulate(within) - within).max()),
    }


def _pulls(atoms: Atoms, calculator: BaseCalculator, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies, eV, and forces that drive the atoms apart, eV/Å, at `distances` (points,)."""
    dimers = [Atoms(atoms.numbers, positions=[[0, 0, 0], [distance, 0, 0]]) for distance in distances]
    energies, forces = energies_and_forces(dimers, calculator)
    return energies, np.array([one[1, 0] for one in forces])


def _curve(distances: np.ndarray, values: np.ndarray, title: str) -> Curve:
    return Curve(x_title="distance, Å", y_title=title, x=tuple(distances.tolist()), y=tuple(values.tolist()))
