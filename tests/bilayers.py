"""Rigid bilayers of graphene in a cell of four atoms, and energies of them that follow a formula."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import graphene
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from alphanet.potentials.protocol import FramePrediction

LATTICE_CONSTANT = 2.46  # Å
PERIODS = np.array([LATTICE_CONSTANT, LATTICE_CONSTANT * 3**0.5])  # Å, zigzag and armchair
DISTANCE = 3.35  # Å, while sliding
FAR = 12.0  # Å


def bilayer(slide=(0.0, 0.0), distance=DISTANCE) -> Atoms:
    """AB stacking, its upper layer moved by `slide`."""
    lower = graphene(a=LATTICE_CONSTANT, vacuum=10.0)
    upper = lower.copy()
    upper.positions += [slide[0], slide[1] + PERIODS[1] / 3, distance]
    both = lower + upper
    both.pbc = True
    both.cell[2, 2] = 40.0
    return both


def slides() -> list[np.ndarray]:
    """A grid over a rectangle of two periods, with AB, BA and AA on it."""
    return [PERIODS * [x / 6, y / 6] for x in range(7) for y in range(7)]


class Formula:
    """Energies of a bilayer per atom: `height` times what varies from AB (0) to AA (1), and a Morse curve."""

    name = "formula"

    def __init__(self, height=0.004, depth=0.03, place=3.4, width=1.5):
        self.height, self.depth, self.place, self.width = height, depth, place, width

    def energy(self, atoms: Atoms) -> float:
        """Energy of the structure, eV, far from zero as total energies are."""
        apart = atoms.positions[2] - atoms.positions[0]
        waves = 2 * np.pi * np.linalg.inv(atoms.cell.array[:2, :2])
        first, second = waves[:, 0], waves[:, 1]
        # 3 for AA, -3/2 for AB and BA
        total = sum(np.cos(wave @ apart[:2]) for wave in (first, second, first - second))
        decay = np.exp(-self.width * (apart[2] - self.place))
        morse = self.depth * ((1 - decay) ** 2 - 1)
        return len(atoms) * (-57.0 + self.height * (total + 1.5) / 4.5 + morse)

    def predict(self, frames, *, batch_size=8):
        return [FramePrediction(self.energy(atoms), np.zeros((len(atoms), 3))) for atoms in frames]

    def provenance(self):
        return {"name": self.name}

    def close(self):
        pass


def frames(formula: Formula | None) -> list[Atoms]:
    """Sliding and binding frames, labeled by `formula` where there is one."""
    found = []
    for slide in slides():
        found.append(bilayer(slide))
        found[-1].info.update(kind="sliding", slide=np.array(slide))
    for distance in (FAR, *np.arange(2.8, 5.0, 0.1)):
        found.append(bilayer(distance=distance))
        found[-1].info["kind"] = "binding"
    for atoms in found:
        if formula is not None:
            atoms.calc = SinglePointCalculator(atoms, energy=formula.energy(atoms))
    return found


def write_reference(path: Path, formula: Formula | None) -> Path:
    """A reference as the figure takes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, frames(formula), format="extxyz")
    return path
