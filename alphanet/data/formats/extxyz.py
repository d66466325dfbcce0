"""Extended XYZ, plain or compressed, frame by frame; OC20's pairs of `.extxyz.xz` and `.txt.xz`."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
from ase import Atoms
from ase.io.extxyz import XYZError, key_val_dict_to_str, read_xyz
from ase.stress import voigt_6_to_full_3x3_stress

from alphanet.data.labels import labels_of
from alphanet.errors import UserError
from alphanet.files import text_of

KINDS = {"f": "R", "i": "I", "u": "I", "b": "L", "U": "S"}  # ASE's names for kinds of columns


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one file; OC20's companion file adds system, frame number and reference energy to `info`."""
    companion = _companion(path)
    with path.open("rb") as stream:
        frames = parse(text_of(stream, path.name))
        yield from _with_references(frames, companion) if companion else frames


def parse(text: IO[str]) -> Iterator[Atoms]:
    """Frames of an extxyz text, holding one in memory at a time.

    ASE's reader parses each frame; given a whole file it indexes it first and rewinds, which is quadratic for
    compressed ones.

    Raises:
        UserError: a frame is broken; the message describes the first one.
    """
    index = 0
    while header := text.readline():
        if not header.strip():
            if text.read().strip():
                raise UserError(f"frame {index}: a blank line where the number of atoms should be")
            return
        yield _frame(header, text, index)
        index += 1


def frame_text(atoms: Atoms) -> str:
    """The frame with every digit of float64 (ASE's writer keeps eight decimals), labels where ASE's readers look."""
    labels = labels_of(atoms)
    columns = _columns(atoms, labels.pop("forces", None))
    if "stress" in labels:
        labels["stress"] = voigt_6_to_full_3x3_stress(labels["stress"])
    lattice = {"Lattice": atoms.cell.array.T} if atoms.cell.any() else {}  # ASE's text is column by column
    properties = ":".join(f"{name}:{_kind(values)}" for name, values in columns.items())
    comment = key_val_dict_to_str(
        {**lattice, "Properties": properties, **labels, **atoms.info, "pbc": np.asarray(atoms.pbc)}
    )
    rows = (" ".join(cells) for cells in zip(*map(_cells, columns.values()), strict=True))
    return "\n".join([str(len(atoms)), comment, *rows, ""])


def _frame(header: str, text: IO[str], index: int) -> Atoms:
    try:
        count = int(header)
    except ValueError:
        raise UserError(
            f"frame {index} starts with {header.strip()[:60]!r}, not its number of atoms; is this extxyz?"
        ) from None
    lines = [text.readline() for _ in range(count + 1)]
    present = sum(bool(line.strip()) for line in lines[1:])
    if present < count:
        raise UserError(f"frame {index} is truncated: {present} of {count} atoms")
    if not lines[-1].endswith("\n") and "force" in lines[0].lower():
        # Half a number is a number: only the end of the line shows that a label is whole.
        raise UserError(f"frame {index} ends without a line end; if it is not truncated, add one")
    try:
        (atoms,) = read_xyz(io.StringIO("".join([header, *lines])), slice(None))
    except XYZError as error:
        raise UserError(f"frame {index}: {error}") from error
    return atoms


def _companion(path: Path) -> Path | None:
    """OC20's `12.txt.xz` beside `12.extxyz.xz`, with `system,frame,reference_energy` in every line."""
    stem = path.name.split(".extxyz")[0]
    for suffix in (".txt.xz", ".txt"):
        companion = path.with_name(stem + suffix)
        if ".extxyz" in path.name and companion.is_file():
            return companion
    return None


def _with_references(frames: Iterator[Atoms], companion: Path) -> Iterator[Atoms]:
    with companion.open("rb") as stream:
        lines = text_of(stream, companion.name)
        for index, atoms in enumerate(frames):
            fields = lines.readline().strip().split(",")
            if len(fields) != 3:
                raise UserError(f"{companion} has no line for frame {index} (system,frame,reference energy)")
            system, number, reference = fields
            # Energies stay raw; the adsorption energy is `energy - reference_energy`.
            atoms.info.update(system=system, frame=int(number.removeprefix("frame")), reference_energy=float(reference))
            yield atoms


def _columns(atoms: Atoms, forces: np.ndarray | None) -> dict[str, np.ndarray]:
    columns = {"species": np.array(atoms.get_chemical_symbols()), "pos": atoms.positions}
    if forces is not None:
        columns["forces"] = forces
    extra = {name: values for name, values in atoms.arrays.items() if name not in ("numbers", "positions")}
    return columns | {name: values for name, values in extra.items() if values.dtype.kind in KINDS}


def _kind(values: np.ndarray) -> str:
    return f"{KINDS[values.dtype.kind]}:{values[0].size}"


def _cells(values: np.ndarray) -> list[str]:
    """The text of one column for every atom."""
    rows = values.reshape(len(values), -1).tolist()
    if values.dtype.kind == "b":
        return [" ".join("FT"[flag] for flag in row) for row in rows]
    return [" ".join(map(str, row)) for row in rows]
