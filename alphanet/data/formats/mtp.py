"""MTP's `.cfg` (MLIP-2 and MLIP-3): blocks of BEGIN_CFG with cell, atoms, energy, forces and virial."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from alphanet.data.labels import labels_from, stress_from_virial, with_labels
from alphanet.errors import UserError
from alphanet.files import text_of

BEGIN, END = "BEGIN_CFG", "END_CFG"
TYPE_MAP = "type_map.raw"
POSITIONS = ("cartes_x", "cartes_y", "cartes_z")
DIRECT = ("direct_x", "direct_y", "direct_z")
FORCES = ("fx", "fy", "fz")
STRESS = ("xx", "yy", "zz", "yz", "xz", "xy")


def is_mtp(path: Path) -> bool:
    """Whether a `.cfg` file is MTP's; others are AtomEye's, which ASE reads."""
    with path.open("rb") as stream, text_of(stream, path.name) as text:
        return next((line for line in text if line.strip()), "").strip() == BEGIN


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one file; features become `info`.

    Raises:
        UserError: the elements are not known, or a block is not whole.
    """
    elements = _elements(path)
    with path.open("rb") as stream:
        for index, block in enumerate(_blocks(text_of(stream, path.name))):
            try:
                yield _frame(block, elements)
            except (ValueError, IndexError, KeyError) as error:
                raise UserError(f"frame {index} is not whole: {' '.join(str(error).split())}") from error


def _elements(path: Path) -> list[str]:
    file = path.with_name(TYPE_MAP)
    if not file.is_file():
        raise UserError(
            "MTP's .cfg names atoms by type alone; write the elements of types 0, 1, … into a file "
            f"{TYPE_MAP} beside it"
        )
    elements = file.read_text(encoding="utf-8-sig").split()
    unknown = [name for name in elements if name not in atomic_numbers]
    if unknown:
        raise UserError(f"{file} names {unknown[0]!r}, which is no element")
    return elements


def _blocks(text: IO[str]) -> Iterator[list[list[str]]]:
    block: list[list[str]] | None = None
    for line in text:
        words = line.split()
        if words == [BEGIN]:
            block = []
        elif words == [END] and block is not None:
            yield block
            block = None
        elif words and block is not None:
            block.append(words)
    if block is not None:
        raise UserError(f"the last block has no {END}; the file is truncated")


def _frame(block: list[list[str]], elements: list[str]) -> Atoms:
    heads = {words[0].rstrip(":"): place for place, words in enumerate(block) if words[0][0].isalpha()}
    count = int(block[heads["Size"] + 1][0])
    columns = block[heads["AtomData"]][1:]
    rows = block[heads["AtomData"] + 1 : heads["AtomData"] + 1 + count]
    table = {name: np.array([float(row[place]) for row in rows]) for place, name in enumerate(columns)}
    if len(rows) < count:
        raise ValueError(f"{len(rows)} of {count} atoms")
    types = table["type"].astype(int)
    if types.max(initial=0) >= len(elements):
        raise UserError(f"type {types.max()} has no element in {TYPE_MAP}, which names {len(elements)}")
    cell = _supercell(block, heads)
    fractional = all(name in table for name in DIRECT)
    positions = np.stack([table[name] for name in (DIRECT if fractional else POSITIONS)], axis=1)
    atoms = Atoms([elements[kind] for kind in types], positions @ cell if fractional else positions)
    if len(cell):
        atoms.set_cell(np.vstack([cell, np.zeros((3 - len(cell), 3))]))
        atoms.pbc = [axis < len(cell) for axis in range(3)]
    energy = float(block[heads["Energy"] + 1][0]) if "Energy" in heads else None
    forces = np.stack([table[name] for name in FORCES], axis=1) if "fx" in table else None
    atoms.info.update({words[1]: " ".join(words[2:]) for words in block if words[0] == "Feature" and len(words) > 2})
    return with_labels(atoms, labels_from(energy, forces, _stress(block, heads, atoms)))


def _supercell(block: list[list[str]], heads: dict[str, int]) -> np.ndarray:
    """(0 to 3, 3) Å; fewer vectors are of slabs, wires and molecules."""
    if not (place := next((heads[name] for name in ("Supercell", "SuperCell") if name in heads), None)):
        return np.zeros((0, 3))
    rows = []
    for words in block[place + 1 : place + 4]:
        if words[0][0].isalpha():
            break
        rows.append([float(word) for word in words])
    return np.array(rows).reshape(-1, 3)


def _stress(block: list[list[str]], heads: dict[str, int], atoms: Atoms) -> np.ndarray | None:
    """From PlusStress, which is the virial (eV): minus the stress times the volume."""
    place = next((heads[name] for name in ("PlusStress", "Stress") if name in heads), None)
    if place is None or not atoms.pbc.all():
        return None
    values = dict(zip(block[place][1:], map(float, block[place + 1]), strict=True))
    sign = 1.0 if "PlusStress" in heads else -1.0
    return stress_from_virial(sign * np.array([values[name] for name in STRESS]), atoms.get_volume())
