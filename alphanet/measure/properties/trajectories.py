"""Molecular dynamics that notices when it goes wrong, and what is read from its frames."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import BaseCalculator
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.neighborlist import neighbor_list

from alphanet.errors import UserError
from alphanet.measure.properties.crystals import repeats

WILD = 1e3  # eV/Å
HOT = 10.0  # times the temperature
SHELLS = 60  # bins of a radial distribution


@dataclass
class Trajectory:
    """Samples of a run, until its end or until it went wrong."""

    interval: float  # ps between samples
    energies: list[float] = field(default_factory=list)  # eV, total
    temperatures: list[float] = field(default_factory=list)  # K
    positions: list[np.ndarray] = field(default_factory=list)  # (n, 3) Å, not wrapped
    velocities: list[np.ndarray] = field(default_factory=list)  # (n, 3) Å/ps
    problem: str = ""  # why it ended early

    @property
    def picoseconds(self) -> float:
        """How long it was stable."""
        return self.interval * max(0, len(self.energies) - 1)


def warm(atoms: Atoms, calculator: BaseCalculator, temperature: float, length: float, seed: int) -> Atoms:
    """A copy of a structure with velocities, a crystal repeated until its faces are `length` Å apart.

    Atoms at rest share their energy with potential wells: they start with twice the temperature.
    """
    moving: Atoms = atoms.repeat(repeats(atoms, length)) if atoms.pbc.all() else atoms.copy()
    moving.calc = calculator
    random = np.random.default_rng(seed)
    MaxwellBoltzmannDistribution(moving, temperature_K=2 * temperature, force_temp=True, rng=random)
    Stationary(moving)
    return moving


def sampled(dynamics: Any, atoms: Atoms, temperature: float, steps: int, every: int, timestep: float) -> Trajectory:
    """Run `dynamics` of `atoms` for `steps` steps of `timestep` fs and take a sample every so many.

    It ends early, and says why, if forces or temperature become absurd or the potential fails.
    """
    trajectory = Trajectory(interval=every * timestep / 1000)
    try:
        for step, _ in enumerate(dynamics.irun(steps)):
            if step % every:
                continue
            force, heat = float(np.abs(atoms.get_forces()).max()), float(atoms.get_temperature())
            if not force < WILD or not heat < HOT * temperature:
                trajectory.problem = f"largest force {force:.3g} eV/Å, temperature {heat:.4g} K"
                break
            trajectory.energies.append(float(atoms.get_total_energy()))
            trajectory.temperatures.append(heat)
            trajectory.positions.append(atoms.positions.copy())
            trajectory.velocities.append(atoms.get_velocities() * 1000 * units.fs)
    except (UserError, FloatingPointError, np.linalg.LinAlgError) as error:
        trajectory.problem = str(error)
    return trajectory


def radial_distribution(frame: Atoms, positions: list[np.ndarray], reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Centers (b,) Å of the shells, and the distribution (b,) of all pairs averaged over `positions`."""
    edges = np.linspace(0, reach, SHELLS + 1)
    counts = np.zeros(SHELLS)
    one: Atoms = frame.copy()
    for place in positions:
        one.positions = place
        counts += np.histogram(neighbor_list("d", one, reach), edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3) * len(frame) ** 2 / frame.get_volume()
    return (edges[1:] + edges[:-1]) / 2, counts / len(positions) / shells


def vibrations(velocities: list[np.ndarray], masses: np.ndarray, interval: float) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies (f,) THz and the mass-weighted power (f,) of the velocities, whose sum is one."""
    moving = np.array(velocities) * np.hanning(len(velocities))[:, None, None]
    power = (np.abs(np.fft.rfft(moving, axis=0)) ** 2 * masses[None, :, None]).sum(axis=(1, 2))
    total = power.sum()
    return np.fft.rfftfreq(len(velocities), interval), power / total if total else power


def diffusion(positions: list[np.ndarray], interval: float) -> float:
    """Å^2/ps, the slope of the mean square displacement over its second half, divided by six."""
    moved = np.array(positions) - positions[0]
    moved -= moved.mean(axis=1, keepdims=True)
    square = (moved**2).sum(axis=2).mean(axis=1)
    half = len(square) // 2
    times = interval * np.arange(len(square))
    return float(np.polyfit(times[half:], square[half:], 1)[0] / 6)
