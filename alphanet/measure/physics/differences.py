"""Derivatives by finite differences of fourth order at two step sizes, so that each comes with its error."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import Check, Subject, judged, unchecked
from alphanet.potentials.protocol import FramePrediction

LOSS = 1.5  # sum of the absolute weights below: noise of a derivative in units of the values' noise over the step


class Line(Protocol):
    """Structures that depend on one number."""

    def at(self, t: float) -> Atoms:
        """The structure at `t`."""
        ...


def derivatives(
    subject: Subject, lines: Sequence[Line], step: float, of: Callable[[FramePrediction], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives at t = 0 along each line, (n, …), and their errors, of the same shape.

    The derivative with half the step is given, and as its error the difference from that with the whole one: 15 times
    the true one if what is differentiated is smooth.
    """
    times = step * np.array([-2, -1, -0.5, 0.5, 1, 2])
    answers = subject.predict([line.at(float(t)) for line in lines for t in times])
    values = np.stack([of(one) for one in answers]).reshape(len(lines), len(times), -1)
    m2, m1, mh, h, p1, p2 = values.transpose(1, 0, 2)
    whole = (8 * (p1 - m1) - (p2 - m2)) / (12 * step)
    half = (8 * (h - mh) - (p1 - m1)) / (6 * step)
    return half, np.abs(half - whole)


def judged_differences(
    check: str, group: str, wrong: np.ndarray, error: np.ndarray, unit: str, limit: float, resolved: float
) -> Check:
    """The worst of many differences beside `limit` or ten times its error; those not known to `resolved` are left out.

    An error above `resolved` says that what is differentiated jumps or has a kink within a step; the checks of
    continuity are for that. Ten times, because a kink at a twentieth of the step is a tenth as large in the error.
    """
    known = error <= max(limit, resolved)
    if not known.any():
        return unchecked(check, group, unit, f"not smooth: two step sizes differ by {error.min():.2g} {unit}")
    allowed = np.maximum(limit, 10 * error[known])
    worst = int(np.argmax(wrong[known] / allowed))
    return judged(check, group, wrong[known][worst], unit, allowed[worst])
