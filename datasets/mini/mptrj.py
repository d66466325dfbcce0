"""mptrj: crystals of many kinds with stress, rattled, strained and on the way back to the minimum."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import CalculationFailed
from ase.optimize import FIRE
from sampling import calculator, rattled, split_of, tagged
from tblite.ase import TBLite

ELECTRONIC_TEMPERATURE = 1500.0  # K
SEED = 2004

# Lattice constants in Å. The supercells have eight atoms or more: the Γ point of a primitive cell samples no band.
ROCKSALT = {
    "LiF": 4.03, "LiCl": 5.13, "NaF": 4.63, "NaCl": 5.64, "KCl": 6.29, "KBr": 6.60, "RbI": 7.34,
    "MgO": 4.21, "MgS": 5.20, "CaO": 4.81, "SrO": 5.16, "BaO": 5.52, "TiC": 4.33, "TiN": 4.24,
    "ScN": 4.50, "VN": 4.14, "MnO": 4.44, "NiO": 4.18, "PbS": 5.94, "AgCl": 5.55, "LaN": 5.30,
}  # fmt: skip
ZINCBLENDE = {
    "SiC": 4.36, "BN": 3.62, "BP": 4.54, "AlP": 5.46, "AlAs": 5.66, "GaP": 5.45, "GaAs": 5.65,
    "InP": 5.87, "InSb": 6.48, "ZnS": 5.41, "ZnSe": 5.67, "CdTe": 6.48, "CuCl": 5.42,
}  # fmt: skip
FLUORITE = {"CaF2": 5.46, "BaF2": 6.20, "CeO2": 5.41, "ZrO2": 5.09}
ANTIFLUORITE = {"OLi2": 4.62, "SNa2": 6.54, "SiMg2": 6.35}
PEROVSKITE = {"SrTiO3": 3.91, "BaTiO3": 4.00, "KMgF3": 3.99, "CsPbI3": 6.29, "LaAlO3": 3.79, "NaNbO3": 3.94}
CESIUM_CHLORIDE = {"CsCl": 4.12, "CsBr": 4.29, "TlCl": 3.83, "NiAl": 2.89}
WURTZITE = {"ZnO": (3.25, 5.21), "AlN": (3.11, 4.98), "GaN": (3.19, 5.19)}
DIAMOND = {"C": 3.57, "Si": 5.43, "Ge": 5.66}
METALS = {
    "Al": ("fcc", 4.05), "Cu": ("fcc", 3.61), "Ag": ("fcc", 4.09), "Pt": ("fcc", 3.92), "Ca": ("fcc", 5.58),
    "Na": ("bcc", 4.23), "W": ("bcc", 3.16), "Nb": ("bcc", 3.30), "Fe": ("bcc", 2.87),
}  # fmt: skip


SCALES = np.arange(0.94, 1.15, 0.04)
LARGEST_PRESSURE = 0.1  # eV/Å^3, at the best of the scales

COPIES = 3
DISORDERS = {"mild": (0.04, 0.01), "strong": (0.10, 0.03)}  # displacement in Å, strain
HELD_OUT = {"mild": "valid", "strong": "test"}  # where the last copy goes, for every other material reversed
RELAXED_FRAMES = 4
RELAXATION_SPACING = 3


def candidates() -> Iterator[Atoms]:
    """Disordered copies and a relaxation of every material."""
    calc = calculator(ELECTRONIC_TEMPERATURE)
    for number, (name, crystal) in enumerate(materials().items()):
        rng = np.random.default_rng([SEED, number])
        at_rest = best_scaled(crystal, calc)
        if at_rest is not None:
            yield from disordered(name, number, at_rest, rng)
            yield from relaxation(name, number, at_rest, calc, rng)


def best_scaled(crystal: Atoms, calc: TBLite) -> Atoms | None:
    """The crystal at its energy minimum on a grid of scales, for Γ-point GFN1-xTB is no judge of experiment's.

    None where that is not near a minimum: the cell is unbound, or the SCF fails on the way.
    """
    energies, pressures, crystals = [], [], []
    for scale in SCALES:
        scaled = crystal.copy()
        scaled.set_cell(crystal.cell.array * scale, scale_atoms=True)
        scaled.calc = calc
        try:
            energies.append(scaled.get_potential_energy())
        except CalculationFailed:
            continue
        pressures.append(abs(scaled.get_stress()[:3].mean()))
        crystals.append(scaled)
    if len(crystals) < len(SCALES) - 1:
        return None
    best = int(np.argmin(energies))
    return crystals[best] if pressures[best] < LARGEST_PRESSURE else None


def disordered(name: str, number: int, crystal: Atoms, rng: np.random.Generator) -> Iterator[Atoms]:
    """Independent copies, so each is a group; every material is in every split."""
    for (level, (amplitude, strain)), copy in product(DISORDERS.items(), range(COPIES)):
        split = "train"
        if copy == COPIES - 1:
            split = HELD_OUT[level] if number % 2 else HELD_OUT["strong" if level == "mild" else "mild"]
        frame = rattled(crystal, amplitude, rng, strain)
        frame.calc = None
        yield tagged(frame, split=split, group=f"{name}-{level}-{copy}", kind="rattle")


def relaxation(name: str, number: int, crystal: Atoms, calc: TBLite, rng: np.random.Generator) -> Iterator[Atoms]:
    """Steps of a relaxation at fixed cell."""
    atoms = rattled(crystal, DISORDERS["strong"][0], rng, strain=0.02)
    atoms.calc = calc
    steps = FIRE(atoms, logfile=None)
    try:
        for _ in range(RELAXED_FRAMES):
            steps.run(fmax=0.02, steps=RELAXATION_SPACING)
            yield tagged(atoms, split=split_of(number, 10), group=f"{name}-relaxation", kind="relaxation")
    except CalculationFailed:
        return


def materials() -> dict[str, Atoms]:
    """Supercells by name."""
    crystals = {}
    for name, a in ROCKSALT.items():
        crystals[name] = bulk(name, "rocksalt", a=a, cubic=True)
    for name, a in ZINCBLENDE.items():
        crystals[name] = bulk(name, "zincblende", a=a, cubic=True)
    for name, a in {**FLUORITE, **ANTIFLUORITE}.items():
        crystals[name] = bulk(name, "fluorite", a=a, cubic=True)
    for name, a in PEROVSKITE.items():
        crystals[name] = perovskite(name, a) * (2, 1, 1)
    for name, a in CESIUM_CHLORIDE.items():
        crystals[name] = bulk(name, "cesiumchloride", a=a, cubic=True) * (2, 2, 2)
    for name, (a, c) in WURTZITE.items():
        crystals[name] = bulk(name, "wurtzite", a=a, c=c) * (2, 2, 1)
    for name, a in DIAMOND.items():
        crystals[name] = bulk(name, "diamond", a=a, cubic=True)
    for name, (lattice, a) in METALS.items():
        crystals[name] = bulk(name, lattice, a=a, cubic=True) * ((2, 1, 1) if lattice == "fcc" else (2, 2, 2))
    return crystals


def perovskite(name: str, a: float) -> Atoms:
    """ABX3 with A at the corner and B in the middle."""
    half = 0.5
    sites = [(0, 0, 0), (half, half, half), (0, half, half), (half, 0, half), (half, half, 0)]
    return Atoms(name, scaled_positions=sites, cell=[a, a, a], pbc=True)
