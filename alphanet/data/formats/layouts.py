"""Which files of a folder hold frames: by their names, through links, without copies and what others left there."""

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePath

from alphanet.data.formats import deepmd
from alphanet.errors import UserError
from alphanet.files import PACKING

logger = logging.getLogger(__name__)

DATA = {".xyz", ".extxyz", ".traj", ".db", ".npz", ".aselmdb", ".lmdb", ".h5", ".hdf5"}
STRUCTURES = {".cif", ".vasp", ".poscar", ".sdf", ".mol", ".pdb", ".xsf", ".json", ".cfg", ".gen", ".in"}
OF_VASP = re.compile(r"(POSCAR|CONTCAR|OUTCAR|XDATCAR|ML_AB|ML_ABN|vasprun.*\.xml)([._-].*)?$")
COPIES = ("Thumbs.db", "desktop.ini")


def suffix_of(path: PurePath) -> str:
    """The suffix that tells the format: `.extxyz` of `a.extxyz.xz`."""
    return PurePath(path.stem).suffix if path.suffix in PACKING else path.suffix


def is_visible(path: PurePath) -> bool:
    """Whether a file is data: no copy of an editor or notebook, no remains of a file system or archiver."""
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return not hidden and path.name not in COPIES and not path.name.endswith("-checkpoint" + suffix_of(path))


def files_of(path: Path) -> Iterator[Path]:
    """The file itself; of a folder the DeePMD systems in it, or its files of frames, in order of names.

    Files of structures (CIF, POSCAR and their like) count where there is no file of a format that is made for data.
    Links are followed.

    Raises:
        UserError: no file in the folder has a name of a known format.
    """
    if not path.is_dir() or deepmd.is_system(path):
        yield path
        return
    entries = sorted(entries_of(path))
    systems = [entry for entry in entries if entry.is_dir() and deepmd.is_system(entry)]
    if systems:
        yield from systems
        return
    files = [entry for entry in entries if entry.is_file()]
    data = [file for file in files if suffix_of(file) in DATA]
    chosen = data or [file for file in files if _is_structure(file)]
    if not chosen and files:
        names = ", ".join(file.name for file in files[:3]) + (", …" if len(files) > 3 else "")
        raise UserError(f"{path} holds no frames: no name of a known format among {names}; name the file itself")
    yield from chosen


def _is_structure(file: Path) -> bool:
    return suffix_of(file).lower() in STRUCTURES or OF_VASP.match(file.name) is not None


def entries_of(folder: Path) -> Iterator[Path]:
    """Visible files and folders below `folder`; a folder that links back to one above it is entered once."""
    entered: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        for name in (*folders, *files):
            entry = Path(place) / name
            if not is_visible(entry.relative_to(folder)):
                continue
            if not entry.exists():
                logger.warning("%s is a link to nothing; it is left out", entry)
                continue
            yield entry
        folders[:] = [name for name in folders if is_visible(PurePath(name))]
