"""Lattice thermal conductivity by phono3py, and κ_SRME, the error of it mode by mode."""

import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from pydantic import Field, PositiveFloat

from alphanet.errors import UserError
from alphanet.measure.force_constants import crystal_of
from alphanet.measure.properties.crystals import conventional, no_crystal, repeats, symmetry_of
from alphanet.measure.properties.relaxing import relaxed
from alphanet.measure.properties.structures import GRID, HARMONIC, THIRD
from alphanet.measure.properties.task import EXTRA, Curve, Property, Quantity, Result
from alphanet.measure.properties.together import forces_of

WORST = 2.0  # κ_SRME, and the symmetric relative error, of a potential without a conductivity
ACOUSTIC = -0.01  # THz: what lies above at Γ is rounding of an acoustic mode
BOUNDARY = 1e6  # µm, mean free path that scattering at boundaries allows
SYMMETRY = 1e-4  # Å, a tolerance that relaxations keep


class ThermalConductivity(Result):
    """Conductivity of the relaxed crystal; None if it has none, which the notes explain."""

    lowest: float | None = None  # THz, the lowest frequency
    conductivity: float | None = None  # W/m/K, mean over the axes, of populations and coherences


class Conductivity(Property[ThermalConductivity]):
    """The Wigner equation in the relaxation-time approximation, with isotopes, as in κ_SRME.

    Supercells and grid are those that the structure's frame names (`fc2_supercell`, `fc3_supercell` and `q_mesh`, as in
    the published set), else those of the settings.

    Source: Póta, Ahlawat, Csányi, Simoncelli, arXiv:2408.00755; the equation is that of Simoncelli, Marzari, Mauri,
    Nat. Phys. 15, 809 (2019).
    """

    name: ClassVar[str] = "conductivity"
    title: ClassVar[str] = "thermal conductivity"
    result_type: ClassVar[type[Result]] = ThermalConductivity
    quantities: ClassVar[Mapping[str, Quantity]] = {
        "srme": Quantity("κ_SRME", "", 1e-4),
        "conductivity_error": Quantity("κ, symmetric error", "%", 1e-4, 100),
    }
    packages: ClassVar[Mapping[str, str]] = {"phono3py": EXTRA}
    drawn: ClassVar[str] = "accumulated"
    seconds: ClassVar[float] = 300.0

    length: PositiveFloat = 7.0  # Å, distance of opposite faces of supercells
    displacement: PositiveFloat = 0.03  # Å
    mesh: int = Field(default=9, ge=2)
    temperature: PositiveFloat = 300.0  # K
    largest: int = Field(default=12, ge=1)  # atoms in a cell: the number of displaced pairs grows with their square

    def unfit(self, atoms: Atoms) -> str | None:
        """Only crystals of few atoms."""
        return no_crystal(atoms) or (
            None if len(atoms) <= self.largest else f"its cell has more than {self.largest} atoms"
        )

    def compute(self, calculator: BaseCalculator, atoms: Atoms) -> ThermalConductivity:
        """The conductivity of the relaxed crystal.

        Raises:
            UserError: phono3py is not installed or fails, a relaxation fails, or the calculator fails.
        """
        self.require_packages()
        crystal = atoms if THIRD in atoms.info else conventional(atoms)
        group = symmetry_of(crystal).number
        cell = relaxed(crystal, calculator, cell=True)
        if (now := symmetry_of(cell).number) != group:
            return ThermalConductivity(notes=(f"relaxation turns space group {group} into {now}: no conductivity",))
        try:
            # What phono3py prints is for people, and the output of the command may be JSON.
            with redirect_stdout(sys.stderr):
                return self._conductivity(cell, calculator)
        except (RuntimeError, ValueError) as error:
            raise UserError(f"phono3py fails on {atoms.symbols}: {error}") from error

    def compare(self, found: ThermalConductivity, truth: ThermalConductivity | None) -> dict[str, float]:
        """κ_SRME, and |κ - κ'| over the mean of both; 2 without a conductivity or with another symmetry."""
        if truth is None or truth.conductivity is None:
            return {}
        worst = {"srme": WORST, "conductivity_error": WORST}
        if found.conductivity is None:
            return worst
        one, other = (np.array(result.curves["modes"].y) for result in (found, truth))
        if len(one) != len(other):
            return worst
        mean = (found.conductivity + truth.conductivity) / 2
        return {
            "srme": float(np.abs(one - other).sum() / mean),
            "conductivity_error": abs(found.conductivity - truth.conductivity) / mean,
        }

    def _conductivity(self, cell: Atoms, calculator: BaseCalculator) -> ThermalConductivity:
        phonons = self._displaced(cell)
        phonons.phonon_forces = _forces(phonons.phonon_supercells_with_displacements, calculator)
        phonons.produce_fc2()
        phonons.symmetrize_fc2()
        phonons.init_phph_interaction()
        phonons.run_phonon_solver()
        frequencies = phonons.get_phonon_data()[0]  # (points, bands) THz, Γ first
        lowest = float(frequencies.min())
        if frequencies[0].min() < ACOUSTIC or frequencies[1:].min() < 0:
            return ThermalConductivity(
                lowest=lowest, notes=(f"imaginary modes (lowest {lowest:.2f} THz): no conductivity",)
            )
        phonons.forces = _forces(phonons.supercells_with_displacements, calculator)
        phonons.produce_fc3()
        phonons.symmetrize_fc3()
        phonons.init_phph_interaction()
        phonons.run_thermal_conductivity(
            temperatures=[self.temperature], is_isotope=True, transport_type="SMM19", boundary_mfp=BOUNDARY
        )
        found = phonons.thermal_conductivity
        modes = mode_conductivities(found.mode_kappa_matrix[0, 0], found.mode_heat_capacities[0])
        return conductivity_of(modes / found.grid_weights.sum(), found.frequencies, lowest)

    def _displaced(self, cell: Atoms) -> Any:
        """Phono3py with displacements."""
        from phono3py import Phono3py
        from phonopy.structure.atoms import PhonopyAtoms
        from phonopy.structure.cells import guess_primitive_matrix

        crystal = PhonopyAtoms(symbols=cell.get_chemical_symbols(), cell=cell.cell.array, positions=cell.positions)
        own = np.diag(repeats(cell, self.length))
        phonons = Phono3py(
            crystal,
            supercell_matrix=cell.info.get(THIRD, own),
            phonon_supercell_matrix=cell.info.get(HARMONIC, own),
            primitive_matrix=guess_primitive_matrix(crystal, symprec=SYMMETRY),
            symprec=SYMMETRY,
            log_level=0,
        )
        phonons.mesh_numbers = cell.info.get(GRID, [self.mesh] * 3)
        phonons.generate_displacements(distance=self.displacement)
        return phonons


