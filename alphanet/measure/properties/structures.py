"""Structures by name: crystals of elements, dimers, molecules, and frames of files."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, reference_states

from alphanet.errors import UserError
from alphanet.measure.physics.structures import quartz
from alphanet.paths import resources
from alphanet.provenance import digest_of

SIMPLE = ("fcc", "bcc", "hcp", "diamond")  # reference states of ASE whose crystal is known without more numbers
MOLECULES = ("C2H6", "CH3CH2OH", "CH3OH")
CRYSTALS = 3  # elements whose crystals are taken if nobody names structures
HARMONIC, THIRD, GRID = "fc2_supercell", "fc3_supercell", "q_mesh"
"""Names in `info` of the supercells (3, 3) and the grid (3,) that a frame brings for its thermal conductivity"""
PATH = "path"
"""Name in `arrays` of the positions (n, images, 3) of a guessed path, whose first image the structure is"""
FORMATE = "mini/formate.extxyz.xz@0-12"
"""The path of the formate miniature, HCOO* to H* + CO2 on Cu(110), roughly relaxed by GFN1-xTB at 3,000 K"""
FORMS = (
    "an element (Cu), a dimer (Cu2), quartz, graphene-bilayer, a molecule of ASE (C2H6), FILE[@FRAME], or "
    "FILE@FIRST-LAST for a path"
)


def structure_called(name: str) -> Atoms:
    """The structure `name` without labels: an element's crystal, a dimer, a molecule, or a frame of a file.

    Raises:
        UserError: there is none.
    """
    from ase.build import bulk, molecule

    if name == "quartz":
        return quartz()
    if name == "graphene-bilayer":
        return graphene_bilayer()
    if name in atomic_numbers and name != "X":
        if not has_crystal(name):
            raise UserError(f"structure {name}: ASE knows no simple crystal of it; name a file")
        return Atoms(bulk(name))
    if name.endswith("2") and (symbol := name[:-1]) in atomic_numbers:
        return Atoms(f"{symbol}2", positions=[[0, 0, 0], [2.0, 0, 0]])
    if (path := _file(name.partition("@")[0])) is not None:
        return _frame(path, name.partition("@")[2])
    try:
        return Atoms(molecule(name))
    except (KeyError, NotImplementedError):
        raise UserError(f"there is no structure {name!r}; a structure is {FORMS}") from None


def structures_in(path: Path) -> list[str]:
    """Names of all frames of a file.

    Raises:
        UserError: the file cannot be read, or holds none.
    """
    from alphanet.data.formats import read_frames

    count = sum(1 for _ in read_frames(path, labeled=False))
    if not count:
        raise UserError(f"{path} holds no structure")
    return [f"{path}@{place}" for place in range(count)]


def path_in(path: Path) -> str:
    """Name of the path that all frames of a file are.

    Raises:
        UserError: the file cannot be read, or holds none.
    """
    return f"{path}@0-{len(structures_in(path)) - 1}"


def usual_structures(name: str, elements: Sequence[str]) -> tuple[str, ...]:
    """Structures for the property `name` of potentials that know `elements`, in order of atomic numbers."""
    known = set(elements)
    if name == "diatomics":
        return tuple(f"{symbol}2" for symbol in elements)
    if name == "dihedral":
        return tuple(one for one in MOLECULES if set(structure_called(one).get_chemical_symbols()) <= known)[:1]
    if name == "bilayer":
        return ("graphene-bilayer",) if "C" in known else ()
    if name == "adsorption":
        return _adsorbed(known)
    if name == "reaction":
        return (FORMATE,) if {"H", "C", "O", "Cu"} <= known else ()
    having = [symbol for symbol in elements if has_crystal(symbol)]
    places = np.unique(np.linspace(0, len(having) - 1, CRYSTALS).astype(int)) if having else ()
    chosen = [having[place] for place in places]
    if not chosen and name in ("forces", "eos", "elastic", "phonons", "nve", "nvt") and {"Si", "O"} <= known:
        return ("quartz",)
    return tuple(chosen)


def has_crystal(symbol: str) -> bool:
    """Whether ASE knows a simple crystal of the element."""
    state = reference_states[atomic_numbers[symbol]]
    return state is not None and state["symmetry"] in SIMPLE


def by_number(symbols: Collection[str]) -> list[str]:
    """Chemical symbols in order of atomic number; names that are none are left out."""
    return sorted(set(symbols) & set(chemical_symbols[1:]), key=atomic_numbers.__getitem__)


def structure_digest(atoms: Atoms) -> str:
    """Hash of elements, positions, cell and periodicity, to 1e-9 Å."""
    content = [
        atoms.numbers.tolist(),
        np.round(atoms.positions, 9).tolist(),
        np.round(atoms.cell.array, 9).tolist(),
        atoms.pbc.tolist(),
        atoms.get_tags().tolist(),
    ]
    content += [np.asarray(value).tolist() for value in own_grids(atoms).values()]
    content += [np.round(atoms.arrays[PATH], 9).tolist()] if PATH in atoms.arrays else []
    return digest_of(content)


def own_grids(atoms: Atoms) -> dict[str, object]:
    """The frame's own supercells and grid for its thermal conductivity, as far as it has them."""
    return {name: atoms.info[name] for name in (HARMONIC, THIRD, GRID) if name in atoms.info}


