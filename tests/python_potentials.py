"""What a user's module may hold: makers of calculators and models, good and bad ones."""

import torch
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones


def lennard_jones():
    return LennardJones(sigma=2.0, epsilon=0.3, rc=6.0, smooth=True)


def with_seed(seed, dtype):
    return LennardJones(epsilon=0.1 * seed + 0.01 * (dtype == "float64"))


class NoStress(Calculator):
    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": float(len(atoms)), "forces": 0 * atoms.positions}


class Fragile(NoStress):
    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if len(atoms) > 2:
            raise RuntimeError("too many atoms")
        if len(atoms) == 1:
            self.results["energy"] = float("nan")


def torch_sim_model():
    from torch_sim.models.lennard_jones import LennardJonesModel

    return LennardJonesModel(sigma=2.0, epsilon=0.3, cutoff=6.0, dtype=torch.float64, device=torch.device("cpu"))


def raises():
    raise ValueError("no weights")


def something_else():
    return 3


not_callable = 3
