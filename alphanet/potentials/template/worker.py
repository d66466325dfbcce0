"""The worker of a baseline: an ASE calculator behind the protocol of the suite.

It runs in the environment that card.yaml describes. Of the suite it can import `worker_kit` alone. Change the lines
marked FILL IN. A model written in PyTorch needs less with `torch_kit`, and can be trained then.
"""

import numpy as np
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.lj import LennardJones
from worker_kit import RefusedError, refuse_unknown

ELEMENTS = ["H", "C", "O", "Si"]  # FILL IN: that it knows, as in card.yaml; None: all
CUTOFF = 8.0  # FILL IN: Å, beyond which atoms do not see each other; None if there is no such distance
PARAMETERS = 2  # FILL IN: number of trained values


def calculator(request):
    """FILL IN: the ASE calculator, with the weights that are asked for.

    Args:
        request: a mapping with
            checkpoint: path of a file with weights, or None;
            carried: `name` of a checkpoint in the card whose source is `package`, or None;
            architecture: `model` of a preset in the card, for random weights, else empty;
            elements: chemical symbols that random weights are made for;
            seed: of random weights;
            dtype: float32 or float64; device: cpu, cuda, cuda:1, …; threads: of the libraries.
    """
    if request["checkpoint"] is not None:
        raise RefusedError("this potential has no files of weights")  # one line for the user; other errors are failures
    return LennardJones(sigma=2.5, epsilon=0.01, rc=CUTOFF, smooth=True)


def load(request):
    """The model that the suite asks for; it stays loaded for all calls of `predict`."""
    return Model(calculator(request), request)


class Model:
    """Energies (eV), forces (eV/Å) and stresses (eV/Å^3, tension positive), one structure after another."""

    def __init__(self, made, request):
        self._calculator, self._stress = made, request["stress"]
        self.info = {"parameters": PARAMETERS, "elements": ELEMENTS, "cutoff": CUTOFF, "dtype": request["dtype"]}

    def predict(self, structures):
        """Energies (B,), forces (N, 3) and stresses (B, 3, 3) of B structures with N atoms in all."""
        if ELEMENTS is not None:
            refuse_unknown(structures.numbers, ELEMENTS)
        energies, forces, stresses = [], [], []
        for atoms in structures.atoms():
            atoms.calc = self._calculator
            energies.append(atoms.get_potential_energy())
            forces.append(atoms.get_forces())
            stresses.append(self._stress_of(atoms))
        return {"energy": np.array(energies), "forces": np.concatenate(forces), "stress": np.stack(stresses)}

    def _stress_of(self, atoms):
        """(3, 3), zero where there is none; the suite reads it of periodic structures alone."""
        if not self._stress or not atoms.pbc.all():
            return np.zeros((3, 3))
        try:
            return atoms.get_stress(voigt=False)
        except PropertyNotImplementedError:
            raise RefusedError("the calculator gives no stress; write stress: false in card.yaml") from None
