"""Files of a table of stability: labels and predictions, published (fetched or in a folder) or a user's."""

import functools
import hashlib
from pathlib import Path

from alphanet.benchmark.kind import RunOptions
from alphanet.data.cards import SourceFile
from alphanet.data.fetching import fetch_file, local_path
from alphanet.errors import UserError
from alphanet.files import sha256_of


class NotHereError(UserError):
    """Raised for a published file that is not on this machine and that the scale does not fetch."""


def published_file(source: SourceFile, options: RunOptions, *, fetch: bool) -> Path:
    """A published file; it is fetched if it is not here.

    Raises:
        NotHereError: it is not on this machine, and `fetch` forbids fetching it.
        UserError: it cannot be fetched.
    """
    path = local_path(source)
    if not fetch and not path.is_file():
        raise NotHereError(
            f"{path.name}, which is not on this machine; `alphanet data fetch wbm --scale full` fetches it, "
            f"or scale full, from {source.url}"
        )
    return fetch_file(source, mirror=options.mirror).path


def published_predictions(source: SourceFile, options: RunOptions, *, fetch: bool = True) -> Path:
    """The published file of predictions, fetched, or found in the user's folder and verified.

    Raises:
        NotHereError: see `published_file`.
        UserError: the user's folder lacks it, or holds another file of its name; or it cannot be fetched.
    """
    if options.predictions is None:
        return published_file(source, options, fetch=fetch)
    name = local_path(source).name
    matching = sorted(options.predictions.rglob(name))
    if not matching:
        raise UserError(f"{options.predictions} has no {name}; it is published at {source.url}")
    for algorithm, expected in (("sha256", source.sha256), ("md5", source.md5)):
        actual = checksum_of(matching[0], algorithm)
        if expected and actual != expected:
            raise UserError(f"{matching[0]} is not the published file: its {algorithm} is {actual}, not {expected}")
    return matching[0]


def checksum_of(path: Path, algorithm: str) -> str:
    """Hash of a file in hex digits, by `sha256` or `md5`; read once as long as it does not change."""
    state = path.stat()
    return _digest(path, algorithm, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, algorithm: str, _size: int, _time: int) -> str:
    if algorithm == "sha256":
        return sha256_of(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
