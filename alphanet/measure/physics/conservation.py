"""Conservation of energy: work on closed loops, antisymmetry of the forces' Jacobian, drift in molecular dynamics."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from alphanet.measure.physics.checks import CRYSTAL, MOLECULE, Check, Subject, judged, physics_check
from alphanet.measure.physics.derivatives import LOSS, derivatives, judged_differences
from alphanet.measure.physics.events import Path, random_path
from alphanet.measure.physics.rounding import MARGIN

LOOPS = 3
RADIUS = 0.03  # Å, of the farthest atom
POINTS = 48  # on a loop; the periodic trapezoidal rule converges exponentially
VECTORS = 6
TEMPERATURE = 300.0  # K
STEPS = 500
ENOUGH = 3  # steps, for slopes and derivatives
ESCAPED = 1000.0  # Å: atoms of a crystal that have gone so far drift no further; their energies are those of nothing
STEP = 0.5  # fs for oxygen, and with the square root of the lightest mass for others
LOWEST_DRIFT = 1e-3  # meV/atom/ps: 4 K in a nanosecond
SPREAD = np.sqrt(12)  # slope of a bounded error of standard deviation s over a time T: at most about s sqrt(12) / T


@dataclass(frozen=True)
class Loop:
    """A circle in the plane of two directions in the space of all positions."""

    first: Path
    second: Path

    def at(self, angle: float) -> Atoms:
        """The structure at `angle`."""
        moved: Atoms = self.first.atoms.copy()
        moved.positions += RADIUS * (np.cos(angle) * self.first.direction + np.sin(angle) * self.second.direction)
        return moved

    def tangent(self, angle: float) -> np.ndarray:
        """(n, 3) change of the positions with the angle."""
        along: np.ndarray = np.cos(angle) * self.second.direction - np.sin(angle) * self.first.direction
        return RADIUS * along


@dataclass(frozen=True)
class Trajectory:
    """Every step of a run: times (n,) in ASE's unit; energies and corrections (n,) eV; (w dt)^2 (n,), see `drift`."""

    times: np.ndarray
    energies: np.ndarray
    corrections: np.ndarray
    rates: np.ndarray
    lengths: np.ndarray  # (n,) Å, of steps in the space of all positions


@physics_check("conservative", "conser-\nvative", on=(MOLECULE,))
def conservative(subject: Subject) -> Iterator[Check]:
    """The part of the forces that is the derivative of no energy."""
    yield _loops(subject)
    yield _jacobian(subject)


@physics_check("NVE", "NVE\ndrift", on=(CRYSTAL,))
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
    yield judged("drift", abs(slope), "meV/atom/ps", limit)


def _loops(subject: Subject) -> Check:
    """Work of the forces around small circles of the molecule, on which no neighbor comes or goes: zero.

    Half of the points give its error.
    """
    random, rounding = subject.random(6), subject.molecule_rounding
    circles = [Loop(random_path(subject.molecule, random), random_path(subject.molecule, random)) for _ in range(LOOPS)]
    works = np.array([_work(subject, loop) for loop in circles])
    limit = rounding.force_limit() * 2 * np.pi * RADIUS * np.sqrt(len(subject.molecule))
    resolved = rounding.resolved * rounding.force_size
    value, error = np.abs(works[:, 0]), np.abs(works[:, 0] - works[:, 1])
    return judged_differences("closed loops", value, error, "eV", limit, resolved)


def _jacobian(subject: Subject) -> Check:
    """Antisymmetric part of the forces' Jacobian J: half of u.Jv - v.Ju for random unit vectors u and v."""
    random, rounding = subject.random(7), subject.molecule_rounding
    vectors = random.normal(size=(VECTORS, *subject.molecule.positions.shape))
    vectors /= np.linalg.norm(vectors, axis=(1, 2))[:, None, None]
    lines = [Path(subject.molecule, one) for one in vectors]
    columns, errors = derivatives(subject, lines, rounding.step, lambda one: one.forces.ravel())
    flat = vectors.reshape(VECTORS, -1)
    first, second = np.triu_indices(VECTORS, 1)
    projected, unsure = flat @ columns.T, np.abs(flat) @ errors.T
    wrong = np.abs(projected - projected.T)[first, second] / 2
    error = (unsure + unsure.T)[first, second] / 2
    limit = max(rounding.force_limit(), MARGIN * LOSS * rounding.forces / (rounding.step / 2))
    resolved = rounding.resolved * float(np.abs(projected).max())
    return judged_differences("Jacobian", wrong, error, "eV/Å^2", limit, resolved)


def _work(subject: Subject, loop: Loop) -> tuple[float, float]:
    """eV, of the forces around a loop, with all points and with every other one."""
    angles = 2 * np.pi * np.arange(POINTS) / POINTS
    answers = subject.predict([loop.at(angle) for angle in angles])
    power = np.array([(one.forces * loop.tangent(t)).sum() for one, t in zip(answers, angles, strict=True)])
    return float(2 * np.pi * power.mean()), float(2 * np.pi * power[::2].mean())


def _run(subject: Subject) -> Trajectory:
    """Velocity Verlet, kick, drift, kick; it ends early where atoms escape."""
    atoms = subject.crystal.copy()
    started = atoms.positions.copy()
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
        if np.abs(atoms.positions - started).max() > ESCAPED and len(energies) >= ENOUGH:
            break
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
