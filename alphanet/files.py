"""Read and write files: a kill or a full disk never leaves half a file, and two processes never write the same one."""

import bz2
import codecs
import contextlib
import gzip
import hashlib
import io
import logging
import lzma
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from numbers import Integral, Real
from pathlib import Path
from typing import IO, Any, Literal

from filelock import FileLock, Timeout

from alphanet.errors import UserError
from alphanet.limits import limits, require
from alphanet.outside import json_value, reading, require_regular

logger = logging.getLogger(__name__)

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open, ".bz2": bz2.open}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
PACKING = (*_OPENERS, ".zip")  # suffixes after that of the format
BLOCK = 1 << 17  # bytes that are read at once
UNSUSPICIOUS = 1 << 26  # bytes that may be unpacked from a file of any size


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

    On any error the temporary file is removed and an older `final` stays as it was. A link stays a link: the file that
    it names is replaced. The mode is that of the older file, or that of any new file under the user's umask.

    Raises:
        UserError: the folder cannot be written to, the disk is full, or `final` is a folder, a device or a pipe.
    """
    final = Path(final)
    place = Path(os.path.realpath(final)) if final.is_symlink() else final
    # The suffix comes last, because writers such as ASE's choose the format by it.
    temporary = place.with_name(f".{final.stem}.{secrets.token_hex(4)}.part{final.suffix}")
    try:
        if place.exists() and not place.is_file():
            kind = "a folder" if place.is_dir() else "a device or a pipe"
            raise UserError(f"cannot write {final}: it is {kind}; name a file")
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else _mode_of_new_files(temporary)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        with contextlib.suppress(OSError):  # some file systems know no modes
            temporary.chmod(mode)  # some libraries create their files for the owner alone
        temporary.replace(place)
    except OSError as error:
        raise UserError(f"cannot write {final}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _mode_of_new_files(unused: Path) -> int:
    """The permissions that the umask gives to a new file.

    A file is made to learn it: reading the umask changes it for a moment, for all threads.
    """
    unused.touch()
    mode = stat.S_IMODE(unused.stat().st_mode)
    unused.unlink()
    return mode


def write_text(final: Path, text: str) -> None:
    """Write `text` (UTF-8) to `final` atomically."""
    with atomic_path(final) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file, read in blocks.

    Raises:
        UserError: the file cannot be read.
    """
    require_regular(path)
    try:
        with Path(path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def text_of(stream: IO[bytes], name: str, mode: Literal["rt", "wt"] = "rt") -> IO[str]:
    """The text in a stream of bytes, packed as the suffix of `name` says: .gz, .xz, .bz2, or not at all.

    It is UTF-8, or what a byte order mark at its begin says.
    """
    opener = _OPENERS.get(Path(name).suffix)
    if mode == "wt":
        return opener(stream, mode, encoding="utf-8") if opener else io.TextIOWrapper(stream, encoding="utf-8")
    unpacked = _unpacked(stream, name)
    return io.TextIOWrapper(unpacked, encoding=encoding_of(unpacked.peek(3)[:3]))


def _unpacked(stream: IO[bytes], name: str) -> io.BufferedReader:
    opener = _OPENERS.get(Path(name).suffix)
    watched = _Watched(opener(stream, "rb"), stream, name) if opener else _Watched(stream, None, name)
    return io.BufferedReader(watched, BLOCK)


class _Watched(io.RawIOBase):
    """Bytes of a text as they are read, as long as lines have an end and what is unpacked stays in proportion.

    Args:
        stream: the bytes.
        packed: the bytes before unpacking; None if nothing is unpacked here.
        name: for messages.
    """

    def __init__(self, stream: IO[bytes], packed: IO[bytes] | None, name: str) -> None:
        self._stream, self._packed, self._name = stream, packed, name
        self._line, self._total = 0, 0
        self._longest, self._ratio = limits().line, limits().ratio

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` as far as there is something; raise UserError if a limit is passed."""
        count = self._stream.readinto(buffer)  # type: ignore[attr-defined]
        end = bytes(buffer[:count]).rfind(b"\n")
        self._line = self._line + count if end < 0 else count - end - 1
        if self._line > self._longest:
            require(self._line, "line", f"{self._name} has more than")
        self._total += count
        if self._packed is not None and self._total > UNSUSPICIOUS:
            ratio = self._total / max(self._packed.tell(), 1)
            if ratio > self._ratio:
                require(ratio, "ratio", f"{self._name} is at least")
        return int(count)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def check_text(path: Path) -> None:
    """Look through a text that a library is about to read line by line, if its lines may be long or it is packed.

    Raises:
        UserError: a line or what is unpacked exceeds its limit, or the file is no regular one.
    """
    require_regular(path)
    if path.suffix not in _OPENERS and path.stat().st_size <= limits().line:
        return
    with reading(path, "a text"), path.open("rb") as stream, _unpacked(stream, path.name) as text:
        while text.read(BLOCK):
            pass


def encoding_of(first: bytes) -> str:
    """The encoding of a text, by its first bytes: UTF-8 unless a byte order mark says something else."""
    return next((encoding for mark, encoding in MARKS.items() if first.startswith(mark)), "utf-8")


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. NaN and infinities, which are no JSON, become None.

    Raises:
        UserError: the file cannot be read, is no JSON, or holds something else than an object.
    """
    require_regular(path)
    try:
        require(Path(path).stat().st_size, "array", f"{path} has")
        text = Path(path).read_text(encoding="utf-8-sig")
        values = json_value(text, str(path), parse_constant=lambda _name: None, parse_float=_finite)
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


def finite(value: Any) -> Any:
    """Plain values, with None in place of numbers that JSON cannot hold: NaN and infinities."""
    if isinstance(value, Mapping):
        return {key: finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    if isinstance(value, Real) and not isinstance(value, Integral):  # NumPy's too
        return float(value) if isfinite(value) else None
    return value
