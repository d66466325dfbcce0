# /// script
# requires-python = ">=3.11"
# dependencies = ["tblite==0.8.0", "ase==3.29.0", "numpy==2.4.6", "scipy==1.17.1"]
# ///
"""Remake the shipped miniature data sets, labeled with GFN1-xTB at the Γ point, or on a mesh where a cell is short.

    uv run datasets/mini/make.py formate --out DIR    write DIR/formate.extxyz.xz
    uv run datasets/mini/make.py formate --check      compare forces and stress with finite differences

formate   HCOO* -> H* + CO2 on Cu(110): the relaxed reaction path and short MD from each of its images
graphene  bilayers with no, one or two vacancies: sliding and distance scans, rattled and strained copies, MD
zeolite   pure silica frameworks: MD at 1000 to 2000 K
oc20      small adsorbates on small slabs of metals and alloys: MD
mptrj     inorganic crystals of many kinds: rattled, strained, and on the way back to the minimum
graphene_landscape  energies of Figure 1: the pristine bilayer over the sliding vector, and over the distance

Every frame carries `split` (train, valid, test), `group` (the trajectory or scan line it is from; a group
lies in one split) and `kind`. Seeds are fixed; another BLAS or processor may still give other trajectories.
"""

import argparse
import importlib
import lzma
import os
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import ModuleType

import numpy as np
from ase import Atoms
from ase.io import read, write
from sampling import ALONE, calculator, labeled, labels

SETS = ("formate", "graphene", "zeolite", "oc20", "mptrj", "graphene_landscape")
# Small steps: tblite's real-space sums are cut off, and its energy jumps by micro-eV where an image enters them.
POSITION_STEP = 1e-3  # Å
STRAIN_STEP = 2e-4
CHECK_ACCURACY = 0.01
VOIGT = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}


def main() -> None:
    """Make one set, or check it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder of the set")
    parser.add_argument("--check", action="store_true", help="check one frame of an existing set; write nothing")
    arguments = parser.parse_args()

    module = importlib.import_module(arguments.name)
    path = arguments.out / f"{arguments.name}.extxyz.xz"
    if arguments.check:
        check(path, module)
    else:
        frames = make(module)
        write_compressed(path, frames)
        summarize(frames)


def make(module: ModuleType) -> list[Atoms]:
    """All candidates that survive labelling, in the order they were drawn."""
    frames, dropped = [], Counter()
    for candidate in module.candidates():
        frame = labeled(candidate, module.ELECTRONIC_TEMPERATURE, copies_of(module, candidate))
        if frame is None:
            dropped[candidate.info["group"]] += 1
        else:
            frames.append(frame)
    print(f"dropped {dropped.total()}: {dict(dropped)}")
    return frames


def copies_of(module: ModuleType, frame: Atoms) -> tuple[int, int, int]:
    """Copies of its cell in which a frame is labeled, see `sampling.labels`; a set that says nothing takes one."""
    return module.copies(frame) if hasattr(module, "copies") else ALONE


def write_compressed(path: Path, frames: list[Atoms]) -> None:
    """Extended XYZ, compressed; the name appears only when the file is complete."""
    text = StringIO()
    write(text, frames, format="extxyz")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(lzma.compress(text.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME))
    unfinished.replace(path)


def summarize(frames: list[Atoms]) -> None:
    """One row of the README's table."""
    splits = Counter(frame.info["split"] for frame in frames)
    elements = sorted({symbol for frame in frames for symbol in frame.symbols})
    sizes = [len(frame) for frame in frames]
    energies = np.array([frame.get_potential_energy() / len(frame) for frame in frames])
    print(f"frames {dict(splits)}; groups {len({frame.info['group'] for frame in frames})}")
    print(f"elements {len(elements)}: {' '.join(elements)}; atoms {min(sizes)}-{max(sizes)}")
    print(f"energy per atom: std {energies.std():.4f} eV, {composition_std(frames):.4f} eV at fixed composition")
    print(f"force RMS {np.sqrt(np.mean(np.concatenate([f.get_forces() for f in frames]) ** 2)):.3f} eV/Å")


def composition_std(frames: list[Atoms]) -> float:
    """Spread of the energy per atom about the mean of its formula: what is left to learn beside composition."""
    by_formula: dict[str, list[float]] = {}
    for frame in frames:
        by_formula.setdefault(str(frame.symbols), []).append(frame.get_potential_energy() / len(frame))
    return float(np.sqrt(np.mean(np.concatenate([np.array(e) - np.mean(e) for e in by_formula.values()]) ** 2)))


def check(path: Path, module: ModuleType) -> None:
    """Are the stored labels the energy, and its derivatives, of the stored structure?"""
    frames = read(path, ":")
    frame = frames[len(frames) // 2]
    calc = calculator(module.ELECTRONIC_TEMPERATURE, CHECK_ACCURACY)
    copies = copies_of(module, frame)

    def energy(atoms: Atoms) -> float:
        return labels(atoms, calc, copies)[0]

    print(f"frame {len(frames) // 2} of {path.name}, group {frame.info['group']}")
    print(f"energy  stored - recomputed {frame.get_potential_energy() - energy(frame.copy()):.1e} eV")

    # A random direction has a part of every force in it.
    direction = np.random.default_rng(0).normal(size=frame.positions.shape)
    direction /= np.linalg.norm(direction)
    stored = -np.sum(frame.get_forces() * direction)
    print_pair("forces ", stored, five_point(lambda x: energy(displaced(frame, x * direction)), POSITION_STEP), "eV/Å")

    for component, (name, (a, b)) in enumerate(VOIGT.items()):
        strain = np.zeros((3, 3))
        strain[a, b] += 0.5
        strain[b, a] += 0.5
        slope = five_point(lambda x, strain=strain: energy(strained(frame, x * strain)), STRAIN_STEP)
        print_pair(f"stress {name}", frame.get_stress()[component], slope / frame.get_volume(), "eV/Å^3")


def five_point(function: Callable[[float], float], step: float) -> float:
    """First derivative at zero, error of fourth order in the step."""
    return (8 * (function(step) - function(-step)) - (function(2 * step) - function(-2 * step))) / (12 * step)


def displaced(frame: Atoms, displacement: np.ndarray) -> Atoms:
    """A copy with moved atoms."""
    moved = frame.copy()
    moved.positions += displacement
    return moved


def strained(frame: Atoms, strain: np.ndarray) -> Atoms:
    """A copy deformed by a symmetric strain."""
    moved = frame.copy()
    moved.set_cell(frame.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return moved


def print_pair(name: str, stored: float, difference: float, unit: str) -> None:
    """One line: stored label, finite difference, their difference."""
    print(f"{name} stored {stored:.8f}, finite difference {difference:.8f}, off by {stored - difference:.1e} {unit}")


if __name__ == "__main__":
    main()
