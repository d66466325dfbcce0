"""Dihedral scans: the energy of a molecule as one part of it turns about a bond."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.neighborlist import build_neighbor_list
from pydantic import Field

from alphanet.errors import UserError
from alphanet.measure.properties.relaxing import relaxed
from alphanet.measure.properties.task import Curve, Property, Quantity, Result
from alphanet.measure.properties.together import energies_and_forces


class DihedralScan(Result):
    """Energies over a whole turn; everything else stays as it is at the relaxed geometry."""

    barrier: float  # eV, from the lowest to the highest


class Dihedral(Property[DihedralScan]):
    """The first bond that both sides of can turn about."""

    name: ClassVar[str] = "dihedral"
    title: ClassVar[str] = "dihedral scan"
    result_type: ClassVar[type[Result]] = DihedralScan
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "scan_error": Quantity("scan RMSE", "meV", 1e-6, 1000),
        "rotation_error": Quantity("rotational barrier", "meV", 1e-6, 1000, of="barrier"),
    }
    drawn: ClassVar[str] = "scan"
    seconds: ClassVar[float] = 20.0

    points: int = Field(default=24, ge=6)

    def unfit(self, atoms: Atoms) -> str | None:
        """Molecules with a bond between two atoms that have other neighbors and lie on no ring."""
        if atoms.pbc.any():
            return "it is periodic"
        return None if turning(atoms) else "it has no bond that a part of it can turn about"

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> DihedralScan:
        """The scan.

        Raises:
            UserError: the relaxation fails.
        """
        bond = turning(atoms)
        if bond is None:
            raise UserError(f"{atoms.symbols}: {self.unfit(atoms)}")
        quartet, part = bond
        start = relaxed(atoms, calculator)
        angles = np.linspace(0, 360, self.points, endpoint=False)
        scan = [start.copy() for _ in angles]
        for turned, angle in zip(scan, angles, strict=True):
            turned.set_dihedral(*quartet, angle=angle, indices=part)
        energies, _ = energies_and_forces(scan, calculator)
        above = energies - energies.min()
        return DihedralScan(
            barrier=float(above.max()),
            curves={
                "scan": Curve(
                    x_title="dihedral angle, degrees",
                    y_title="energy above the lowest, eV",
                    x=tuple(angles.tolist()),
                    y=tuple(above.tolist()),
                )
            },
        )

    def compare(self, found: DihedralScan, truth: DihedralScan | None) -> dict[str, float]:
        """Also the root mean square error of the scan, eV."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        difference = np.subtract(found.curves["scan"].y, truth.curves["scan"].y)
        return {"scan_error": float(np.sqrt(np.mean(difference**2))), **errors}


def turning(atoms: Atoms) -> tuple[tuple[int, int, int, int], list[int]] | None:
    """The atoms of a dihedral, and those that turn with its last one; None if there is none.

    Of all bonds the one is taken whose smaller side has the most atoms.
    """
    bonded = build_neighbor_list(atoms, self_interaction=False).get_connectivity_matrix(sparse=False)
    bonded = (bonded + bonded.T) > 0
    best: tuple[int, tuple[int, int, int, int], list[int]] | None = None
    for left, right in np.argwhere(np.triu(bonded)).tolist():
        part = _side(bonded, left, right)
        first = [one for one in np.flatnonzero(bonded[left]).tolist() if one != right]
        last = [one for one in np.flatnonzero(bonded[right]).tolist() if one != left]
        if part is None or not first or not last:
            continue
        size = min(len(part), len(atoms) - len(part))
        if best is None or size > best[0]:
            best = size, (first[0], left, right, last[0]), part
    return best and best[1:]


def _side(bonded: np.ndarray, left: int, right: int) -> list[int] | None:
    """The atoms beyond `right`, seen from `left`; None if the bond lies on a ring."""
    seen, edge = {right}, [right]
    while edge:
        here = edge.pop()
        for there in np.flatnonzero(bonded[here]).tolist():
            if (here, there) == (right, left):
                continue
            if there == left:
                return None
            if there not in seen:
                seen.add(there)
                edge.append(there)
    return sorted(seen)
