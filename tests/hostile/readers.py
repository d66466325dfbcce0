"""Every reader of files from elsewhere as a function of a path, with an honest file of its own to begin from."""

import contextlib
import io
import itertools
import json
import os
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.cards import read_yaml, validate
from alphanet.data.archives import unpack
from alphanet.data.cards import DatasetCard, Listing
from alphanet.data.formats import read_frames, write_frames
from alphanet.data.listings import files_of
from alphanet.errors import UserError
from alphanet.measure.discovery.files import columns_of, read_columns
from alphanet.model.checkpoint import load_model, save_model
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model
from alphanet.paths import resources
from alphanet.results.records import Record, RecordLog
from alphanet.results.schema import BenchmarkResult, Cell, Code, Grid, Hardware, Number, Provenance, read_result

CONFIG = AlphaNetConfig(
    elements=("H",), num_layers=1, hidden_channels=4, heads=1, num_basis=2, temporal_channels=1, cutoff=4.0
)
LISTING = Listing(record="zenodo:1", roles={"*.zip": "train"})
_MOMENTS = itertools.count(1)


@dataclass(frozen=True)
class Reader:
    """One reader."""

    suffix: str  # of its files
    read: Callable[[Path], Any]
    seed: Callable[[Path], None]  # writes an honest file


def survives(reader: Reader, content: bytes, folder: Path) -> str:
    """Read `content`; `read`, or the line of the UserError. Any other exception passes on: it is a finding."""
    path = folder / f"fuzzed{reader.suffix}"
    path.write_bytes(content)
    moment = next(_MOMENTS)
    os.utime(path, ns=(moment, moment))  # stores are checked again if they changed, and clocks of files are coarse
    try:
        reader.read(path)
    except UserError as error:
        return str(error)
    return "read"


def seed_of(reader: Reader) -> bytes:
    """The content of an honest file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"seed{reader.suffix}"
        reader.seed(path)
        return path.read_bytes()


def _frames() -> list[Atoms]:
    atoms = Atoms("H2O", [[0, 0, 0.8], [0.7, 0, 0], [0, 0, 0]], cell=[5, 5, 5], pbc=True, info={"name": "water"})
    atoms.calc = SinglePointCalculator(atoms, energy=-1.5, forces=np.full((3, 3), 0.25), stress=np.arange(6) / 100)
    return [atoms, atoms]


def _read(path: Path) -> None:
    for _ in read_frames(path, labeled=False):
        pass


def _write(path: Path) -> None:
    write_frames(path, _frames())


def _database(path: Path) -> None:
    """In small pages: ASE's tables are on thirteen, which hold little."""
    _write(path)
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA page_size = 512")
        database.execute("VACUUM")


def _conformations(path: Path) -> None:
    arrays = {"z": [1, 1], "R": np.ones((2, 2, 3)) * np.arange(2)[:, None], "E": np.ones(2), "r_unit": "Ang"}
    np.savez(path, **arrays, e_unit="eV")


def _json(path: Path) -> None:
    from ase.io import write

    write(path, _frames(), format="json")


def _poscar(path: Path) -> None:
    from ase.io import write

    write(path, _frames()[0], format="vasp")


def _deepmd(path: Path) -> None:
    """A folder, kept beside the array that is fuzzed, around the array."""
    folder = path.parent / "system"
    if not folder.exists():
        (folder / "set.000").mkdir(parents=True)
        (folder / "type.raw").write_text("0 0")
        (folder / "type_map.raw").write_text("H")
        (folder / "nopbc").write_text("")
    path.replace(folder / "set.000" / "coord.npy")
    _read(folder)


def _array(path: Path) -> None:
    np.save(path, np.arange(12.0).reshape(2, 6))


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/a.txt", "text " * 40)


def _tar(path: Path) -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("folder/a.txt")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"text"))


def _unpack(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        unpack(path, Path(folder) / "unpacked")


def _record() -> Record:
    return Record(metrics={"a": 1.5}, data={"b": [1, None]}, model={"name": "c"}, protocol={}, environment={})


def _result(path: Path) -> None:
    names = {name: name for name in ("table", "row", "column", "metric", "metric_title", "unit", "scale", "verdict")}
    shown = {name: name for name in ("kind", "name", "title", "scale")}
    record, number = _record(), Number(text="1.5", value=1.5, origin="a")
    result = BenchmarkResult(
        **shown,
        comparable=False,
        cells=(Cell(**names, measured=1.5, interval=(1.0, 2.0), comparable=False, outcome="not comparable"),),
        grids=(Grid(id="grid", title="title", columns=("b",), rows=(("text", number),)),),
        records={record.id: record},
        provenance=Provenance(
            command="", hardware=Hardware(cpu="", cores=1, memory_gib=1), software={}, code=Code(version="1")
        ),
    )
    path.write_text(result.to_json())


def _table(path: Path) -> None:
    """Two columns: reading each of many, one after another, would only take time."""
    for name in columns_of(path)[:2]:
        read_columns(path, [name] if name != "material_id" else [])


def _listed(path: Path) -> None:
    entry = {"key": "a.zip", "checksum": "md5:" + "0" * 32, "size": 5}
    path.write_text(json.dumps({"files": [entry, {**entry, "key": "b.txt"}]}))


READERS = {
    "extxyz": Reader(".extxyz", _read, _write),
    "extxyz-gz": Reader(".extxyz.gz", _read, _write),
    "extxyz-zip": Reader(".zip", _read, lambda path: _write(path.with_suffix(".extxyz.zip")) or _moved(path)),
    "traj": Reader(".traj", _read, _write),
    "ase-db": Reader(".db", _read, _database),
    "store": Reader(".aselmdb", _read, _write),
    "npz": Reader(".npz", _read, _conformations),
    "deepmd": Reader(".npy", _deepmd, _array),
    "json-frames": Reader(".json", _read, _json),
    "poscar": Reader(".vasp", _read, _poscar),
    "safetensors": Reader(".safetensors", load_model, lambda path: save_model(create_model(CONFIG), path)),
    "checkpoint": Reader(
        ".pt",
        lambda path: load_model(path, CONFIG),
        lambda path: torch.save({"state_dict": create_model(CONFIG).state_dict(), "b": [1, "c"]}, path),
    ),
    "card": Reader(
        ".yaml",
        lambda path: validate(read_yaml(path), DatasetCard, str(path)),
        lambda path: path.write_bytes((resources("datasets") / "formate.yaml").read_bytes()) and None,
    ),
    "predictions": Reader(".csv", _table, lambda path: path.write_text("material_id,e\na,1.5\nb,\n") and None),
    "predictions-json": Reader(
        ".json", _table, lambda path: path.write_text('{"e": {"a": 1.5, "b": 2.5}, "f": {"a": 1}}') and None
    ),
    "result": Reader(".json", read_result, _result),
    "records": Reader(".jsonl", RecordLog, lambda path: path.write_text(2 * (_record().to_line() + "\n")) and None),
    "zip": Reader(".zip", _unpack, _zip),
    "tar": Reader(".tar.gz", _unpack, _tar),
    "listing": Reader(".json", lambda path: files_of(LISTING, path), _listed),
}


def _moved(path: Path) -> None:
    path.with_suffix(".extxyz.zip").rename(path)
