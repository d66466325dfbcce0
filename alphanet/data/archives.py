"""Unpack zip and tar archives: only plain files, only below the target folder, all of them or none.

pooch's processors and `shutil.unpack_archive` extract in place, so that half an archive counts as complete after a
kill. They accept links, and pooch on Python 3.11 also accepts paths that lead outside.
"""

import secrets
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from stat import S_ISLNK
from typing import IO

from alphanet.errors import UserError
from alphanet.files import UNSUSPICIOUS
from alphanet.limits import require
from alphanet.outside import DAMAGE, require_regular
from alphanet.printed import one_line

# A member: its name, its size in bytes, and its content (None for a folder).
Member = tuple[str, int, IO[bytes] | None]


def require_proportion(archive: zipfile.ZipFile, path: Path) -> None:
    """Check that a zip archive does not unpack to far more than it is.

    Raises:
        UserError: it does.
    """
    unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > UNSUSPICIOUS:
        require(unpacked / path.stat().st_size, "ratio", f"{path} is")


def unpack(archive: Path, folder: Path) -> None:
    """Extract `archive` into the new `folder`, which appears only when everything is there.

    Raises:
        UserError: the archive is damaged, a member is a link or a device or would leave the folder, or the disk is
            full.
    """
    from alphanet.data.streaming import check_room  # brings httpx, which listing benchmarks does not need

    if folder.exists():
        return
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir(parents=True)
        for name, size, stream in _members(archive):
            place = temporary / _safe(name, archive)
            if stream is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            check_room(temporary, size)
            place.parent.mkdir(parents=True, exist_ok=True)
            with stream, place.open("xb") as target:
                shutil.copyfileobj(stream, target)
        temporary.rename(folder)
    except OSError as error:
        raise UserError(f"cannot unpack {archive} to {folder}: {error.strerror or error}") from error
    except (*DAMAGE, tarfile.TarError) as error:
        raise UserError(f"{archive} is damaged ({one_line(error)}); remove it and fetch it again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def unpacked(archive: Path) -> Path:
    """The folder beside `archive` for its content."""
    return archive.with_name(archive.name + ".unpacked")


def _members(archive: Path) -> Iterator[Member]:
    require_regular(archive)
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(archive)
    else:
        raise UserError(f"{archive} is neither a zip nor a tar archive")


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        require_proportion(opened, archive)
        for entry in opened.infolist():
            if S_ISLNK(entry.external_attr >> 16):
                raise UserError(f"{archive}: member {entry.filename!r} is a link, which is not unpacked")
            yield entry.filename, entry.file_size, None if entry.is_dir() else opened.open(entry)


def _tar_members(archive: Path) -> Iterator[Member]:
    total = 0
    with tarfile.open(archive) as opened:
        for entry in opened:
            total += entry.size
            if total > UNSUSPICIOUS:
                require(total / archive.stat().st_size, "ratio", f"{archive} is at least")
            if not (entry.isreg() or entry.isdir()):
                raise UserError(f"{archive}: member {entry.name!r} is a link or a device, which is not unpacked")
            yield entry.name, entry.size, opened.extractfile(entry)


def _safe(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise UserError(f"{archive}: member {name!r} would be written outside the folder; nothing was kept")
    return path
