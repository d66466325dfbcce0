"""Files of machine code that this project loads: only such as this user made, or was told to trust, by their content.

Compiled kernels lie in a folder of the user alone below `ALPHANET_HOME`, which several users may share. The sha256 of
each, and of every exported model, is recorded in the user's own state folder, where no other user can write. What is
not on record is not loaded: kernels are compiled anew, and an exported model asks for trust. See `SECURITY.md`.
"""

import contextlib
import hashlib
import logging
import os
import stat
from pathlib import Path

from platformdirs import user_state_path

from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.paths import home

logger = logging.getLogger(__name__)

PACKAGE = ".pt2"  # what `alphanet export` writes, see `alphanet.model.export`
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def records() -> Path | None:
    """The folder with one empty file for each program that this user made or trusts, named by its sha256.

    None if there is no home folder, or if others could write to the folder.
    """
    try:
        folder = user_state_path("alphanet", appauthor=False) / "programs"
    except RuntimeError:  # of newer versions of platformdirs
        return None
    if folder.parts[:1] == ("~",):
        return None
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder if is_private(folder) else None


def remember(path: Path) -> None:
    """Put the content of a file on record: this user made it, or trusts it."""
    folder = records()
    if folder is None:
        logger.debug("nothing is recorded about %s: there is no state folder that is this user's alone", path)
        return
    with contextlib.suppress(OSError):
        (folder / sha256_of(path)).touch(mode=0o600)


def is_on_record(content: bytes) -> bool:
    """Whether this user made or trusts a program with this content."""
    folder = records()
    return folder is not None and (folder / hashlib.sha256(content).hexdigest()).is_file()


def may_be_loaded(path: Path) -> bool:
    """Whether a program in a folder of `private_folder` is there and on record."""
    return path.is_file() and is_on_record(path.read_bytes())


def accept(path: Path | None, *, trust: bool) -> bool:
    """Put an exported model on record if the user says that it is trusted; False if the file is no exported model."""
    if path is None or path.suffix != PACKAGE:
        return False
    if trust:
        remember(path)
    return True


def is_private(path: Path) -> bool:
    """Whether a file or folder belongs to this user and nobody else can write to it; a link is not."""
    try:
        state = path.lstat()
    except OSError:
        return False
    return not stat.S_ISLNK(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & OTHERS_WRITE


def private_folder(name: str) -> Path:
    """A folder below `ALPHANET_HOME` that only this user can write to, made if it is not there.

    Raises:
        UserError: it cannot be made, or it is another user's.
    """
    folder = home() / f"{name}-{os.getuid()}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}") from error
    if not is_private(folder):
        raise UserError(
            f"{folder} is not yours alone, so programs in it are not loaded; remove it, or set ALPHANET_HOME to a "
            "folder of your own"
        )
    return folder
