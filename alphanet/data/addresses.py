"""Where a file is fetched from: its https address, or the same path on a mirror the user named."""

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from alphanet.errors import UserError

MIRROR_VARIABLE = "ALPHANET_MIRROR"


@dataclass(frozen=True)
class Mirror:
    """A place that serves `HOST/PATH`: a folder (`file://`) or a server (`http://`, `https://`)."""

    root: str

    def address_of(self, url: str) -> str:
        """The address on this mirror of the file at `url`."""
        parts = urlsplit(url)
        return f"{self.root}/{parts.netloc}{parts.path}"


def mirror_from(named: str | None) -> Mirror | None:
    """The mirror given on the command line, else the one in the environment, else none.

    Raises:
        UserError: not a file, http or https address, or a folder that does not exist.
    """
    named = named or os.environ.get(MIRROR_VARIABLE)
    if not named:
        return None
    if urlsplit(named).scheme not in ("file", "http", "https"):
        raise UserError(f"mirror {named!r} is not an address; write file:///path/of/folder, http://… or https://…")
    mirror = Mirror(named.rstrip("/"))
    if is_file(named) and not path_of(named).is_dir():
        raise UserError(f"mirror {named}: no folder {path_of(named)}")
    return mirror


def addresses_of(url: str, mirror: Mirror | None) -> list[str]:
    """Addresses to try for `url`, in order."""
    direct = [answering(url)] if mirror is None else list(dict.fromkeys([answering(url), url]))
    return [mirror.address_of(address) for address in direct] if mirror else direct


def answering(url: str) -> str:
    """The address that answers scripts.

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
    """`HOST/PATH` of an address, for use below a folder.

    Raises:
        UserError: a path that would leave the folder.
    """
    parts = urlsplit(url)
    relative = Path(parts.netloc, *parts.path.split("/"))
    if ".." in relative.parts or relative.is_absolute() or not parts.netloc:
        raise UserError(f"unsafe address {url}")
    return relative
