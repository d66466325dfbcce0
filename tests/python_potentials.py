"""What a user's module may hold: makers of calculators and models, good and bad ones."""

import os

import numpy as np
import torch
from ase import Atoms
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


def copper_only():
    return CopperOnly(epsilon=0.3, sigma=2.2, rc=6.0, smooth=True)


class CopperOnly(LennardJones):
    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        if set(atoms.get_chemical_symbols()) != {"Cu"}:
            raise NotImplementedError("copper alone")
        super().calculate(atoms, properties, system_changes)


def nothing_at_all():
    return None


def structure():
    return Atoms("H")


def a_class():
    return NoStress


def exits():
    raise SystemExit("bye")


not_callable = 3


class Settled(Calculator):
    """Every structure is relaxed already: relaxing costs nothing but the machinery around it."""

    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energy = -0.1 * float(atoms.numbers.sum()) - 1e-3 * atoms.get_volume()
        self.results = {"energy": energy, "forces": 0 * atoms.positions, "stress": np.zeros(6)}


class Deadly(Settled):
    """Helium ends the process that computes it, neon's forces are not finite, argon's grow, krypton has no end."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        kind = atoms.numbers[0]
        if kind == 2:
            os._exit(9)
        if kind == 10:
            self.results["forces"] = self.results["forces"] + float("nan")
        if kind == 18:
            self.results["forces"] = self.results["forces"] + 1e6
        if kind == 36:
            self.results["stress"] = np.array([-10.0] * 3 + [0.0] * 3)
