"""float32 against float64: what half of the digits costs."""

from collections.abc import Iterator
from contextlib import closing

import numpy as np

from alphanet.errors import UserError
from alphanet.measure.physics.checks import Check, Subject, judged, physics_check, unchecked

ENERGY = 1e-4  # eV/atom, a tenth of the meV/atom to which energies are used
FORCES = 1e-3  # eV/Å, a tenth of the 10 meV/Å of the best trainings
UNLIKE = 0.1  # relative difference of the forces from which on two sets of random weights are not the same


@physics_check("float32", "float32")
def float32(subject: Subject) -> Iterator[Check]:
    """The crystal and the molecule in both precisions."""
    if subject.reopened is None:
        return
    if subject.rounding.precision == "float32":
        yield unchecked("energy", "eV/atom", "it computes in float32 only")
        return
    frames = [subject.crystal, subject.molecule]
    fine = subject.predict(frames)
    try:
        with closing(subject.reopened()) as single:
            coarse = single.predict(frames)
    except UserError as error:
        yield unchecked("energy", "eV/atom", str(error))
        return
    energy = max(abs(a.energy - b.energy) / len(a.forces) for a, b in zip(fine, coarse, strict=True))
    forces = max(float(np.abs(a.forces - b.forces).max()) for a, b in zip(fine, coarse, strict=True))
    if energy == forces == 0.0:
        yield unchecked("energy", "eV/atom", "it computes in one precision, whichever is asked for")
    elif subject.untrained and forces > UNLIKE * max(float(np.abs(one.forces).max()) for one in fine):
        yield unchecked("energy", "eV/atom", "its random weights are others in float32")
    else:
        yield judged("energy", energy, "eV/atom", ENERGY)
        yield judged("forces", forces, "eV/Å", FORCES)