def graphene_bilayer() -> Atoms:
    """AB stacking: the primitive cell of graphite's first two layers, with vacuum."""
    a, height, room = 2.46, 3.35, 20.0  # Å: graphite's lattice constants, and the cell's height
    cell = [[a, 0, 0], [-a / 2, a * np.sqrt(3) / 2, 0], [0, 0, room]]
    third = 1 / 3
    low, high = 5.0 / room, (5.0 + height) / room
    places = [[0, 0, low], [third, 2 * third, low], [0, 0, high], [2 * third, third, high]]
    return Atoms("C4", scaled_positions=places, cell=cell, pbc=True)


def _adsorbed(known: set[str]) -> tuple[str, ...]:
    """The first frame of the OC20 miniature whose elements are known."""
    from alphanet.data.formats import read_frames

    path = resources("datasets") / "mini" / "oc20.extxyz.xz"
    for place, atoms in enumerate(read_frames(path, labeled=False)):
        if set(atoms.get_chemical_symbols()) <= known:
            return (f"mini/oc20.extxyz.xz@{place}",)
    return ()


def _file(name: str) -> Path | None:
    """The path of a file in the working folder or among the data sets; None if there is none."""
    return next((path for path in (Path(name), resources("datasets") / name) if path.is_file()), None)


def _frame(path: Path, place: str) -> Atoms:
    """The frame number `place`; or the first of FIRST-LAST, with the positions of all as a path."""
    from alphanet.data.formats import read_frames

    first, dash, last = place.partition("-")
    if not all(number.isdigit() for number in ([first, last] if dash else [place or "0"])):
        raise UserError(f"{path}@{place}: {place!r} is not the number of a frame, nor FIRST-LAST")
    begin, end = int(first or 0), int(last or first or 0)
    frames, count = [], 0
    for count, atoms in enumerate(itertools.islice(read_frames(path, labeled=False), end + 1), start=1):
        frames += [atoms] if count > begin else []
    if count <= end:
        raise UserError(f"{path} has no frame {end}; it has {count}")
    if not frames or not all(_same_atoms(one, frames[0]) for one in frames):
        raise UserError(f"{path}@{place} is no path: its frames must have the same elements and cell, the first first")
    chosen = Atoms(
        frames[0].numbers,
        frames[0].positions,
        cell=frames[0].cell,
        pbc=frames[0].pbc,
        tags=frames[0].get_tags(),
        info=own_grids(frames[0]),
    )
    if dash:
        chosen.set_array(PATH, np.stack([one.positions for one in frames], axis=1))
    return chosen


def _same_atoms(one: Atoms, other: Atoms) -> bool:
    same: bool = np.array_equal(one.numbers, other.numbers) and np.allclose(one.cell.array, other.cell.array)
    return same
