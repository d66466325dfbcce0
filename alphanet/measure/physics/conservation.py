"""The part of the forces that is the derivative of no energy: work on closed loops, antisymmetry of their Jacobian."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import Check, Subject
from alphanet.measure.physics.differences import LOSS, derivatives, judged_differences
from alphanet.measure.physics.events import Path, random_path
from alphanet.measure.physics.rounding import MARGIN

LOOPS = 3
RADIUS = 0.03  # Å, of the farthest atom
POINTS = 48  # on a loop; the periodic trapezoidal rule converges exponentially
VECTORS = 6


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


def loops(subject: Subject) -> Iterator[Check]:
    """Work of the forces around small circles of the molecule, on which no neighbor comes or goes: zero.

    Half of the points give its error.
    """
    random, rounding = subject.random(6), subject.molecule_rounding
    circles = [Loop(random_path(subject.molecule, random), random_path(subject.molecule, random)) for _ in range(LOOPS)]
    works = np.array([_work(subject, loop) for loop in circles])
    limit = rounding.force_limit() * 2 * np.pi * RADIUS * np.sqrt(len(subject.molecule))
    resolved = rounding.resolved * rounding.force_size
    value, error = np.abs(works[:, 0]), np.abs(works[:, 0] - works[:, 1])
    yield judged_differences("conservative: closed loops", "conservative", value, error, "eV", limit, resolved)


def jacobian(subject: Subject) -> Iterator[Check]:
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
    yield judged_differences("conservative: Jacobian", "conservative", wrong, error, "eV/Å^2", limit, resolved)


def _work(subject: Subject, loop: Loop) -> tuple[float, float]:
    """eV, of the forces around a loop, with all points and with every other one."""
    angles = 2 * np.pi * np.arange(POINTS) / POINTS
    answers = subject.predict([loop.at(angle) for angle in angles])
    power = np.array([(one.forces * loop.tangent(t)).sum() for one, t in zip(answers, angles, strict=True)])
    return float(2 * np.pi * power.mean()), float(2 * np.pi * power[::2].mean())
