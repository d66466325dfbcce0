"""What lies in `ALPHANET_HOME`: how large each part is, how it comes back, and its removal."""

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphanet.errors import UserError, did_you_mean
from alphanet.paths import home

DAY = 86400.0  # seconds; an unfinished file that is younger may be another process's


@dataclass(frozen=True)
class Cache:
    """A part of the folder of caches."""

    name: str
    folders: tuple[str, ...]  # below `home()`; the last part may be a pattern
    meaning: str
    comes_back: str  # how, once it is removed
    usual: bool = False  # removed if no part is named: it comes back by itself, in seconds or minutes


CACHES = (
    Cache("leftovers", (), "unfinished files of a day ago or older", "not needed", usual=True),
    Cache(
        "compiled",
        ("compiled", f"compiled-{os.getuid()}"),
        "kernels and compiled functions",
        "compiled when needed",
        usual=True,
    ),
    Cache("costs", ("costs",), "measured costs of trainings", "measured when needed", usual=True),
    Cache("prepared", ("data/prepared",), "data sets as stores", "made when needed, from the downloads"),
    Cache("own", ("data/own",), "your files of frames as stores", "made when needed, from your files"),
    Cache("downloads", ("data/downloads", "data/listings"), "files of data sets", "alphanet data fetch NAME"),
    Cache("models", ("models",), "released weights of AlphaNet", "alphanet models fetch NAME"),
    Cache("weights", ("weights",), "released weights of baselines", "alphanet baselines fetch NAME"),
    Cache("environments", ("environments",), "environments of baselines", "alphanet baselines install NAME"),
)
NAMES = tuple(cache.name for cache in CACHES)


def chosen(names: Sequence[str]) -> list[Cache]:
    """The caches of these names; without names those that come back by themselves.

    Raises:
        UserError: there is no such cache.
    """
    for name in names:
        if name not in NAMES:
            raise UserError(f"there is no cache {name!r}{did_you_mean(name, NAMES)}")
    return [cache for cache in CACHES if (cache.name in names if names else cache.usual)]


def places(cache: Cache) -> list[Path]:
    """Files and folders of a cache that are there."""
    if cache.name == "leftovers":
        return sorted(_leftovers())
    return sorted(place for folder in cache.folders for place in home().glob(folder))


def size(place: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count themselves."""
    if place.is_symlink() or not place.is_dir():
        return _bytes(place)
    return sum(_bytes(Path(folder) / name) for folder, _, names in os.walk(place) for name in names)


def remove(place: Path) -> None:
    """Remove a file or folder; a link is removed, not what it names.

    Raises:
        UserError: it cannot be removed.
    """
    try:
        if place.is_symlink() or not place.is_dir():
            place.unlink(missing_ok=True)
        else:
            shutil.rmtree(place)
    except OSError as error:
        raise UserError(f"cannot remove {place}: {error.strerror or error}") from error


def _leftovers() -> Iterator[Path]:
    """Unfinished files and folders, which a kill left: hidden and with `.part` in the name, or set aside as `.old`."""
    before = time.time() - DAY
    for folder, folders, files in os.walk(home()):
        for name in (*folders, *files):
            unfinished = name.startswith(".") and (".part" in name or name.endswith(".old"))
            place = Path(folder) / name
            if (unfinished or name.endswith(".part")) and _changed(place) < before:
                yield place
        inside = Path(folder).relative_to(home()).parts
        folders[:] = [name for name in folders if not name.startswith(".") and inside[:1] != ("environments",)]


def _changed(place: Path) -> float:
    try:
        return place.lstat().st_mtime
    except OSError:
        return time.time()


def _bytes(place: Path) -> int:
    try:
        return place.lstat().st_size
    except OSError:  # another process removed it meanwhile
        return 0
