"""Small real crystals away from their minima: strained, and with atoms displaced; and a WBM of these alone."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write
from ase.spacegroup import crystal

from alphanet.data.cards import load_card
from alphanet.data.fetching import local_path

HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
TRUTH = f"""material_id,formula,n_sites,{FORMATION},{HULL},e_correction_per_atom_mp2020,unique_prototype
wbm-1-1,Na1 Cl1,2,-1.9,0.0,-0.3,True
wbm-1-2,Sr1 Ti1 O3,5,-2.0,0.1,-0.4,True
wbm-1-3,Si2,2,0.0,0.0,0.0,False
wbm-1-4,Au1 Cu3,4,-0.1,0.05,0.0,True
wbm-2-1,Ac1 Au1,2,-0.5,0.05,0.0,True
"""
SYMBOLS = ("Na", "Cl", "Sr", "Ti", "O", "Si", "Au", "Cu")
REFERENCES = {symbol: {"energy": -1.0, "composition": {symbol: 1}} for symbol in SYMBOLS}


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


def publish(folder: Path) -> None:
    """Put structures, labels and references where `alphanet data fetch wbm` does; `folder` is for a file in between."""
    published = {str(file.name): local_path(file) for file in load_card("wbm").at("full").files}
    for path in published.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(published["2024-08-04-wbm-initial-atoms.extxyz.zip"], "w") as archive:
        for identity, atoms in strained_crystals().items():
            write(folder / "one.extxyz", atoms)
            archive.write(folder / "one.extxyz", f"{identity}.extxyz")
    for name, text in (
        ("2023-12-13-wbm-summary.csv.gz", TRUTH),
        ("mp-elemental-reference-entries.json.gz", json.dumps(REFERENCES)),
    ):
        with gzip.open(published[name], "wt") as stream:
            stream.write(text)