def mode_conductivities(pairs: np.ndarray, heat_capacities: np.ndarray) -> np.ndarray:
    """(points, bands) conductivity of each mode, mean over the axes, in the unit of `pairs`.

    A coherence of two modes is shared by their heat capacities, as κ_SRME does it.

    Args:
        pairs: (points, bands, bands, 6) conductivity of pairs of modes; its diagonal is that of populations.
        heat_capacities: (points, bands).
    """
    first, second = heat_capacities[:, :, None], heat_capacities[:, None, :]
    total = first + second
    share = 2 * np.divide(first, total, out=np.zeros_like(total), where=total > 0)
    modes: np.ndarray = (share * pairs[..., :3].mean(axis=-1)).sum(axis=1)
    return modes


def conductivity_of(modes: np.ndarray, frequencies: np.ndarray, lowest: float | None) -> ThermalConductivity:
    """The result of modes (points, bands): conductivities, whose sum is the crystal's, W/m/K, and frequencies, THz."""
    flat, order = modes.ravel(), np.argsort(frequencies, axis=None)
    return ThermalConductivity(
        lowest=lowest,
        conductivity=float(flat.sum()),
        curves={
            "modes": Curve(
                x_title="irreducible point of the grid times bands, plus band",
                y_title="conductivity of a mode, W/m/K",
                x=tuple(float(place) for place in range(flat.size)),
                y=tuple(flat.tolist()),
            ),
            "accumulated": Curve(
                x_title="frequency, THz",
                y_title="conductivity of lower modes, W/m/K",
                x=tuple(frequencies.ravel()[order].tolist()),
                y=tuple(np.cumsum(flat[order]).tolist()),
            ),
        },
    )


def _forces(supercells: list[Any], calculator: BaseCalculator) -> np.ndarray:
    """(supercells, atoms, 3) eV/Å."""
    return np.array(forces_of([crystal_of(one) for one in supercells], calculator))
