"""SD files: any number of molecules, of which ASE's reader takes the first alone."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ase import Atoms

from alphanet.errors import UserError
from alphanet.files import text_of

END = "$$$$"


def read(path: Path) -> Iterator[Atoms]:
    """One frame per molecule, not periodic; its title and data fields become `info`.

    Raises:
        UserError: a molecule is in the form V3000, or is not whole.
    """
    with path.open("rb") as stream:
        for index, lines in enumerate(_molecules(text_of(stream, path.name))):
            yield _frame(lines, index)


def _molecules(text: IO[str]) -> Iterator[list[str]]:
    lines: list[str] = []
    for line in text:
        if line.rstrip() == END:
            yield lines
            lines = []
        else:
            lines.append(line.rstrip("\n"))
    if any(line.strip() for line in lines):
        yield lines


def _frame(lines: list[str], index: int) -> Atoms:
    from ase.io.sdf import read_sdf

    counts = lines[3] if len(lines) > 3 else ""
    if "V3000" in counts:
        raise UserError(f"molecule {index} is in the form V3000, which is not read; convert it to V2000 or extxyz")
    try:
        atoms = read_sdf(io.StringIO("\n".join([*lines, ""])))
    except (ValueError, IndexError, KeyError) as error:
        raise UserError(f"molecule {index} is not whole: {' '.join(str(error).split())}") from error
    if lines[0].strip():
        atoms.info["title"] = lines[0].strip()
    atoms.info.update(_fields(lines))
    return atoms


def _fields(lines: list[str]) -> Iterator[tuple[str, str | float]]:
    for place, line in enumerate(lines[:-1]):
        if line.startswith(">") and "<" in line:
            name = line[line.index("<") + 1 : line.rindex(">")]
            value = lines[place + 1].strip()
            try:
                yield name, float(value)
            except ValueError:
                yield name, value
