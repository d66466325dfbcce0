"""Downloading one file: resumed, verified while it streams, renamed only when it is whole and right."""

import errno
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from alphanet.data.addresses import is_file, path_of
from alphanet.data.part_file import BLOCK, PartFile
from alphanet.data.progress import megabytes, transfer
from alphanet.data.streaming import MissingFileError, check_room, stream_with_retries
from alphanet.errors import UserError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Expected:
    """What is known about a file before it is fetched; None where the publisher states nothing."""

    sha256: str | None = None
    md5: str | None = None
    size: int | None = None  # bytes


def download(addresses: list[str], target: Path, expected: Expected) -> str:
    """Fetch the first of `addresses` that exists into `target`, unless it is there; returns its sha256.

    An unfinished `TARGET.part` is resumed, also after a kill. A file that fails its check is removed.

    Args:
        addresses: https addresses, or those of a mirror the user named.
        target: final path; it appears only when the file is whole and verified.
        expected: checksums and size.

    Raises:
        UserError: not found, wrong or truncated, no network, or no room; says what to do.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            present = _sha256_if_right(target, expected)
            return present or _fetch(addresses, target, expected)
    except OSError as error:
        raise _disk_error(target, error) from error


def _locked(target: Path) -> FileLock:
    """A lock of `target`, so that two processes do not write one file; the second waits and finds it there."""
    lock = FileLock(f"{target}.lock")
    try:
        lock.acquire(timeout=0.1)
        lock.release()
    except Timeout:
        logger.info(f"waiting for another process that is downloading {target.name}")
    return lock


def _sha256_if_right(target: Path, expected: Expected) -> str | None:
    if not target.exists():
        return None
    digests = {"sha256": hashlib.sha256(), "md5": hashlib.md5(usedforsecurity=False)}
    with target.open("rb") as stream:
        while block := stream.read(BLOCK):
            for digest in digests.values():
                digest.update(block)
    found = {name: digest.hexdigest() for name, digest in digests.items()}
    problem = _problem(Expected(**found, size=target.stat().st_size), expected)
    if problem is None:
        return found["sha256"]
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
    part = PartFile(target, may_resume=bool(expected.sha256 or expected.md5))
    if expected.size is not None:
        check_room(target, expected.size - part.size)
    going_on = f", going on after {megabytes(part.size)}" if part.resumed else ""
    logger.info(f"fetching {address} ({megabytes(expected.size)}{going_on})")
    with transfer(target.name, expected.size) as update:
        if is_file(address):
            _copy(path_of(address), part, update)
        elif expected.size is None or part.size != expected.size:
            stream_with_retries(address, part, update)
    found = Expected(part.sha256.hexdigest(), part.md5.hexdigest(), part.size)
    problem = _problem(found, expected) or _web_page(part.path, expected)
    if problem and part.resumed:
        logger.warning(f"{target.name}: what was resumed {problem}; fetching it from the start")
        part.restart()
        return _from(address, target, expected)
    if problem:
        part.remove()
        raise UserError(f"{address} {problem}; the download was removed, run again or use another mirror")
    return part.finish()


def _copy(source: Path, part: PartFile, update: Callable[[int], None]) -> None:
    """Copy from a folder; always whole, a copy costs little."""
    if not source.is_file():
        raise MissingFileError(f"the mirror has no file {source}; check --mirror or fetch from the network")
    part.restart()
    with source.open("rb") as stream:
        part.append(iter(lambda: stream.read(BLOCK), b""), update)


def _problem(found: Expected, expected: Expected) -> str | None:
    if found.size == 0:
        return "is empty"
    if expected.size is not None and found.size != expected.size:
        return f"has {found.size} bytes, expected {expected.size}"
    if expected.sha256 is not None and found.sha256 != expected.sha256:
        return f"has the wrong checksum (sha256 {found.sha256}, expected {expected.sha256})"
    if expected.md5 is not None and found.md5 != expected.md5:
        return f"has the wrong checksum (md5 {found.md5}, expected {expected.md5})"
    return None


def _web_page(path: Path, expected: Expected) -> str | None:
    """Log-in and browser-check pages come with status 200; without a checksum they would pass for data."""
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
