"""The WBM initial structures, by id, as `alphanet data` keeps them or from a file the user has."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any, Protocol

from ase import Atoms

from alphanet.errors import UserError

INITIAL = "wbm-initial-atoms"
REFERENCES = "mp-elemental-reference-entries"
SUMMARY = "wbm-summary"
RELAXED = "wbm-relaxed-atoms"

WBM_ID = re.compile(r"^wbm-\d+-\d+$")
ID_KEYS = ("material_id", "id", "group", "name")  # of `Atoms.info`, the first that is there


class Structures(Protocol):
    """Structures by id."""

    ids: tuple[str, ...]

    def load(self, ids: Iterable[str]) -> dict[str, Atoms]:
        """The structures called `ids`.

        Raises:
            UserError: one of them is not there, or damaged.
        """
        ...


def published(part: str) -> Path | None:
    """The published file whose name contains `part`, where `alphanet data fetch` put it; none if it is not there."""
    from alphanet.data.fetching import local_path
    from alphanet.measure.discovery.wbm import published_file

    path = local_path(published_file(part))
    return path if path.is_file() else None


def initial_structures(given: Path | None) -> Structures:
    """The structures in `given`, else the published initial structures of WBM.

    Raises:
        UserError: they are not on this disk (what to fetch is said), or cannot be read.
    """
    if given is not None:
        return read_structures(given)
    path = published(INITIAL)
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
        UserError: the file is missing or damaged, or a structure has no id.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if path.suffix == ".zip" and (members := _members_by_id(path)):
        return ZippedStructures(path, members)
    return HeldStructures(path, _frames(path))


class ZippedStructures:
    """A ZIP that has a file for every id; structures are read when they are asked for."""

    def __init__(self, path: Path, members: dict[str, str]) -> None:
        self.ids = tuple(members)
        self._path, self._members = path, members

    def load(self, ids: Iterable[str]) -> dict[str, Atoms]:
        """See `Structures`."""
        with zipfile.ZipFile(self._path) as archive:
            return {one: self._read(archive, one) for one in ids}

    def _read(self, archive: zipfile.ZipFile, identity: str) -> Atoms:
        from alphanet.data.formats.extxyz import parse
        from alphanet.files import text_of

        if identity not in self._members:
            raise UserError(f"{self._path} has no structure {identity}")
        try:
            with archive.open(self._members[identity]) as stream:
                return next(parse(text_of(stream, self._members[identity])))
        except (OSError, ValueError, KeyError, StopIteration, zipfile.BadZipFile) as error:
            raise UserError(f"{self._path}: {self._members[identity]} cannot be read: {error}") from error


class HeldStructures:
    """Structures that are held in memory."""

    def __init__(self, path: Path, frames: Iterable[tuple[str, Atoms]]) -> None:
        self._path = path
        self._atoms: dict[str, Atoms] = {}
        for identity, atoms in frames:
            if identity in self._atoms:
                raise UserError(f"{path} has the id {identity} more than once")
            self._atoms[identity] = atoms
        self.ids = tuple(self._atoms)

    def load(self, ids: Iterable[str]) -> dict[str, Atoms]:
        """See `Structures`."""
        wanted = list(ids)
        missing = [one for one in wanted if one not in self._atoms]
        if missing:
            raise UserError(f"{self._path} has no structure {missing[0]} ({len(missing)} of {len(wanted)} are missing)")
        return {one: self._atoms[one] for one in wanted}


def _members_by_id(path: Path) -> dict[str, str]:
    """Names of the members by the id in them; empty where a member is called otherwise."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    members = {PurePath(name).stem: name for name in names}
    return members if all(WBM_ID.match(identity) for identity in members) else {}


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
    """The columns of a table of structures in pandas' JSON, as WBM was published; none if the file is something else.

    Raises:
        UserError: the file cannot be read.
    """
    from alphanet.data.formats.pymatgen_json import load_json

    try:
        found = load_json(path)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    named = isinstance(found, dict) and "material_id" in found and any(key.endswith("structure") for key in found)
    return found if named else None


def _rows(path: Path, table: dict[str, Any]) -> Iterator[tuple[str, Atoms]]:
    from alphanet.data.formats.pymatgen_json import atoms_of

    column = next(key for key in table if key.endswith("structure"))
    for row, identity in table["material_id"].items():
        try:
            yield str(identity), atoms_of(table[column][row])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}: {column} of {identity} cannot be read: {error}") from error
