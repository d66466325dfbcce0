"""Downloading one file: resumed, verified before it takes its name, never written by two processes.

pooch (1.9) and huggingface_hub (2.4) were run against the tests of this module and are not used. `pooch.retrieve` never
resumes, neither a cut connection nor a killed process; it has no lock, so two processes fetch one file twice; and it
does not check a file without a published checksum at all, so a web page with status 200 passes for data. `http_get` of
huggingface_hub joins halves of two versions of a file and does not try again after a server's error. With pooch and a
custom downloader all of `streaming.py` would still be needed.
"""

import errno
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alphanet.data.addresses import is_file, path_of
from alphanet.data.progress import megabytes, transfer
from alphanet.data.streaming import MissingFileError, PartFile, check_room, stream_with_retries
from alphanet.errors import UserError
from alphanet.files import locked

logger = logging.getLogger(__name__)

BLOCK = 1 << 20  # bytes


@dataclass(frozen=True)
class Expected:
    """Properties of a file that are known before it is fetched; None if the publisher does not state them."""

    sha256: str | None = None
    md5: str | None = None
    size: int | None = None  # bytes


def download(addresses: list[str], target: Path, expected: Expected) -> str:
    """Fetch the first of `addresses` that exists into `target`, unless it is there; return its sha256.

    An unfinished `TARGET.part` is resumed, also after a kill. A file that fails its check is removed.

    Args:
        addresses: https addresses, or those of a mirror the user named.
        target: final path; it appears only when the file is whole and verified.
        expected: checksums and size.

    Raises:
        UserError: the file is not found, wrong or truncated, or there is no network or no room; the message says what
            to do.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(Path(f"{target}.lock"), f"waiting for another process that is downloading {target.name}"):
            return _sha256_if_right(target, expected) or _fetch(addresses, target, expected)
    except OSError as error:
        raise _disk_error(target, error) from error


def _sha256_if_right(target: Path, expected: Expected) -> str | None:
    if not target.exists():
        return None
    actual = _measured(target)
    problem = _problem(actual, expected)
    if problem is None:
        return actual.sha256
    target.unlink()
    logger.warning(f"{target} {problem}; it was removed and is fetched again")
    return None


def _fetch(addresses: list[str], target: Path, expected: Expected) -> str:
    for address in addresses[:-1]:
        try:
            return _from(address, target, expected)
        except MissingFileError:
            continue
    return _from(addresses[-1], target, expected)


def _from(address: str, target: Path, expected: Expected) -> str:
    part = PartFile(target, verifiable=bool(expected.sha256 or expected.md5))
    if expected.size is not None:
        check_room(target, expected.size - part.size)
    going_on = f", going on after {megabytes(part.size)}" if part.resumed else ""
    logger.info(f"fetching {address} ({megabytes(expected.size)}{going_on})")
    with transfer(target.name, expected.size) as update:
        if is_file(address):
            _copy(path_of(address), part, update)
        elif expected.size is None or part.size != expected.size:
            stream_with_retries(address, part, update)
    actual = _measured(part.path)
    problem = _problem(actual, expected) or _web_page(part.path, expected)
    if problem is None:
        part.finish()
        return str(actual.sha256)
    resumed = part.resumed
    part.remove()
    if not resumed:
        raise UserError(f"{address} {problem}; the download was removed, run again or use another mirror")
    logger.warning(f"{target.name}: the resumed file {problem}; fetching it from the start")
    return _from(address, target, expected)


def _copy(source: Path, part: PartFile, update: Callable[[int], None]) -> None:
    """Copy from a folder, always from the start, because a copy takes little time."""
    if not source.is_file():
        raise MissingFileError(f"the mirror has no file {source}; correct the mirror, or fetch without one")
    part.remove()
    with source.open("rb") as stream:
        part.append(iter(lambda: stream.read(BLOCK), b""), update)


def _measured(path: Path) -> Expected:
    """Checksums and size of the file on the disk."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            sha256.update(block)
            md5.update(block)
    return Expected(sha256.hexdigest(), md5.hexdigest(), path.stat().st_size)


def _problem(actual: Expected, expected: Expected) -> str | None:
    if actual.size == 0:
        return "is empty"
    if expected.size not in (None, actual.size):
        return f"has {actual.size} bytes, expected {expected.size}"
    if expected.sha256 not in (None, actual.sha256):
        return f"has the wrong checksum (sha256 {actual.sha256}, expected {expected.sha256})"
    if expected.md5 not in (None, actual.md5):
        return f"has the wrong checksum (md5 {actual.md5}, expected {expected.md5})"
    return None


def _web_page(path: Path, expected: Expected) -> str | None:
    """The problem if the file is a web page, else None: log-in pages have status 200 and could pass for data."""
    if expected.sha256 or expected.md5:
        return None
    with path.open("rb") as stream:
        start = stream.read(256).lstrip().lower()
    return "is a web page, not data" if start.startswith((b"<!doctype html", b"<html")) else None


def _disk_error(target: Path, error: OSError) -> UserError:
    advice = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "; make room or set ALPHANET_HOME to another disk, then run again: it goes on where it stopped"
    return UserError(f"cannot write {target}: {error.strerror or error}{advice}")
