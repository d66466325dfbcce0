"""Files that ASE reads, without what its readers guess: elements of LAMMPS types, energies that are not there."""

import logging
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ase import Atoms

from alphanet.data.kept_arrays import with_kept_arrays
from alphanet.errors import UserError
from alphanet.files import check_text, text_of
from alphanet.limits import amount

logger = logging.getLogger(__name__)

LAMMPS_UNITS = re.compile(r"\bunits\s*=\s*(\w+)")
HEADER_LINES = 1000
COUNTED = {"vasp": (5, 6), "vasp-xdatcar": (5, 6), "cube": (2, 3, 4, 5), "gen": (0,), "gromacs": (1,)}
"""Kind of ASE -> places of the lines of its header that say how much follows, for which ASE's readers make room"""


def read(path: Path) -> Iterator[Atoms]:
    """Frames of any file that ASE reads, one at a time if ASE's reader can.

    Raises:
        UserError: the file does not say which elements its atoms are.
        ValueError: ASE does not know the file's type.
    """
    from ase.io.formats import UnknownFileTypeError

    try:
        yield from _frames(path)
    except UnknownFileTypeError as error:
        raise ValueError(f"unknown file type {error}") from error


def _frames(path: Path) -> Iterator[Atoms]:
    from ase.io import iread
    from ase.io.formats import filetype, ioformats

    kind = filetype(str(path))
    if kind not in ioformats:
        raise ValueError(f"unknown file type {kind}")
    if not ioformats[kind].isbinary:
        check_text(path)
        _check_counts(path, kind)
    # The name as it is: `CONTCAR@300K` is no slice of CONTCAR.
    frames = iread(path, index=":", format=kind, do_not_split_by_at_sign=True, **_options(path, kind))
    if kind == "vasp-out":
        frames = _judged(frames, _converged_steps(path))
    for atoms in frames:
        if kind.startswith("lammps-dump") and atoms.calc is not None:
            atoms.calc.results.pop("energy", None)  # dumps have none; ASE's reader puts 0
        # Trajectories turn names such as '12' into numbers.
        atoms.info = {str(key): value for key, value in atoms.info.items()}
        yield with_kept_arrays(atoms)


def _check_counts(path: Path, kind: str) -> None:
    """Check that a header does not announce more atoms or values than the file has bytes.

    Raises:
        UserError: it does.
    """
    places = COUNTED.get(kind, ())
    header = _lines(path, count=1 + max(places)) if places else []
    counts = [_leading_integers(header[place]) for place in places if place < len(header)]
    if kind == "cube":  # atoms, and points along three axes of a grid
        largest = max([sum(one[:1]) for one in counts[:1]] + [math.prod(sum(one[:1]) for one in counts[1:])])
    else:
        largest = max((sum(one) for one in counts), default=0)
    if largest > (size := path.stat().st_size):
        raise UserError(f"it announces {amount(largest)} atoms or values in {amount(size)} bytes")


def _leading_integers(line: str) -> list[int]:
    found = []
    for word in line.split():
        try:
            found.append(abs(int(word)))
        except ValueError:
            break
    return found


def _options(path: Path, kind: str) -> dict[str, Any]:
    """What the file says about itself and ASE's reader does not look at."""
    if kind == "lammps-dump-binary":
        raise UserError("a binary LAMMPS dump has types in place of elements; write a text dump with a column element")
    if kind == "lammps-dump-text":
        header = _lines(path, until="ITEM: ATOMS")
        columns = header[-1].split()[2:] if header and header[-1].startswith("ITEM: ATOMS") else []
        if not {"element", "mass"} & set(columns):
            raise UserError(
                "a LAMMPS dump without a column element names atoms by type alone, so its elements are not known; "
                "write it with `dump … custom … id element x y z` and `dump_modify … element …`"
            )
        place = header.index("ITEM: UNITS") + 1 if "ITEM: UNITS" in header else 0
        return {"units": header[place].strip()} if 0 < place < len(header) else {}
    if kind == "lammps-data":
        header = _lines(path, until="Atoms")
        if not any(line.startswith(("Masses", "Atom Type Labels")) for line in header):
            raise UserError("a LAMMPS data file without masses or type labels does not tell its elements; add Masses")
        named = LAMMPS_UNITS.search(header[0])
        return {"units": named[1]} if named else {}
    return {}


def _lines(path: Path, until: str | None = None, count: int = HEADER_LINES) -> list[str]:
    """The first lines, to the one that begins with `until`, or `count` of them."""
    lines: list[str] = []
    with path.open("rb") as stream:
        for line in text_of(stream, path.name):
            lines.append(line.rstrip("\n"))
            if (until is not None and line.startswith(until)) or len(lines) >= count:
                break
    return lines


def _converged_steps(path: Path) -> list[bool]:
    """Whether the electrons of each ionic step of an OUTCAR converged; empty if the file has no lines about it."""
    steps: list[bool] = []
    converged = iterated = False
    with path.open("rb") as stream:
        for line in text_of(stream, path.name):
            iterated = iterated or "Iteration " in line
            if "aborting loop" in line:
                converged = "EDIFF is reached" in line
            elif "TOTAL-FORCE (eV/Angst)" in line:
                steps.append(converged)
                converged = False
    return steps if iterated else []


def _judged(frames: Iterator[Atoms], converged: list[bool]) -> Iterator[Atoms]:
    count = 0
    for index, atoms in enumerate(frames):
        if index < len(converged) and not converged[index]:
            atoms.info["converged"] = False
            count += 1
        yield atoms
    if count:
        logger.warning("%d frames of an OUTCAR did not converge (EDIFF); they say converged=F", count)
