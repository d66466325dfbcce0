"""float32 against float64: what half of the digits costs."""

from collections.abc import Iterator

import numpy as np

from alphanet.measure.physics.checks import Check, Subject, judged, unchecked
from alphanet.potentials.protocol import Potential

ENERGY = 1e-4  # eV/atom, a tenth of the meV/atom to which energies are used
FORCES = 1e-3  # eV/Å, a tenth of the 10 meV/Å of the best trainings
UNLIKE = 0.1  # relative difference of the forces from which on two sets of random weights are not the same


def float32(subject: Subject, single: Potential) -> Iterator[Check]:
    """The crystal and the molecule in both precisions; `single` is the potential in float32."""
    frames = [subject.crystal, subject.molecule]
    fine = subject.predict(frames)
    coarse = single.predict(frames)
    energy = max(abs(a.energy - b.energy) / len(a.forces) for a, b in zip(fine, coarse, strict=True))
    forces = max(float(np.abs(a.forces - b.forces).max()) for a, b in zip(fine, coarse, strict=True))
    if energy == forces == 0.0:
        yield unchecked_float32("it computes in one precision, whichever is asked for")
    elif subject.untrained and forces > UNLIKE * max(float(np.abs(one.forces).max()) for one in fine):
        yield unchecked_float32("its random weights are others in float32")
    else:
        yield judged("float32: energy", "float32", energy, "eV/atom", ENERGY)
        yield judged("float32: forces", "float32", forces, "eV/Å", FORCES)


def unchecked_float32(reason: str) -> Check:
    """The check that cannot be made, and why."""
    return unchecked("float32: energy", "float32", "eV/atom", reason)
