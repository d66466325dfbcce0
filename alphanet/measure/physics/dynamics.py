"""Molecular dynamics at constant energy: whether the energy drifts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import units

from alphanet.measure.physics.checks import Check, Subject, judged
from alphanet.measure.physics.rounding import MARGIN

TEMPERATURE = 300.0  # K
STEPS = 500
STEP = 0.5  # fs for oxygen, and with the square root of the lightest mass for others
LOWEST_DRIFT = 1e-3  # meV/atom/ps: 4 K in a nanosecond
SPREAD = np.sqrt(12)  # slope of a bounded error of standard deviation s over a time T: at most about s sqrt(12) / T


@dataclass(frozen=True)
class Trajectory:
    """Every step of a run: times (n,) in ASE's unit; energies and corrections (n,) eV; (w dt)^2 (n,), see `drift`."""

    times: np.ndarray
    energies: np.ndarray
    corrections: np.ndarray
    rates: np.ndarray
    lengths: np.ndarray  # (n,) Å, of steps in the space of all positions


def drift(subject: Subject) -> Iterator[Check]:
    """Slope of the total energy of the crystal in a quarter of a picosecond of velocity Verlet.

    The integrator keeps, to fourth order in its step, not the energy E but the shadow energy
    E + dt^2 (v.V''v / 12 - F.F/m / 24), in which V''v = -dF/dt; it is the shadow energy's slope that is fitted, so that
    oscillations of second order do not hide a drift. What is left of fourth order is about the correction's spread
    times (w dt)^2 with w^2 = v.V''v / v.mv, which over the time is the limit. Rounding adds its noise in the energies,
    and three times the random walk of the work that its noise in the forces does, over the time as well.
    """
    trajectory = _run(subject)
    n_atoms = len(subject.crystal)
    kept = trajectory.energies + trajectory.corrections
    picoseconds = trajectory.times / (1000 * units.fs)
    slope = 1000 * np.polyfit(picoseconds, kept - kept[0], 1)[0] / n_atoms
    remainder = trajectory.corrections.std() * float(np.quantile(np.abs(trajectory.rates), 0.9))
    walk = subject.rounding.forces * trajectory.lengths.mean() * np.sqrt(len(kept))
    noise = subject.rounding.energy * n_atoms / np.sqrt(len(kept))
    allowed = SPREAD * (3 * remainder + MARGIN * noise) + 3 * walk
    limit = max(LOWEST_DRIFT, 1000 * allowed / n_atoms / picoseconds[-1])
    yield judged("NVE: drift", "NVE", abs(slope), "meV/atom/ps", limit)


def _run(subject: Subject) -> Trajectory:
    """Velocity Verlet, kick, drift, kick."""
    atoms = subject.crystal.copy()
    masses = atoms.get_masses()[:, None]
    dt = STEP * float(np.sqrt(masses.min() / 16)) * units.fs
    velocities = subject.random(8).normal(size=(len(atoms), 3)) * np.sqrt(units.kB * TEMPERATURE / masses)
    velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    (now,) = subject.predict([atoms])
    energies, speeds, forces = [], [], []
    for _ in range(STEPS):
        energies.append(now.energy + 0.5 * float((masses * velocities**2).sum()))
        speeds.append(velocities)
        forces.append(now.forces)
        halfway = velocities + 0.5 * dt * now.forces / masses
        atoms.positions += dt * halfway
        (now,) = subject.predict([atoms])
        velocities = halfway + 0.5 * dt * now.forces / masses
    return _trajectory(dt, np.array(energies), np.array(speeds), np.array(forces), masses)


def _trajectory(
    dt: float, energies: np.ndarray, velocities: np.ndarray, forces: np.ndarray, masses: np.ndarray
) -> Trajectory:
    curvature = -(velocities * np.gradient(forces, dt, axis=0, edge_order=2)).sum(axis=(1, 2))  # v.V''v
    corrections = dt**2 * (curvature / 12 - (forces**2 / masses).sum(axis=(1, 2)) / 24)
    rates = dt**2 * curvature / (masses * velocities**2).sum(axis=(1, 2))
    lengths = dt * np.sqrt((velocities**2).sum(axis=(1, 2)))
    return Trajectory(dt * np.arange(len(energies)), energies, corrections, rates, lengths)
