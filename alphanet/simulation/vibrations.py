"""Phonons by finite displacements, with phonopy."""

import logging
import math
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.dft.kpoints import parse_path_string
from pydantic import JsonValue, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.measure.force_constants import crystal_of, force_constants
from alphanet.potentials.protocol import Potential
from alphanet.simulation.evaluations import BATCH, Conditions, Evaluations
from alphanet.simulation.inputs import named, origin_of, require_cell, structure_digest
from alphanet.simulation.outputs import Table, folder_of, write_summary
from alphanet.simulation.progress import steps_of

logger = logging.getLogger(__name__)

PHONOPY, BANDS, DOS, THERMAL = "phonopy.yaml", "bands.csv", "dos.csv", "thermal.csv"
SHORTEST = 10.0  # Å, of a supercell whose size nobody chose
RELAXED_ENOUGH = 0.01  # eV/Å: above it frequencies are those of no minimum
SMALL = 0.05  # THz below zero, within which rounding and the supercell's cut move a frequency
STILL = 1e-3  # THz: modes below it are translations at Γ, or imaginary, and have no part in thermal properties
HOTTEST, EVERY = 1000.0, 10.0  # K, of thermal properties
POINTS = 51  # on each part of the path through the Brillouin zone
GRID = 40.0  # phonopy's length of a mesh nobody chose: q points along a vector are about this over its length in Å


class Phonons(Card):
    """How phonons are computed."""

    supercell: tuple[PositiveInt, PositiveInt, PositiveInt] | None = None
    """Repeats of the cell; None: so many that no vector is shorter than 10 Å"""
    displacement: PositiveFloat = 0.01
    """Å"""
    mesh: tuple[PositiveInt, PositiveInt, PositiveInt] | None = None
    """q points; None: by the size of the cell"""
    temperature: PositiveFloat = 300.0
    """K, of the thermal numbers in the summary"""

    def repeats(self, atoms: Atoms) -> tuple[int, int, int]:
        """Of the cell of a structure."""
        if self.supercell is not None:
            return self.supercell
        first, second, third = (max(1, math.ceil(SHORTEST / length)) for length in atoms.cell.lengths())
        return first, second, third


def phonons_of(
    atoms: Atoms, potential: Potential, settings: Phonons, folder: Path, *, restart: bool = False
) -> dict[str, JsonValue]:
    """Frequencies, density of states and thermal properties of a crystal; goes on where an earlier process stopped.

    Args:
        atoms: the relaxed crystal.
        potential: gives forces.
        settings: supercell, displacement and so on.
        folder: for `phonopy.yaml`, `bands.csv`, `dos.csv`, `thermal.csv`, `summary.json` and `evaluations.jsonl`.
        restart: forget what was computed.

    Returns:
        What `summary.json` has: the lowest frequency (THz), whether it is imaginary, thermal properties.

    Raises:
        UserError: phonopy is not installed, the structure is no crystal, the model fails, or the folder holds another
            calculation.
    """
    require_cell(atoms, "a calculation of phonons")
    require_phonopy()
    repeats = settings.repeats(atoms)
    values: dict[str, JsonValue] = {"repeats": list(repeats), "displacement": settings.displacement}
    conditions = Conditions(
        task="phonons", structures=[structure_digest(atoms)], settings=values, model=origin_of(potential)
    )
    with folder_of(folder):
        evaluations = Evaluations(folder, potential, conditions, restart=restart)
        (still,) = evaluations.predict([atoms])
        largest = float(np.linalg.norm(still.forces, axis=1).max())
        if largest > RELAXED_ENOUGH:
            logger.warning("%s is not relaxed (%.3g eV/Å): its phonons are those of no minimum", named(atoms), largest)
        phonon = force_constants(atoms, repeats, settings.displacement, partial(_forces, evaluations), primitive="auto")
        phonon.symmetrize_force_constants(show_drift=False)
        with atomic_path(folder / PHONOPY) as temporary:
            phonon.save(str(temporary), settings={"force_constants": True})
        summary: dict[str, JsonValue] = {
            "atoms": len(atoms), "supercell": [*repeats], "displacements": len(phonon.supercells_with_displacements),
            "largest_force_eV_per_A": largest, **_frequencies(phonon, settings, folder),
        }  # fmt: skip
        write_summary(folder, summary)
    return summary


