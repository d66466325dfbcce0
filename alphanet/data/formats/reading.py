"""`read_frames`: a stream of labeled frames from any file or folder."""

import logging
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import IO

from ase import Atoms

from alphanet.data.archives import require_proportion
from alphanet.data.cards import LabelKeys
from alphanet.data.constraints import set_aside
from alphanet.data.formats import ase_files, conformations, deepmd, extxyz, json_frames, mtp, sdf, vasp_ml, zeo22
from alphanet.data.formats.layouts import files_of, is_visible, suffix_of
from alphanet.data.formats.plain_text import without_mark
from alphanet.data.labels import checked, other_results, with_labels
from alphanet.data.rows import frame_of_row
from alphanet.data.spellings import LabelFinder
from alphanet.errors import UserError
from alphanet.files import PACKING, text_of
from alphanet.outside import require_regular
from alphanet.printed import one_line

logger = logging.getLogger(__name__)

ASE_KEYS = LabelKeys()

Reader = Callable[[Path], Iterator[Atoms]]


def read_frames(path: Path, *, labeled: bool = True, labels: LabelKeys | None = ASE_KEYS) -> Iterator[Atoms]:
    """The frames of a file or folder, one at a time, with everything that ASE keeps.

    Labels are in a SinglePointCalculator (eV, eV/Å, eV/Å^3), beside other results that the file has. Labels found
    under another name, and units converted because the file names them, are logged.

    Formats: extxyz (plain, .gz, .xz, .bz2, .zip; OC20's with its `.txt.xz` beside it), ASE databases and
    trajectories, `.aselmdb` stores, `.npz` of Si-ZEO22 and sGDML, HDF5 with stated units, DeePMD folders, JSON of ASE
    and pymatgen, SD files, MTP's `.cfg`, VASP's ML_AB, and what else ASE reads. Any other folder is read file by file,
    see `layouts.files_of`. Constraints
    become `arrays["fixed"]` and `info["constraints"]`, because ASE would zero the forces of the atoms they hold.

    Args:
        path: the file or folder.
        labeled: every frame must have an energy and forces.
        labels: names of the labels; by default ASE's, or known spellings of them. None: labels are left as ASE reads
            them, and what has other names stays in `info` and `arrays`, all in eV, eV/Å, eV/Å^3 and Å.

    Raises:
        UserError: the file is missing, damaged or empty, or a frame is unsound; the message names both.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist")
    if not path.is_dir():
        require_regular(path)
    empty = True
    finder = LabelFinder(labels or ASE_KEYS)
    take = _converted if labels is None else _labeled
    for file in files_of(path):
        for atoms in checked(_guarded(file, lambda atoms: take(atoms, finder)), str(file), labeled):
            empty = False
            yield atoms
    if empty:
        raise UserError(f"{path} holds no frames")
    if finder.missing:
        logger.warning("%s: no frame has %s", path, " or ".join(map(repr, sorted(finder.missing))))


def stem_of(path: PurePath) -> str:
    """The file's name without the suffixes of format and compression."""
    name = PurePath(path.stem) if path.suffix in PACKING else PurePath(path.name)
    return name.stem


def _reader_of(path: Path) -> Reader:
    if path.is_dir():
        return deepmd.read
    by_suffix: dict[str, Reader] = {
        ".npz": _read_arrays,
        ".h5": conformations.read_hdf5,
        ".hdf5": conformations.read_hdf5,
        ".aselmdb": _read_store,
        ".lmdb": _read_store,
        ".db": _read_database,
        ".traj": ase_files.read,
        ".json": json_frames.read,
        ".xyz": extxyz.read,
        ".extxyz": extxyz.read,
        ".sdf": sdf.read,
    }
    if path.name.endswith(".zip"):
        return _read_zip
    if suffix_of(path) == ".cfg" and mtp.is_mtp(path):
        return mtp.read
    if vasp_ml.NAME.match(path.name):
        return vasp_ml.read
    return by_suffix.get(suffix_of(path), _read_any)


def _guarded(path: Path, take: Callable[[Atoms], Atoms]) -> Iterator[Atoms]:
    """The frames of one file; any error of its reader becomes one line that names the file and the frame."""
    index = 0
    try:
        for atoms in _reader_of(path)(path):
            set_aside(atoms)
            yield take(atoms)
            index += 1
    except UserError as error:
        raise UserError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except MemoryError as error:  # one frame is held at a time, so it is the frame that is too large, or says so
        raise UserError(f"{path}: frame {index} asks for more memory than there is; is the file damaged?") from error
    except Exception as error:  # readers have error classes of their own, and each means the same here
        raise UserError(
            f"{path}: cannot read frame {index} ({one_line(error)}); is it damaged, truncated or of another format?"
        ) from error


def _converted(atoms: Atoms, finder: LabelFinder) -> Atoms:
    finder.convert(atoms)
    return atoms


def _labeled(atoms: Atoms, finder: LabelFinder) -> Atoms:
    others = other_results(atoms)
    labels = finder.labels(atoms)
    origin = finder.keys.energy_origin
    if origin is not None and "energy" in labels:
        if origin not in atoms.info:
            raise UserError(f"a frame has no {origin!r} to take off its energy, as the card says")
        labels["energy"] -= float(atoms.info[origin])
    return with_labels(atoms, labels, others)


def _read_database(path: Path) -> Iterator[Atoms]:
    """Rows of an ASE database in order of id."""
    from ase.db import connect

    for row in connect(path).select():
        yield frame_of_row(row)


def _read_any(path: Path) -> Iterator[Atoms]:
    with without_mark(path) as file:
        yield from ase_files.read(file)


def _read_arrays(path: Path) -> Iterator[Atoms]:
    """Frames of a `.npz`, by the names of its arrays."""
    with zipfile.ZipFile(path) as archive:
        require_proportion(archive, path)
        names = {name.removesuffix(".npy") for name in archive.namelist()}
    if conformations.is_npz(names) and "symbols" not in names:
        yield from conformations.read_npz(path)
    elif names.isdisjoint({"symbols", *zeo22.FRAME_ARRAYS}):
        raise UserError(
            f"arrays {', '.join(sorted(names)[:8])}: no layout that is read; known are Si-ZEO22's (symbols, "
            f"{', '.join(zeo22.FRAME_ARRAYS)}) and sGDML's (z, R, E, F, r_unit, e_unit)"
        )
    else:
        yield from zeo22.read(path)


def _read_store(path: Path) -> Iterator[Atoms]:
    from alphanet.data.formats.pickled_lmdb import refuse_pickles
    from alphanet.data.store import FrameStore

    refuse_pickles(path)
    yield from FrameStore(path)


def _read_zip(path: Path) -> Iterator[Atoms]:
    """Every extxyz member, in order of names, without unpacking to disk; its name becomes `info["group"]`."""
    with zipfile.ZipFile(path) as archive:
        require_proportion(archive, path)
        members = sorted(
            name
            for name in archive.namelist()
            if suffix_of(PurePath(name)) in (".xyz", ".extxyz") and is_visible(PurePath(name))
        )
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
