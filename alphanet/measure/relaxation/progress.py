"""How far a campaign is: a bar on a terminal, a line now and then elsewhere, both with rate and estimated end."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0

Advance = Callable[[int], None]


@contextlib.contextmanager
def progress(done: int, total: int) -> Iterator[Advance]:
    """Yield a function that takes how many more structures there are records of.

    Args:
        done: structures of earlier runs, which do not count for the rate.
        total: structures in all.
    """
    if sys.stderr.isatty():
        with _bar(done, total) as advance:
            yield advance
    else:
        yield _lines(done, total)


@contextlib.contextmanager
def _bar(done: int, total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("structures"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"))
    pace = _Pace(done, total)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("structures", total=total, completed=done, pace="")

        def advance(more: int) -> None:
            pace.add(more)
            bar.update(task, completed=pace.done, pace=pace.text())

        yield advance


def _lines(done: int, total: int) -> Advance:
    pace = _Pace(done, total)
    last = time.monotonic()

    def advance(more: int) -> None:
        nonlocal last
        pace.add(more)
        if time.monotonic() - last > SECONDS_BETWEEN_LINES or pace.done == total:
            last = time.monotonic()
            logger.info(f"{pace.done} of {total} structures, {pace.text()}")

    return advance


class _Pace:
    """Counts, and extrapolates."""

    def __init__(self, done: int, total: int) -> None:
        self.done, self._total = done, total
        self._first, self._started = done, time.monotonic()

    def add(self, more: int) -> None:
        """`more` structures are done."""
        self.done += more

    def text(self) -> str:
        """Rate, and when the last will be done."""
        rate = (self.done - self._first) / max(time.monotonic() - self._started, 1e-3)
        if self.done >= self._total or not rate:
            return f"{rate:.3g}/s"
        left = timedelta(seconds=(self._total - self.done) / rate)
        return f"{rate:.3g}/s, end about {(datetime.now() + left).strftime('%a %H:%M')}"
