"""The border to files from elsewhere: only regular files are opened, and any error of a library becomes one line."""

import contextlib
import json
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.limits import DIGITS, require
from alphanet.printed import one_line

DAMAGE = (
    *(OSError, ValueError, KeyError, IndexError, TypeError, EOFError, OverflowError, RecursionError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(NotImplementedError, RuntimeError),  # of zipfile: unknown compression, encrypted members
)
"""What readers of packed files and arrays raise if these are damaged, encrypted or packed in unknown ways"""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LONG_INTEGER = re.compile(rf"\d{{{DIGITS + 1}}}")


def require_regular(path: Path) -> None:
    """Check that `path` is a file with an end: reading a pipe, a socket or a device may never return.

    Raises:
        UserError: it is something else, or cannot be looked at.
    """
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {_reason(error)}") from error
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise UserError(f"cannot read {path}: it is {kind}; name a file")


@contextlib.contextmanager
def reading(path: Path | str, expected: str) -> Iterator[None]:
    """Turn whatever a library raises about the file `path` into one line that says what was expected.

    Errors of this project pass, and a lack of memory, which the command line explains.

    Args:
        path: is named in the message.
        expected: such as `a safetensors file`.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {_reason(error)}") from error
    except RecursionError as error:
        raise UserError(f"{path} is not {expected} that can be read: it is nested too deeply") from error
    except Exception as error:  # libraries have error classes of their own, and each means the same here
        raise UserError(f"{path} is not {expected} that can be read, perhaps damaged: {one_line(error)}") from error


def json_value(text: str, where: str, **options: Any) -> Any:
    """The content of a JSON text from elsewhere.

    Args:
        text: JSON.
        where: names it in messages.
        options: of `json.loads`.

    Raises:
        UserError: it is too large.
        ValueError: it is no JSON, is nested too deeply, or has half a character or an integer of more than `DIGITS`
            digits.
    """
    require(len(text), "array", f"{where} has")
    if _LONG_INTEGER.search(text):  # parsing numbers here is slow, so only where there may be such a one
        options = {"parse_int": _integer, **options}
    try:
        value = json.loads(text, **options)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()  # half a pair is no character, and nothing can write it
        return value
    except RecursionError as error:
        raise ValueError("lists and objects are nested too deeply") from error


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise ValueError(f"an integer has {len(text)} digits; at most {DIGITS} are read")
    return int(text)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or one_line(error)
