"""Atoms that move, and potentials for them that cost nothing and remember nothing."""

import os
import signal

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.lj import LennardJones

from alphanet.potentials.calculators import CalculatorPotential


class Springs(Calculator):
    """A spring between every two atoms and their nearest images, without a cutoff and without a neighbor list."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, stiffness: float = 0.2, length: float = 2.5) -> None:
        super().__init__()
        self.stiffness, self.length, self.calls = stiffness, length, 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        vectors = atoms.get_all_distances(mic=True, vector=True)
        distances = np.linalg.norm(vectors, axis=2) + np.eye(len(atoms))
        stretched = (distances - self.length) * (1 - np.eye(len(atoms)))
        pulls = (self.stiffness * stretched / distances)[:, :, None] * vectors
        self.results = {"energy": 0.25 * self.stiffness * float((stretched**2).sum()), "forces": pulls.sum(axis=1)}
        if atoms.pbc.all():
            virial = 0.5 * np.einsum("ija,ijb->ab", pulls, vectors)
            self.results["stress"] = (virial / atoms.get_volume()).ravel()[[0, 4, 8, 5, 2, 1]]


class Mortal(Springs):
    """Springs that end the process, or raise, when they are asked for the last time."""

    def __init__(self, last: int, error: BaseException | None = None) -> None:
        super().__init__()
        self.last, self.error = last, error

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.calls >= self.last:
            if self.error is not None:
                raise self.error
            os.kill(os.getpid(), signal.SIGKILL)


def potential(calculator: Calculator | None = None) -> CalculatorPotential:
    """A potential of one name and one provenance, whatever the calculator is."""
    made = CalculatorPotential("springs", calculator or Springs())
    made.provenance = lambda: {"name": "springs"}
    return made


def springs() -> Springs:
    return Springs()


def argon() -> LennardJones:
    return LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0, smooth=True)


def crystal() -> Atoms:
    atoms = bulk("Si", "sc", a=2.6) * (2, 2, 2)
    atoms.rattle(0.05, seed=3)
    return atoms


def molecule() -> Atoms:
    return Atoms("SiCSi", [[0, 0, 0], [2.4, 0.1, 0], [0.3, 2.4, 0.2]])
