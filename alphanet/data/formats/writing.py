"""`write_frames`: a stream of frames into one file, which takes its name only when it is whole."""

import contextlib
import io
import os
import secrets
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from ase import Atoms
from ase.io.jsonio import encode

from alphanet.data.formats import deepmd
from alphanet.data.formats.extxyz import frame_text
from alphanet.data.kept_arrays import KEY
from alphanet.data.labels import labels_of, other_results, with_labels
from alphanet.data.leftovers import Leftovers
from alphanet.data.rows import NATIVE_ARRAYS, extras_of, is_json, json_info, whole
from alphanet.errors import UserError, did_you_mean
from alphanet.files import PACKING, atomic_path, text_of

Writer = Callable[[Path, Iterable[Atoms], Leftovers], int]
TITLES = {
    "xyz": "extxyz",
    "traj": "ASE's trajectory",
    "db": "ASE's database",
    "aselmdb": "ASE's LMDB database",
    "deepmd": "DeePMD's format",
}


def write_frames(path: Path, frames: Iterable[Atoms], *, format: str | None = None) -> int:
    """Write frames with everything that ASE keeps, one in memory at a time; returns their number.

    What the format cannot hold is told in one warning at the end.

    Args:
        path: `.extxyz` or `.xyz` (also `.gz`, `.xz`, `.bz2`, `.zip`), `.traj`, `.db`, `.aselmdb`, or a new
            folder in DeePMD's format.
        frames: structures, with energy, forces and stress as far as they have them.
        format: `extxyz`, `traj`, `db`, `aselmdb` or `deepmd`; by default the suffix of `path` tells.

    Raises:
        UserError: the format is unknown or cannot hold the frames, there are no frames, or the disk is full.
    """
    path = Path(path)
    writers: dict[str, Writer] = {
        "extxyz": _write_extxyz,
        "xyz": _write_extxyz,
        "traj": _write_trajectory,
        "db": _write_database,
        "aselmdb": _write_store,
        "deepmd": _write_deepmd,
    }
    packed = path.suffix in PACKING
    name = format or Path(path.stem if packed else path.name).suffix.removeprefix(".") or "deepmd"
    if name not in writers:
        raise UserError(f"{path}: cannot write format {name!r}{did_you_mean(name, writers)}")
    if packed and writers[name] is not _write_extxyz:
        raise UserError(f"{path}: only extxyz is written compressed")
    leftovers = Leftovers()
    count = writers[name](path, frames, leftovers)
    leftovers.tell(path, TITLES.get(name, name))
    return count


def _write_extxyz(path: Path, frames: Iterable[Atoms], leftovers: Leftovers) -> int:
    with atomic_path(path) as temporary, _text(temporary) as stream:
        return _each(frames, lambda atoms: stream.write(frame_text(atoms, leftovers)))


def _write_trajectory(path: Path, frames: Iterable[Atoms], leftovers: Leftovers) -> int:
    from ase.io.trajectory import TrajectoryWriter

    with atomic_path(path) as temporary, TrajectoryWriter(temporary) as trajectory:
        return _each(frames, lambda atoms: trajectory.write(_for_trajectory(atoms, leftovers)))


def _write_database(path: Path, frames: Iterable[Atoms], leftovers: Leftovers) -> int:
    from ase.db import connect

    def write(atoms: Atoms) -> None:
        frame = whole(atoms)
        extras = extras_of(frame, leftovers)
        frame = _without_vectors(frame, extras)
        database.write(frame, _key_value_pairs(frame), data=_for_sqlite(extras))

    with atomic_path(path) as temporary, connect(temporary, type="db", use_lock_file=False) as database:
        return _each(frames, write)


def _write_store(path: Path, frames: Iterable[Atoms], leftovers: Leftovers) -> int:
    from alphanet.data.store import store_writer

    with store_writer(path, {}, leftovers) as writer:
        return _each(frames, writer.add)


def _write_deepmd(path: Path, frames: Iterable[Atoms], leftovers: Leftovers) -> int:
    """Write a new folder and rename it when it is complete; an old one could not be replaced in one step."""
    if path.exists():
        raise UserError(f"{path} exists; name a new folder")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir(parents=True)
        count = deepmd.write(temporary, frames, leftovers)
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        temporary.rename(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return count


def _flush(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _each(frames: Iterable[Atoms], write: Callable[[Atoms], Any]) -> int:
    count = 0
    for atoms in frames:
        write(atoms)
        count += 1
    if count == 0:
        raise UserError("no frames to write")
    return count


@contextlib.contextmanager
def _text(file: Path) -> Iterator[IO[str]]:
    """A text stream into `file`, compressed as its suffix says."""
    if file.suffix == ".zip":
        with (
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("frames.extxyz", "w", force_zip64=True) as member,
            io.TextIOWrapper(member, encoding="utf-8") as stream,
        ):
            yield stream
    else:
        with file.open("wb") as packed, text_of(packed, file.name, "wt") as stream:
            yield stream


def _for_trajectory(atoms: Atoms, leftovers: Leftovers) -> Atoms:
    """The frame with all that a trajectory holds; arrays that it has no place for go to `info["arrays"]`."""
    frame = whole(atoms)
    info = json_info(frame.info, leftovers)
    kept = {
        name: values
        for name, values in frame.arrays.items()
        if name not in NATIVE_ARRAYS and is_json(values, f"array {name!r}", leftovers)
    }
    if kept:
        info[KEY] = {**info[KEY], **kept} if isinstance(info.get(KEY), dict) else kept
    frame.info = info
    return frame


def _without_vectors(frame: Atoms, extras: dict[str, Any]) -> Atoms:
    """The frame without moments that have directions, which SQLite would flatten; they go to `extras`.

    Numbers become Python's: SQLite would keep those of numpy as bytes.
    """
    results = {name: value if np.ndim(value) else float(value) for name, value in other_results(frame).items()}
    for name, dimensions in (("magmom", 0), ("magmoms", 1)):
        if np.ndim(results.get(name, 0)) > dimensions:
            extras.setdefault("results", {})[name] = results.pop(name)
    if np.ndim(frame.arrays.get("initial_magmoms", 0)) > 1:
        extras["arrays"]["initial_magmoms"] = frame.arrays.pop("initial_magmoms")
    return with_labels(frame, labels_of(frame), results)


def _for_sqlite(extras: dict[str, object]) -> dict[str, object]:
    """SQLite keeps `data` in a form of ASE that loses some types; JSON inside it loses none."""
    return {"json": encode(extras)}


def _key_value_pairs(atoms: Atoms) -> dict[str, object]:
    """The entries of `info` that an ASE database takes: numbers and words under names that are free."""
    from ase.db.core import check, reserved_keys

    pairs = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # about names that are formulas, which would confuse a search
        for key, value in atoms.info.items():
            if isinstance(key, str) and key not in reserved_keys:
                with contextlib.suppress(ValueError, UserWarning):
                    check({key: value})
                    pairs[key] = value
    return pairs
