"""What `module:callable` returns behind the worker protocol, so that it is timed exactly as the baselines are."""

import sys

import numpy as np
from worker_kit import RefusedError

from alphanet.errors import UserError
from alphanet.potentials.calculators import from_python


def load(request):
    """The calculator or model; the caller says where its modules are."""
    if request.get("mode", "eager") != "eager":
        raise RefusedError("it has no compiled mode")
    settings = request["architecture"]
    sys.path += [place for place in settings["path"] if place not in sys.path]
    options = {key: request[key] for key in ("dtype", "device", "seed")}
    try:
        return Model(from_python(settings["callable"], **options))
    except UserError as error:
        raise _refused(error, settings["callable"]) from None


class Model:
    """The potential; its neighbor list is part of every call."""

    def __init__(self, potential):
        self._potential = potential
        self.info = {"parameters": None, "dtype": potential.provenance().get("dtype"), "mode": "eager"}

    def predict(self, structures):
        """Energies (B,) eV, forces (N, 3) eV/Å, and stresses (B, 3, 3) eV/Å^3, NaN where there are none."""
        frames = structures.atoms()
        try:
            answers = self._potential.predict(frames, batch_size=len(frames))
        except UserError as error:
            raise _refused(error, self._potential.name) from None
        return {
            "energy": np.array([one.energy for one in answers]),
            "forces": np.concatenate([one.forces for one in answers]),
            "stress": np.stack([np.full((3, 3), np.nan) if one.stress is None else one.stress for one in answers]),
        }


def _refused(error, name):
    """The error for the caller, who says the name himself."""
    return RefusedError(str(error).removeprefix(name).lstrip(": "))
