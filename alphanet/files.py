"""Read and write files: a kill or a full disk never leaves half a file, and two processes never write the same one."""

import bz2
import contextlib
import gzip
import hashlib
import io
import json
import logging
import lzma
import os
import secrets
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from alphanet.errors import UserError

logger = logging.getLogger(__name__)

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
PACKING = (*_OPENERS, ".zip")  # suffixes after that of the format


@contextlib.contextmanager
def locked(lock: Path, waiting: str) -> Iterator[None]:
    """Hold the file `lock` against other processes and threads; log the line `waiting` if one of them holds it."""
    held = FileLock(lock)
    try:
        held.acquire(blocking=False)
    except Timeout:
        logger.info(waiting)
        held.acquire()
    try:
        yield
    finally:
        held.release()


@contextlib.contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a temporary path beside `final`; on success flush it to disk and rename it to `final`.

    On any error the temporary file is removed and an older `final` stays as it was.

    Raises:
        UserError: the folder cannot be written to or the disk is full.
    """
    final = Path(final)
    # The suffix comes last, because writers such as ASE's choose the format by it.
    temporary = final.with_name(f".{final.stem}.{secrets.token_hex(4)}.part{final.suffix}")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(final)
    except OSError as error:
        raise UserError(f"cannot write {final}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(final: Path, text: str) -> None:
    """Write `text` (UTF-8) to `final` atomically."""
    with atomic_path(final) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in blocks.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def text_of(stream: IO[bytes], name: str, mode: Literal["rt", "wt"] = "rt") -> IO[str]:
    """The text (UTF-8) in a stream of bytes, packed as the suffix of `name` says: .gz, .xz, .bz2, or not at all."""
    opener = _OPENERS.get(Path(name).suffix)
    return opener(stream, mode, encoding="utf-8") if opener else io.TextIOWrapper(stream, encoding="utf-8")


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. NaN and infinities, which are no JSON, become None.

    Raises:
        UserError: the file cannot be read, is no JSON, or holds something else than an object.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = json.loads(text, parse_constant=lambda _name: None, parse_float=_finite)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON, perhaps cut off: {error}") from error
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(values).__name__}")
    return values


def _finite(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None
