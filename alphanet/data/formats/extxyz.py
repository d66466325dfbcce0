"""Extended XYZ, plain or compressed, frame by frame; OC20's pairs of `.extxyz.xz` and `.txt.xz`."""

import io
import lzma
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io.extxyz import XYZError, per_config_properties, read_xyz
from ase.stress import voigt_6_to_full_3x3_stress

from alphanet.data.constraints import constrained, held_directions, plain
from alphanet.data.formats import comment
from alphanet.data.kept_arrays import RESULTS, with_kept_arrays
from alphanet.data.labels import labels_of, other_results
from alphanet.data.leftovers import Leftovers
from alphanet.errors import UserError
from alphanet.files import text_of
from alphanet.limits import amount, require

KINDS = {"f": "R", "i": "I", "u": "I", "b": "L", "U": "S", "O": "S"}  # ASE's names for kinds of columns
PER_ATOM = ("forces", *RESULTS)
NAME = re.compile(r"[^\s:\"'{}\[\]=\\]+")  # of a column
RESERVED = {"pos", "species", "Z", "symbols", "charge", "move_mask"}
WORD = re.compile(r"\S+")
OC20_LINE = re.compile(rb"[^,\s]+,frame\d+,[-+.\deE]+\s*$")
# CP2K's trajectories: energies in hartree, beside -pos- also forces (-frc-) and velocities (-vel-) in the same form.
CP2K_LINE = re.compile(r"\s*i\s*=\s*\d+\s*,.*\bE\s*=")
CP2K_NO_POSITIONS = re.compile(r"-(frc|vel)-\d+\.xyz")


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one file; OC20's companion file adds system, frame number and reference energy to `info`."""
    companion = _companion(path)
    if CP2K_NO_POSITIONS.search(path.name):
        raise UserError(f"{path.name} holds forces or velocities of CP2K, not positions; name the -pos- file")
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


def frame_text(atoms: Atoms, leftovers: Leftovers) -> str:
    """The frame with every digit of float64 (ASE's writer keeps eight decimals), results where ASE's readers look.

    Constraints become the column `move_mask`, as ASE writes it. What no column or constraint can say goes to
    `info["arrays"]` and `info["constraints"]`, from where `parse` takes it.
    """
    free = constrained(atoms)
    results = _results(atoms)
    held, others = held_directions(free.constraints, len(atoms), atoms.cell.array)
    columns, arrays = _columns(free, {name: results.pop(name) for name in PER_ATOM if name in results}, held, leftovers)
    info = {str(key): value for key, value in free.info.items()}
    for key in [key for key in info if _is_taken(key, info[key], results)]:
        leftovers.add(f"info {key!r}")
        del info[key]
    if others:
        info["constraints"] = [plain(constraint.todict()) for constraint in others]
    if arrays:
        info["arrays"] = {**info["arrays"], **arrays} if isinstance(info.get("arrays"), dict) else arrays
    lattice = {"Lattice": atoms.cell.array.T} if atoms.cell.any() else {}  # ASE's text is column by column
    properties = ":".join(f"{name}:{_kind(values)}" for name, values in columns.items())
    line = comment.text(
        {**lattice, "Properties": properties, **results, **info, "pbc": np.asarray(atoms.pbc)}, leftovers
    )
    rows = (" ".join(cells) for cells in zip(*map(_cells, columns.values()), strict=True))
    return "\n".join([str(len(atoms)), line, *rows, ""])


def _frame(header: str, text: IO[str], index: int) -> Atoms:
    try:
        count = int(header)
    except ValueError:
        raise UserError(
            f"frame {index} starts with {header.strip()[:60]!r}, not its number of atoms; is this extxyz?"
        ) from None
    if count < 0:
        raise UserError(f"frame {index} announces {count} atoms")
    lines = list(islice(iter(text.readline, ""), count + 1)) or [""]  # what is announced is not there yet
    present = sum(bool(line.strip()) for line in lines[1:])
    if present < count:
        raise UserError(f"frame {index} is truncated: {present} of {amount(count)} atoms")
    require(count, "atoms", f"frame {index} has")
    if not lines[-1].endswith("\n") and "force" in lines[0].lower() and not _looks_whole(lines[1:]):
        # Half a number is a number: here nothing shows that the last label is whole.
        raise UserError(f"frame {index} ends without a line end; if it is not truncated, add one")
    try:
        (atoms,) = read_xyz(io.StringIO("".join([header, *lines])), slice(None), properties_parser=_checked)
    except XYZError as error:
        raise UserError(f"frame {index}: {error}") from error
    except KeyError as error:
        raise UserError(f"frame {index}: {_species_message(error.args[0])}") from error
    except UserError as error:
        raise UserError(f"frame {index}: {error}") from error
    if CP2K_LINE.match(lines[0]) and "E" in atoms.info:
        atoms.info["energy"] = atoms.info.pop("E")
        atoms.info["energy_unit"] = "hartree"
    return _restored(atoms)


def _checked(line: str) -> dict[str, Any]:
    """The pairs of a comment line, if its columns are not too many: ASE makes a type of each before it reads a row."""
    pairs = comment.parse(line)
    with suppress(ValueError):  # ASE says which of them is no number
        widths = [abs(int(width)) for width in str(pairs.get("Properties", "")).split(":")[2::3]]
        require(sum(widths), "columns", "it announces")
    return pairs