def require_phonopy() -> None:
    """Check that phonopy is installed.

    Raises:
        UserError: it is not.
    """
    if find_spec("phonopy") is None:
        raise UserError("phonons need phonopy: pip install 'alphanet-suite[phonons]', or phonopy itself")


def _forces(evaluations: Evaluations, cells: list[Atoms], at_rest: Atoms) -> list[np.ndarray]:
    """Forces in all displaced supercells, without those in the supercell at rest."""
    forces: list[np.ndarray] = []
    with steps_of("displaced supercells", len(cells)) as update:
        for first in range(0, len(cells), BATCH):
            try:
                forces += [answer.forces for answer in evaluations.predict(cells[first : first + BATCH])]
            except UserError as error:
                raise UserError(f"displaced supercells {first} to {first + BATCH - 1}: {error}") from error
            update(len(forces), f"{len(cells[0])} atoms")
    (residual,) = evaluations.predict([at_rest])
    return [one - residual.forces for one in forces]


def _frequencies(phonon: Any, settings: Phonons, folder: Path) -> dict[str, float]:
    """Numbers from the force constants, most of them into tables."""
    phonon.run_mesh(settings.mesh if settings.mesh is not None else GRID, is_gamma_center=True)
    frequencies, weights = np.asarray(phonon.mesh.frequencies), np.asarray(phonon.mesh.weights, dtype=float)
    phonon.run_total_dos()
    dos = phonon.total_dos
    _table(folder / DOS, ("frequency [THz]", "density of states [1/THz]"), dos.frequency_points, dos.dos)
    temperatures = np.unique([*np.arange(0.0, HOTTEST + EVERY, EVERY), settings.temperature])
    phonon.run_thermal_properties(temperatures=temperatures, cutoff_frequency=STILL)
    rows = [
        np.asarray(getattr(phonon.thermal_properties, name))
        for name in ("temperatures", "free_energy", "entropy", "heat_capacity")
    ]
    _table(
        folder / THERMAL,
        ("temperature [K]", "free energy [kJ/mol]", "entropy [J/K/mol]", "heat capacity [J/K/mol]"), *rows,
    )  # fmt: skip
    _bands(phonon, folder)
    asked = int(np.argmin(np.abs(rows[0] - settings.temperature)))
    count = len(frequencies[0])
    lowest = float(frequencies.min())
    gamma = np.sort(np.asarray(phonon.run_qpoints([[0.0, 0.0, 0.0]]).frequencies)[0])
    return {
        "primitive_atoms": count // 3,
        "q_points": int(weights.sum()),
        "lowest_frequency_THz": lowest,
        "highest_frequency_THz": float(frequencies.max()),
        "imaginary_fraction": float(weights @ (frequencies < -SMALL).sum(axis=1) / (weights.sum() * count)),
        "stable": lowest > -SMALL,
        "largest_acoustic_at_gamma_THz": float(np.sort(np.abs(gamma))[:3].max()),
        "temperature_K": settings.temperature,
        "free_energy_kJ_per_mol": float(rows[1][asked]),
        "entropy_J_per_K_per_mol": float(rows[2][asked]),
        "heat_capacity_J_per_K_per_mol": float(rows[3][asked]),
    }


def _bands(phonon: Any, folder: Path) -> None:
    """Frequencies along ASE's path through the Brillouin zone of the primitive cell."""
    primitive = crystal_of(phonon.primitive)
    path = primitive.cell.bandpath()
    names = {name: np.asarray(point) for name, point in path.special_points.items()}
    branches = parse_path_string(path.path)  # `GXWK,UX` has two
    parts = [pair for branch in branches for pair in pairwise(branch)]
    points = [np.linspace(names[first], names[last], POINTS) for first, last in parts]
    phonon.run_band_structure(points)
    bands = phonon.band_structure
    count = 3 * len(primitive)
    columns = ("part", "distance [1/Å]", "q1", "q2", "q3", *(f"frequency {one} [THz]" for one in range(1, count + 1)))
    with Table(folder / BANDS, columns) as table:
        for place, (first, last) in enumerate(parts):
            for q, distance, frequencies in zip(
                bands.qpoints[place], bands.distances[place], bands.frequencies[place], strict=True
            ):
                table.add([f"{first}-{last}", float(distance), *map(float, q), *map(float, frequencies)])


def _table(path: Path, columns: tuple[str, ...], *values: Any) -> None:
    with Table(path, columns) as table:
        for row in zip(*values, strict=True):
            table.add([float(value) for value in row])
