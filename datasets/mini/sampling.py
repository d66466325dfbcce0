"""How frames are drawn (molecular dynamics, rattling, straining) and labeled with GFN1-xTB."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import CalculationFailed
from ase.calculators.singlepoint import SinglePointCalculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.neighborlist import neighbor_list
from tblite.ase import TBLite

METHOD = "GFN1-xTB"
SPLITS = ("train", "valid", "test")
DECIMALS = 6  # of stored coordinates and forces; structures are rounded before they are labeled

SHORTEST_DISTANCE = 0.6  # Å
LARGEST_FORCE = 30.0  # eV/Å
SCF_AMBIGUITY = 2e-3  # eV

ALONE = (1, 1, 1)  # copies of a cell: itself


@dataclass(frozen=True)
class Dynamics:
    """A Langevin protocol: `skip` steps are thrown away, then every `spacing`-th step is a frame."""

    timestep: float = 1.5  # fs; hydrogen moves with the mass of deuterium to allow it
    skip: int = 30
    spacing: int = 6
    friction: float = 0.01  # 1/fs


def calculator(electronic_temperature: float, accuracy: float = 0.1) -> TBLite:
    """GFN1-xTB; its energy is the electronic free energy, the quantity forces are derivatives of."""
    return TBLite(
        method=METHOD,
        electronic_temperature=electronic_temperature,
        accuracy=accuracy,
        max_iterations=300,
        verbosity=0,
    )


def split_of(number: int, period: int) -> str:
    """Of each `period` consecutive groups one is for validation, one for the test, the others for training."""
    return {period // 2 - 1: "valid", period - 1: "test"}.get(number % period, "train")


def tagged(atoms: Atoms, *, split: str, group: str, kind: str) -> Atoms:
    """A copy that keeps the structure and the last energy, and forgets velocities and masses."""
    frame = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    frame.info.update(split=split, group=group, kind=kind)
    if atoms.calc is not None:
        frame.calc = SinglePointCalculator(frame, energy=atoms.calc.results["energy"])
    return frame


def rattled(atoms: Atoms, amplitude: float, rng: np.random.Generator, strain: float = 0.0) -> Atoms:
    """Displaced by normal noise (Å) in a cell deformed by symmetric normal strain."""
    moved = atoms.copy()
    if strain:
        deformation = rng.normal(0.0, strain, (3, 3))
        deformation = np.eye(3) + (deformation + deformation.T) / 2
        moved.set_cell(moved.cell.array @ deformation, scale_atoms=True)
    moved.positions += rng.normal(0.0, amplitude, moved.positions.shape)
    return moved


def dynamics(
    start: Atoms, temperature: float, frames: int, protocol: Dynamics, calc: TBLite, seed: Sequence[int]
) -> Iterator[Atoms]:
    """Frames of one Langevin run; the run ends early where the SCF stops converging."""
    rng = np.random.default_rng(list(seed))
    atoms = rattled(start, 0.03, rng)
    masses = atoms.get_masses()
    masses[atoms.numbers == 1] = 2.014
    atoms.set_masses(masses)
    atoms.calc = calc
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=rng)
    Stationary(atoms)
    motion = Langevin(
        atoms,
        protocol.timestep * units.fs,
        temperature_K=temperature,
        friction=protocol.friction / units.fs,
        rng=rng,
    )
    try:
        motion.run(protocol.skip)
        for _ in range(frames):
            motion.run(protocol.spacing)
            yield atoms
    except CalculationFailed:
        return


def independent_runs(
    starts: Mapping[str, Atoms],
    temperatures: Sequence[float],
    frames: Mapping[str, int],
    protocol: Dynamics,
    calc: TBLite,
    seed: int,
) -> Iterator[Atoms]:
    """From every start one run for each split, with its own noise and velocities.

    The splits cover the same basins, but no test frame lies on a trajectory that has training frames.
    """
    for number, (name, start) in enumerate(starts.items()):
        for which, split in enumerate(SPLITS):
            temperature = temperatures[(number + which) % len(temperatures)]
            group = f"{name}-{temperature:.0f}K-{split}"
            run = dynamics(start, temperature, frames[split], protocol, calc, (seed, number, which))
            for atoms in run:
                yield tagged(atoms, split=split, group=group, kind="md")


def labeled(candidate: Atoms, electronic_temperature: float, copies: tuple[int, int, int] = ALONE) -> Atoms | None:
    """The frame with energy, forces and stress of an SCF of its own; None where it should be dropped.

    Args:
        candidate: the structure, with the last energy of its dynamics if there was any.
        electronic_temperature: K.
        copies: see `labels`.
    """
    frame = candidate.copy()
    frame.positions = frame.positions.round(DECIMALS)
    frame.cell = frame.cell.array.round(DECIMALS)
    if len(neighbor_list("i", frame, SHORTEST_DISTANCE)):
        return None
    calc = calculator(electronic_temperature)
    try:
        # Dynamics restarts each SCF from the last density. Where a fresh SCF lands elsewhere, there are two solutions.
        if candidate.calc is not None:
            fresh = labels(frame, calc)[0]
            if not abs(candidate.get_potential_energy() - fresh) <= SCF_AMBIGUITY:
                return None
        energy, forces, stress = labels(frame, calc, copies)
    except CalculationFailed:
        return None
    if not np.isfinite(energy) or not np.isfinite(stress).all() or not np.abs(forces).max() < LARGEST_FORCE:
        return None
    frame.calc = SinglePointCalculator(
        frame, energy=round(energy, 8), forces=forces.round(DECIMALS), stress=stress.round(8)
    )
    return frame


def labels(atoms: Atoms, calc: TBLite, copies: tuple[int, int, int] = ALONE) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy (eV), forces (n, 3) in eV/Å and stress (6,) in eV/Å^3 of a crystal.

    Args:
        atoms: n atoms of one cell.
        calc: knows the Γ point only.
        copies: of the cell along its axes. A supercell of them at Γ is the cell on a mesh of as many k points, and a
            cell that is short along an axis needs more than one there.
    """
    supercell = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True).repeat(copies)
    supercell.calc = calc
    forces = supercell.get_forces()[: len(atoms)]  # the first copy's
    return supercell.get_potential_energy() / math.prod(copies), forces, supercell.get_stress()