def _looks_whole(rows: list[str]) -> bool:
    """Whether the last number of the last row has as many decimals as that of the row before it, and is not alone.

    Programs write columns with a fixed number of decimals; a number that is cut off has fewer.
    """
    words = [row.split() for row in rows]
    if len(rows) < 2 or len(words[-1]) != len(words[-2]):
        return False
    last, before = words[-1][-1], words[-2][-1]
    return len(last.partition(".")[2]) == len(before.partition(".")[2]) > 0


def _species_message(name: Any) -> str:
    text = f"{name!r} is no chemical symbol"
    word = str(name).strip()
    if word.isdigit():
        return f"{text}; atomic numbers go into a column Z:I:1"
    symbol = re.match(r"[A-Z][a-z]?", word)
    if word in ("D", "T"):
        return f"{text}; write H, and the mass of the isotope in a column masses:R:1"
    return f"{text}; write {symbol[0]}" if symbol and symbol[0] in atomic_numbers else text


def _restored(atoms: Atoms) -> Atoms:
    """The frame itself, with arrays that no column could hold taken from `info`, and results in their shape."""
    results = atoms.calc.results if atoms.calc is not None else {}
    charges = results.get("born_effective_charges")
    if charges is not None and charges.shape == (len(atoms), 9):
        results["born_effective_charges"] = charges.reshape(-1, 3, 3)
    return with_kept_arrays(atoms)


def _companion(path: Path) -> Path | None:
    """OC20's `12.txt.xz` beside `12.extxyz.xz`, with `system,frame,reference_energy` in every line."""
    stem = path.name.split(".extxyz")[0]
    for suffix in (".txt.xz", ".txt"):
        companion = path.with_name(stem + suffix)
        if ".extxyz" in path.name and companion.is_file() and _is_table(companion):
            return companion
    return None


def _is_table(path: Path) -> bool:
    """Whether the first line is OC20's; other texts beside a file, such as notes, are not data."""
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as stream:
        return OC20_LINE.match(stream.readline(1000)) is not None


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


def _results(atoms: Atoms) -> dict[str, Any]:
    results: dict[str, Any] = {**labels_of(atoms), **other_results(atoms)}
    if "stress" in results:
        results["stress"] = voigt_6_to_full_3x3_stress(results["stress"])
    return results


def _columns(
    free: Atoms, results: dict[str, Any], held: np.ndarray, leftovers: Leftovers
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Columns of the frame, and arrays that ASE would not read back from a column."""
    columns = {"species": np.array(free.get_chemical_symbols()), "pos": free.positions}
    if held.any():
        whole = (held.all(axis=1) == held.any(axis=1)).all()
        columns["move_mask"] = ~held.any(axis=1) if whole else ~held
    own = {name: values for name, values in free.arrays.items() if name not in ("numbers", "positions")}
    for name in own.keys() & results.keys():
        leftovers.add(f"array {name!r} beside the result of that name")
    fields = {field for name, values in columns.items() for field in _fields(name, values)}
    rest = {}
    for name, values in (own | {name: np.asarray(values) for name, values in results.items()}).items():
        if _is_column(name, values) and not fields & _fields(name, values):
            columns[name] = values
            fields |= _fields(name, values)
        elif comment.fits(plain(values)):
            rest[name] = plain(values)
        else:
            leftovers.add(f"array {name!r}")
    return columns, rest


def _fields(name: str, values: np.ndarray) -> set[str]:
    """The names that ASE's reader gives to the parts of a column."""
    return {name} if values.ndim == 1 else {f"{name}{place}" for place in range(values.shape[1])}


def _is_taken(key: str, value: Any, results: Mapping[str, object]) -> bool:
    """Whether ASE's reader would take an entry of `info` for something else."""
    if key in comment.RESERVED or key in results:
        return True
    return key in per_config_properties and np.asarray(value).dtype.kind not in "fi"


def _is_column(name: str, values: np.ndarray) -> bool:
    """Whether ASE reads a column of these values back as it was."""
    if NAME.fullmatch(name) is None or name in RESERVED or values.ndim not in (1, 2) or values.size == 0:
        return False
    if values.ndim == 2 and values.shape[1] == 1:
        return False  # it would come back as (N,)
    if values.dtype.kind in "iu":
        return bool(np.abs(values.astype(np.float64)).max() < 2**31)  # ASE reads 32 bits
    if values.dtype.kind in "OU":
        return all(isinstance(word, str) and WORD.fullmatch(word) for word in values.ravel().tolist())
    return values.dtype.kind in KINDS


def _kind(values: np.ndarray) -> str:
    return f"{KINDS[values.dtype.kind]}:{values[0].size if values.ndim > 1 else 1}"


def _cells(values: np.ndarray) -> list[str]:
    """The text of one column for every atom."""
    rows = values.reshape(len(values), -1).tolist()
    if values.dtype.kind == "b":
        return [" ".join("FT"[flag] for flag in row) for row in rows]
    return [" ".join(map(str, row)) for row in rows]
