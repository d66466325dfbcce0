"""Small real crystals away from their minima: strained, and with atoms displaced."""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.spacegroup import crystal


def strained_crystals() -> dict[str, Atoms]:
    """Rock salt, perovskite, silicon and an ordered alloy, by WBM-like ids."""
    perovskite = crystal(
        ("Sr", "Ti", "O"),
        basis=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
        spacegroup=221,
        cellpar=[3.95] * 3 + [90] * 3,
    )
    alloy = bulk("Au", cubic=True, a=3.8)
    alloy.numbers[1:] = 29
    made = [bulk("NaCl", "rocksalt", a=5.5), perovskite, bulk("Si", "diamond", a=5.5), alloy]
    return {f"wbm-1-{place}": _disturbed(atoms, place) for place, atoms in enumerate(made, 1)}


def _disturbed(atoms: Atoms, seed: int) -> Atoms:
    chance = np.random.default_rng(seed)
    disturbed = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    disturbed.positions += chance.normal(scale=0.05, size=atoms.positions.shape)
    disturbed.set_cell(disturbed.cell.array @ (np.eye(3) + 0.02 * chance.normal(size=(3, 3))), scale_atoms=True)
    return disturbed
