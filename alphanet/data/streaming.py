"""Streaming one https address into the unfinished file beside its target: ranges, redirects, retries."""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from alphanet.data.progress import megabytes
from alphanet.errors import UserError
from alphanet.printed import one_line

logger = logging.getLogger(__name__)

DISK_MARGIN = 64 << 20  # bytes left free
ATTEMPTS = 6  # without progress
PAUSE = 0.5  # s, before the second attempt; doubled before each further one
TIMEOUT = httpx.Timeout(30.0)  # s, to connect and between two blocks
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)


class TransferError(Exception):
    """A transfer that can be resumed where it stopped."""


class MissingFileError(UserError):
    """The server has no such file."""


class PartFile:
    """The unfinished file beside its target.

    The server's validator (ETag or date) is kept next to it, so that halves of two versions are never joined.
    """

    def __init__(self, target: Path, verifiable: bool):
        """Keep what an earlier run left, if it can be verified in the end or the server can vouch for it."""
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self._validator = target.with_name(target.name + ".part.validator")
        if not verifiable and not self.validator:
            self.remove()
        self.resumed = self.size > 0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def validator(self) -> str:
        """The server's name of this version of the file; empty if it gave none."""
        return self._validator.read_text(encoding="utf-8") if self._validator.exists() else ""

    def remember(self, validator: str) -> None:
        """Keep the server's validator beside the file."""
        self._validator.write_text(validator, encoding="utf-8")

    def append(self, blocks: Iterator[bytes], update: Callable[[int], None]) -> None:
        """Add blocks as they arrive; `update` takes the bytes so far."""
        size = self.size
        with self.path.open("ab") as stream:
            for block in blocks:
                stream.write(block)
                size += len(block)
                update(size)

    def finish(self) -> None:
        """Flush to the disk and take the final name."""
        with self.path.open("rb") as stream:
            os.fsync(stream.fileno())
        self.path.replace(self.target)
        self._validator.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the unfinished file."""
        self.path.unlink(missing_ok=True)
        self._validator.unlink(missing_ok=True)
        self.resumed = False


def stream_with_retries(address: str, part: PartFile, update: Callable[[int], None]) -> None:
    """Append to `part` the rest of the file at `address`.

    Raises:
        UserError: the server refuses or redirects to nowhere, or six attempts make no progress.
        MissingFileError: the server has no such file.
    """
    failures, furthest = 0, part.size
    while True:
        try:
            _stream(address, part, update)
            return
        except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.UnsupportedProtocol) as error:
            raise UserError(f"cannot fetch {address}: it leads to no file ({one_line(error)})") from error
        except (httpx.TransportError, TransferError) as error:
            failures = 1 if part.size > furthest else failures + 1  # bytes that came before are no progress
            furthest = max(furthest, part.size)
            reason = " ".join(str(error).split()) or type(error).__name__
            if failures >= ATTEMPTS:
                raise UserError(
                    f"cannot fetch {address}: {reason}; check the network and run again, "
                    f"it goes on after {megabytes(part.size)}"
                ) from error
            pause = min(30.0, PAUSE * 2 ** (failures - 1))
            logger.warning(f"{address}: {reason}; trying again in {pause:g} s")
            time.sleep(pause)


def _stream(address: str, part: PartFile, update: Callable[[int], None]) -> None:
    headers = {"Accept-Encoding": "identity"}
    if part.size:
        headers["Range"] = f"bytes={part.size}-"
        if part.validator:
            headers["If-Range"] = part.validator
    secure = address.startswith("https://")
    hooks = {"request": [_refuse_plain_http]} if secure else {}
    with (
        httpx.Client(follow_redirects=True, timeout=TIMEOUT, event_hooks=hooks) as client,
        client.stream("GET", address, headers=headers) as response,
    ):
        content_range = response.headers.get("Content-Range", "")
        if response.status_code == 416:
            if content_range.rpartition("/")[2] != str(part.size):
                part.remove()
                raise TransferError("the unfinished file does not fit the server's")
            return
        _check_status(address, response)
        resumed = response.status_code == 206 and content_range.startswith(f"bytes {part.size}-")
        if part.size and not resumed:
            part.remove()
            if response.status_code == 206:
                raise TransferError("the server sent another part than asked for")
        part.remember(response.headers.get("ETag") or response.headers.get("Last-Modified") or "")
        promised = response.headers.get("Content-Length")
        goal = part.size + int(promised) if promised else None
        if goal is not None:
            check_room(part.target, goal - part.size)
        # As they arrive: gathering larger blocks would lose the last, unfinished one when the connection breaks.
        part.append(response.iter_raw(), update)
        if goal is not None and part.size < goal:
            raise TransferError(f"the connection closed after {part.size} of {goal} bytes")


def _refuse_plain_http(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        raise UserError(f"refusing a redirect to {request.url}, which is not https")


def _check_status(address: str, response: httpx.Response) -> None:
    if response.status_code in TRANSIENT:
        raise TransferError(f"the server answers {response.status_code} {response.reason_phrase}")
    if response.status_code in (404, 410):
        raise MissingFileError(f"{address} does not exist ({response.status_code}); check the card or the mirror")
    if response.status_code not in (200, 206):
        raise UserError(f"{address}: the server answers {response.status_code} {response.reason_phrase}")


def check_room(target: Path, missing: int) -> None:
    """Refuse a file whose `missing` bytes would fill the disk.

    Raises:
        UserError: the disk of `target` has too little space.
    """
    free = shutil.disk_usage(target.parent).free
    if free < missing + DISK_MARGIN:
        raise UserError(
            f"{target.parent} has {megabytes(free)} free, {target.name} needs {megabytes(missing)} more; "
            "make room or set ALPHANET_HOME to another disk"
        )
