"""The WBM initial structures, by id, as `alphanet data` keeps them or from a file the user has."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from ase import Atoms

from alphanet.errors import UserError

Structures = Mapping[str, Atoms]
"""Structures by id"""

INITIAL = "wbm-initial-atoms"
REFERENCES = "mp-elemental-reference-entries"
SUMMARY = "wbm-summary"

WBM_ID = re.compile(r"^wbm-\d+-\d+$")
ID_KEYS = ("material_id", "id", "group", "name")  # of `Atoms.info`, the first that is there


def natural(identity: str) -> tuple[tuple[int, str], ...]:
    """Key of an order in which wbm-1-2 comes before wbm-1-10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", identity))


def published(part: str) -> Path | None:
    """The published file whose name contains `part`, where `alphanet data fetch` puts it; None if it is not there."""
    from alphanet.data.fetching import local_path
    from alphanet.measure.discovery.wbm import published_file

    path = local_path(published_file(part))
    return path if path.is_file() else None


def initial_structures(given: Path | None) -> Structures:
    """The structures in `given`; by default the published initial structures of WBM.

    Raises:
        UserError: they are not on this disk (the error says what to fetch), or cannot be read.
    """
    path = given or published(INITIAL)
    if path is None:
        raise UserError(
            "the WBM initial structures are not on this machine: fetch them (alphanet data fetch wbm --scale full), "
            "or name a file of structures"
        )
    return read_structures(path)


def read_structures(path: Path) -> Structures:
    """Structures of a ZIP with one file an id, as published; JSON with `material_id` and `initial_structure`; or
    whatever else `alphanet.data.formats.read_frames` reads, with ids in `material_id` or `id`.

    Raises:
        UserError: the file is missing or damaged, or a structure has no id or that of another.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if path.suffix == ".zip" and (zipped := _zipped(path)):
        return zipped
    structures: dict[str, Atoms] = {}
    for identity, atoms in _frames(path):
        if identity in structures:
            raise UserError(f"{path} has the id {identity} more than once")
        structures[identity] = atoms
    return structures


class ZippedStructures(Structures):
    """A ZIP that has a file for every id, each read when it is asked for."""

    def __init__(self, archive: zipfile.ZipFile, members: Mapping[str, str]) -> None:
        self._archive, self._members = archive, members

    def __iter__(self) -> Iterator[str]:
        """The ids."""
        return iter(self._members)

    def __len__(self) -> int:
        """Number of structures."""
        return len(self._members)

    def __getitem__(self, identity: str) -> Atoms:
        """The structure called `identity`.

        Raises:
            UserError: its file is damaged.
        """
        from alphanet.data.formats.extxyz import parse
        from alphanet.files import text_of

        member = self._members[identity]
        try:
            with self._archive.open(member) as stream:
                return next(parse(text_of(stream, member)))
        except (OSError, ValueError, KeyError, StopIteration, zipfile.BadZipFile) as error:
            raise UserError(f"{self._archive.filename}: {member} cannot be read: {error}") from error


def _zipped(path: Path) -> ZippedStructures | None:
    """The structures of a ZIP whose members are called as their ids are; None if one is called otherwise."""
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    members = {PurePath(name).stem: name for name in archive.namelist() if not name.endswith("/")}
    if members and all(map(WBM_ID.match, members)):
        return ZippedStructures(archive, members)
    archive.close()
    return None


def _frames(path: Path) -> Iterator[tuple[str, Atoms]]:
    from alphanet.data.formats import read_frames

    if ".json" in path.suffixes and (table := _table(path)):
        yield from _rows(path, table)
        return
    for place, atoms in enumerate(read_frames(path, labeled=False)):
        identity = next((str(atoms.info[key]) for key in ID_KEYS if atoms.info.get(key) is not None), None)
        if identity is None:
            raise UserError(f"{path}: structure {place} has no id; give it one as {' or '.join(ID_KEYS[:2])}")
        yield identity, atoms


def _table(path: Path) -> dict[str, Any] | None:
    """The columns of a table of structures in pandas' JSON, as WBM was published; None if the file is something else.

    Raises:
        UserError: the file cannot be read.
    """
    from alphanet.data.formats.pymatgen_json import load_json

    try:
        values = load_json(path)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    is_table = isinstance(values, dict) and "material_id" in values and any(key.endswith("structure") for key in values)
    return values if is_table else None


def _rows(path: Path, table: dict[str, Any]) -> Iterator[tuple[str, Atoms]]:
    from alphanet.data.formats.pymatgen_json import atoms_of

    column = next(key for key in table if key.endswith("structure"))
    for row, identity in table["material_id"].items():
        try:
            yield str(identity), atoms_of(table[column][row])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}: {column} of {identity} cannot be read: {error}") from error
