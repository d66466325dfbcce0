"""`read_frames`: a stream of labeled frames from any file or folder."""

import lzma
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import IO

from ase import Atoms

from alphanet.data.cards import LabelKeys
from alphanet.data.formats import deepmd, extxyz, pymatgen_json, zeo22
from alphanet.data.labels import ASE_KEYS, checked, labels_from, relabeled, with_labels
from alphanet.errors import UserError
from alphanet.files import PACKING, text_of

Reader = Callable[[Path], Iterator[Atoms]]

# Raised by ASE, NumPy and the decompressors when a file is damaged or of another format than its name says.
DAMAGE = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError,
    NotImplementedError, RuntimeError, ArithmeticError, UnicodeError,
    sqlite3.Error, lzma.LZMAError, zlib.error, zipfile.BadZipFile, struct.error,
)  # fmt: skip


def read_frames(path: Path, *, labeled: bool = True, labels: LabelKeys = ASE_KEYS) -> Iterator[Atoms]:
    """The frames of a file or folder, one at a time, with labels in a SinglePointCalculator (eV, eV/Å, eV/Å^3).

    Formats: extxyz (plain, .gz, .xz, .bz2, .zip; OC20's with its `.txt.xz` beside it), ASE databases and
    trajectories, `.aselmdb` stores, Si-ZEO22 `.npz`, DeePMD folders, pymatgen JSON, and whatever else ASE
    reads. Any other folder is read file by file, in order of names. Constraints become `arrays["fixed"]`.

    Args:
        path: the file or folder.
        labeled: every frame must have an energy and forces.
        labels: names of the labels; ASE's by default.

    Raises:
        UserError: the file is missing, damaged or empty, or a frame is unsound; the message names both.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist")
    empty = True
    for file in _files(path):
        for atoms in checked(_guarded(_reader_of(file), file, labels), str(file), labeled):
            empty = False
            yield atoms
    if empty:
        raise UserError(f"{path} holds no frames")


def stem_of(path: PurePath) -> str:
    """The file's name without the suffixes of format and compression."""
    name = PurePath(path.stem) if path.suffix in PACKING else PurePath(path.name)
    return name.stem


def _files(path: Path) -> Iterator[Path]:
    """The files (or DeePMD folders) that hold the frames of `path`."""
    if not path.is_dir() or deepmd.is_system(path):
        yield path
        return
    inside = sorted(entry for entry in path.rglob("*") if not entry.name.startswith("."))
    systems = [entry for entry in inside if entry.is_dir() and deepmd.is_system(entry)]
    if systems:
        yield from systems
        return
    yield from (entry for entry in inside if entry.is_file() and _is_structure_file(entry))


def _is_structure_file(path: Path) -> bool:
    return _suffix(path) in {".xyz", ".extxyz", ".traj", ".db", ".npz", ".aselmdb"}


def _reader_of(path: Path) -> Reader:
    if path.is_dir():
        return deepmd.read
    by_suffix: dict[str, Reader] = {
        ".npz": zeo22.read,
        ".aselmdb": _read_store,
        ".db": _read_database,
        ".traj": _read_any,
        ".json": pymatgen_json.read,
        ".xyz": extxyz.read,
        ".extxyz": extxyz.read,
    }
    if path.name.endswith(".zip"):
        return _read_zip
    return by_suffix.get(_suffix(path), _read_any)


def _suffix(path: PurePath) -> str:
    """The suffix that tells the format: `.extxyz` of `a.extxyz.xz`."""
    return PurePath(path.stem).suffix if path.suffix in PACKING else path.suffix


def _guarded(reader: Reader, path: Path, labels: LabelKeys) -> Iterator[Atoms]:
    """Turn any error of a reader into one line that names the file and the frame."""
    index = 0
    try:
        for atoms in reader(path):
            yield relabeled(atoms, labels)
            index += 1
    except UserError as error:
        raise UserError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path}: cannot read frame {index} ({reason}); is it damaged, truncated or of another format?"
        ) from error


def _read_database(path: Path) -> Iterator[Atoms]:
    """Rows of an ASE database in order of id; their key-value pairs become `info`."""
    from ase.db import connect

    for row in connect(path).select():
        atoms = Atoms(row.numbers, row.positions, cell=row.cell, pbc=row.pbc)
        atoms.set_constraint(row.constraints)
        atoms.info.update(row.key_value_pairs)
        # Not row.toatoms(): its calculator would not be attached to the atoms with raw forces alone.
        yield with_labels(atoms, labels_from(*(row.get(key) for key in ("energy", "forces", "stress"))))


def _read_any(path: Path) -> Iterator[Atoms]:
    """Frames of any other file, one at a time if ASE's reader can."""
    from ase.io import iread
    from ase.io.formats import UnknownFileTypeError

    try:
        yield from iread(path, index=":")
    except UnknownFileTypeError as error:
        raise ValueError(f"unknown file type {error}") from error


def _read_store(path: Path) -> Iterator[Atoms]:
    from alphanet.data.store import FrameStore

    yield from FrameStore(path)


def _read_zip(path: Path) -> Iterator[Atoms]:
    """Every extxyz member, in order of names, without unpacking to disk; its name becomes `info["group"]`."""
    with zipfile.ZipFile(path) as archive:
        members = sorted(name for name in archive.namelist() if _suffix(PurePath(name)) in (".xyz", ".extxyz"))
        if not members:
            raise UserError(f"{path} holds no .extxyz file")
        for name in members:
            with archive.open(name) as stream:
                for atoms in _member(stream, name):
                    atoms.info.setdefault("group", stem_of(PurePath(name)))
                    yield atoms


def _member(stream: IO[bytes], name: str) -> Iterator[Atoms]:
    try:
        yield from extxyz.parse(text_of(stream, name))
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
