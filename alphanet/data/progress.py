"""Progress of transfers: a bar on a terminal, lines in the log elsewhere."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0


@contextlib.contextmanager
def transfer(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes the number of bytes so far, of `total`."""
    if sys.stderr.isatty():
        with _bar(name, total) as update:
            yield update
    else:
        yield _lines(name, total)


def megabytes(size: int | None) -> str:
    """A size for people."""
    return "size unknown" if size is None else f"{size / 1e6:.1f} MB"


@contextlib.contextmanager
def _bar(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total)
        yield lambda size: progress.update(task, completed=size)


def _lines(name: str, total: int | None) -> Callable[[int], None]:
    last = time.monotonic()

    def update(size: int) -> None:
        nonlocal last
        if time.monotonic() - last > SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            logger.info(f"{name}: {megabytes(size)} of {megabytes(total)}")

    return update
