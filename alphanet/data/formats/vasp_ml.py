"""VASP's ML_AB and ML_ABN: the ab-initio data of its machine-learned force fields."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from ase import Atoms, units

from alphanet.data.labels import labels_from, with_labels
from alphanet.errors import UserError
from alphanet.files import text_of
from alphanet.limits import require

NAME = re.compile(r"ML_ABN?([._-].*)?$")
KILOBAR = 0.1 * units.GPa
BEGIN = "Configuration num."

Sections = dict[str, list[list[str]]]


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one file, with energy, forces and stress; the system's name becomes `info["group"]`.

    Raises:
        UserError: no configuration, or one that is not whole.
    """
    with path.open("rb") as stream:
        for index, sections in enumerate(_configurations(text_of(stream, path.name))):
            try:
                yield _frame(sections)
            except (ValueError, IndexError, KeyError, StopIteration) as error:
                raise UserError(f"frame {index} is not whole: {' '.join(str(error).split())}") from error


def _configurations(text: IO[str]) -> Iterator[Sections]:
    """The sections of each configuration: rows of words, by title."""
    sections: Sections | None = None
    title, previous = "", ""
    for line in text:
        content = line.strip()
        if content.startswith(BEGIN):
            if sections is not None:
                yield sections
            sections, title = {}, ""
        elif sections is not None:
            if content.startswith(("===", "***")):
                title = ""
            elif content.startswith("---"):
                title = previous
                sections.setdefault(title, [])
            elif title and content:
                sections[title].append(content.split())
        previous = content
    if sections is not None:
        yield sections


def _frame(sections: Sections) -> Atoms:
    counts = [(symbol, int(count)) for symbol, count in sections["Atom types and atom numbers"]]
    require(sum(count for _, count in counts), "atoms", "a configuration announces")
    symbols = [symbol for symbol, count in counts for _ in range(count)]
    positions = _numbers(sections, "Atomic positions", (len(symbols), 3))
    atoms = Atoms(symbols, positions, cell=_numbers(sections, "Primitive lattice vectors", (3, 3)), pbc=True)
    atoms.info["group"] = " ".join(sections["System name"][0])
    energy = float(_numbers(sections, "Total energy", (1, 1))[0, 0])
    forces = _numbers(sections, "Forces", (len(symbols), 3))
    # kbar, compression positive, as VASP prints it; the titles of both rows stand before them
    (xx, yy, zz), (xy, yz, xz) = (np.array(sections[key][0], float) for key in ("XX YY ZZ", "XY YZ ZX"))
    stress = -KILOBAR * np.array([xx, yy, zz, yz, xz, xy])
    return with_labels(atoms, labels_from(energy, forces, stress))


def _numbers(sections: Sections, title: str, shape: tuple[int, int]) -> np.ndarray:
    rows = next(rows for name, rows in sections.items() if name.startswith(title))
    values = np.array(rows, float)
    if values.shape != shape:
        raise ValueError(f"{title} has the shape {values.shape}, expected {shape}")
    return values
