"""Elastic constants: stress under small strains of the relaxed crystal, whose atoms relax in each of them."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from ase.stress import voigt_6_to_full_3x3_strain
from ase.units import GPa
from pydantic import PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.properties.crystals import no_crystal, symmetry_of
from alphanet.measure.properties.relaxing import relaxed, relaxed_together
from alphanet.measure.properties.task import Curve, Property, Quantity, Result

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))  # the order of ASE: xx, yy, zz, yz, xz, xy
ASYMMETRIC = 0.05  # of the largest constant: a departure from the crystal's symmetry that is reported

Matrix = tuple[tuple[float, ...], ...]


class ElasticConstants(Result):
    """Second-order elastic constants, averaged over the symmetry of the crystal."""

    matrix: Matrix  # (6, 6) eV/Å^3, Voigt order of ASE
    bulk_modulus: float  # eV/Å^3, mean of the bounds by Voigt and Reuss (Hill 1952)
    shear_modulus: float  # eV/Å^3, likewise
    softest: float  # eV/Å^3, lowest eigenvalue; the crystal is stable if it is positive (Born)
    asymmetry: float  # largest change by the crystal's symmetry before averaging, over the largest constant


class Elastic(Property[ElasticConstants]):
    """Central differences of the stress over six strains."""

    name: ClassVar[str] = "elastic"
    title: ClassVar[str] = "elastic constants"
    result_type: ClassVar[type[Result]] = ElasticConstants
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "elastic_error": Quantity("elastic constants", "GPa", 1e-6, 1 / GPa),
        "shear_modulus_error": Quantity("shear modulus", "%", 1e-6, 100, of="shear_modulus", relative=True),
        "elastic_bulk_error": Quantity("bulk modulus by strains", "%", 1e-6, 100, of="bulk_modulus", relative=True),
    }
    seconds: ClassVar[float] = 60.0

    strain: PositiveFloat = 0.003

    def unfit(self, atoms: Atoms) -> str | None:
        """Only crystals have elastic constants."""
        return no_crystal(atoms)

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> ElasticConstants:
        """The constants of the relaxed crystal.

        Raises:
            UserError: a relaxation fails, or the potential gives no stress.
        """
        crystal = relaxed(atoms, calculator, cell=True)
        raw = self._constants(crystal, calculator)
        raw = (raw + raw.T) / 2
        averaged, asymmetry = symmetrized(raw, _rotations(crystal))
        bulk, shear = hill(averaged)
        softest = float(np.linalg.eigvalsh(averaged)[0])
        notes = []
        if asymmetry > ASYMMETRIC:
            notes.append(f"before averaging the constants break the crystal's symmetry by {100 * asymmetry:.0f} %")
        if softest <= 0:
            notes.append("the crystal is not stable: an eigenvalue of its elastic constants is negative")
        rows = tuple(tuple(row) for row in averaged.tolist())
        return ElasticConstants(
            matrix=rows, bulk_modulus=bulk, shear_modulus=shear, softest=softest, asymmetry=asymmetry,
            notes=tuple(notes),
            curves={
                "constants": Curve(
                    x_title="10 i + j of C_ij", y_title="elastic constant, eV/Å^3",
                    x=tuple(float(10 * i + j) for i in range(1, 7) for j in range(i, 7)),
                    y=tuple(rows[i][j] for i in range(6) for j in range(i, 6)),
                )
            },
        )  # fmt: skip

    def compare(self, found: ElasticConstants, truth: ElasticConstants | None) -> dict[str, float]:
        """Also the root mean square difference of the 21 constants, eV/Å^3."""
        errors = super().compare(found, truth)
        if truth is None:
            return errors
        difference = np.array(found.curves["constants"].y) - np.array(truth.curves["constants"].y)
        return {"elastic_error": float(np.sqrt(np.mean(difference**2))), **errors}

    def _constants(self, crystal: Atoms, calculator: BaseCalculator) -> np.ndarray:
        """(6, 6) derivatives of the stress, rows, by the strains, columns, eV/Å^3."""
        deformed = []
        for strain in (*np.eye(6) * self.strain, *np.eye(6) * -self.strain):
            one: Atoms = crystal.copy()
            # The tensor of ASE holds the identity: it is the deformation itself.
            one.set_cell(crystal.cell.array @ voigt_6_to_full_3x3_strain(strain), scale_atoms=True)
            deformed.append(one)
        final = relaxed_together(deformed, calculator)
        try:
            stresses = np.array([one.get_stress() for one in final])
        except (PropertyNotImplementedError, NotImplementedError) as error:
            raise UserError(f"a strained crystal needs a stress, which the potential lacks ({error})") from error
        constants: np.ndarray = (stresses[:6] - stresses[6:]).T / (2 * self.strain)
        return constants


def symmetrized(constants: np.ndarray, rotations: np.ndarray) -> tuple[np.ndarray, float]:
    """Constants (6, 6) averaged over rotations (n, 3, 3), and the largest change by one over the largest."""
    full = _full(constants)
    turned = np.array([_voigt(np.einsum("ia,jb,kc,ld,abcd", *[r] * 4, full, optimize=True)) for r in rotations])
    largest = np.abs(constants).max()
    return turned.mean(axis=0), float(np.abs(turned - constants).max() / largest) if largest else 0.0


def hill(constants: np.ndarray) -> tuple[float, float]:
    """Bulk and shear modulus of constants (6, 6): the means of the bounds by Voigt and by Reuss."""
    compliance = np.linalg.pinv(constants)

    def invariants(matrix: np.ndarray) -> tuple[float, float, float]:
        return np.trace(matrix[:3, :3]), matrix[0, 1] + matrix[0, 2] + matrix[1, 2], np.trace(matrix[3:, 3:])

    diagonal, mixed, shears = invariants(constants)
    bulk, shear = (diagonal + 2 * mixed) / 9, (diagonal - mixed + 3 * shears) / 15
    diagonal, mixed, shears = invariants(compliance)
    bulk_reuss, shear_reuss = 1 / (diagonal + 2 * mixed), 15 / (4 * diagonal - 4 * mixed + 3 * shears)
    return float((bulk + bulk_reuss) / 2), float((shear + shear_reuss) / 2)


def _rotations(crystal: Atoms) -> np.ndarray:
    """(n, 3, 3) rotations of the crystal's point group, in Cartesian axes."""
    cell = crystal.cell.array.T
    return np.array([cell @ one @ np.linalg.inv(cell) for one in symmetry_of(crystal).rotations])


def _full(constants: np.ndarray) -> np.ndarray:
    full = np.zeros((3, 3, 3, 3))
    for row, (i, j) in enumerate(VOIGT):
        for column, (k, m) in enumerate(VOIGT):
            for a, b in ((i, j), (j, i)):
                full[a, b, k, m] = full[a, b, m, k] = constants[row, column]
    return full


def _voigt(full: np.ndarray) -> np.ndarray:
    return np.array([[full[i, j, k, m] for k, m in VOIGT] for i, j in VOIGT])
