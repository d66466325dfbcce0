"""Addresses that a file is fetched from: its own, or the same path on a mirror that the user named.

A mirror serves `HOST/PATH`; it is the address of a folder (`file://`) or of a server (`http://`, `https://`).
"""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alphanet.errors import UserError

MIRROR_VARIABLE = "ALPHANET_MIRROR"


def mirror_from(named: str | None) -> str | None:
    """The address of the mirror `named`, or of the one that `ALPHANET_MIRROR` names; None if neither does.

    Raises:
        UserError: the address is not a file, http or https one, or its folder does not exist.
    """
    named = named or os.environ.get(MIRROR_VARIABLE)
    if not named:
        return None
    if urlsplit(named).scheme not in ("file", "http", "https"):
        raise UserError(f"mirror {named!r} is not an address; write file:///path/of/folder, http://… or https://…")
    if is_file(named) and not path_of(named).is_dir():
        raise UserError(f"mirror {named}: no folder {path_of(named)}")
    return named.rstrip("/")


def addresses_of(url: str, mirror: str | None) -> list[str]:
    """Addresses to try for `url`, in order."""
    if mirror is None:
        return [answering(url)]
    places = [urlsplit(address) for address in dict.fromkeys([answering(url), url])]
    return [f"{mirror}/{place.netloc}{place.path}" for place in places]


def answering(url: str) -> str:
    """The address of the same file that answers scripts.

    `figshare.com/files/ID` is behind a browser check, which can answer with an empty file and status 200.
    """
    parts = urlsplit(url)
    if parts.netloc in ("figshare.com", "ndownloader.figshare.com") and parts.path.startswith("/files/"):
        return f"https://api.figshare.com/v2/file/download/{parts.path.removeprefix('/files/')}"
    return url


def is_file(address: str) -> bool:
    """Whether an address is a local file."""
    return urlsplit(address).scheme == "file"


def path_of(address: str) -> Path:
    """The path of a `file://` address."""
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise UserError(f"mirror {address}: write file:///path with three slashes")
    return Path(unquote(parts.path))


def safe_relative(url: str) -> Path:
    """The relative path `HOST/PATH` of an address.

    Raises:
        UserError: a path that would leave the folder.
    """
    parts = urlsplit(url)
    relative = Path(parts.netloc, *parts.path.split("/"))
    if ".." in relative.parts or relative.is_absolute() or not parts.netloc:
        raise UserError(f"unsafe address {url}")
    return relative
