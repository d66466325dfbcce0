"""Progress of a simulation: a bar on a terminal, lines in the log elsewhere."""

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator

from alphanet import durations

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30.0
Update = Callable[[int, str], None]


@contextlib.contextmanager
def steps_of(name: str, total: int, done: int = 0) -> Iterator[Update]:
    """Yield a function that takes the number of steps so far, of `total`, and a few words on the present one.

    Args:
        name: of what makes steps.
        total: steps at most.
        done: steps of an earlier process.
    """
    if sys.stderr.isatty():
        with _bar(name, total, done) as update:
            yield update
    else:
        yield _lines(name, total, done)


@contextlib.contextmanager
def _bar(name: str, total: int, done: int) -> Iterator[Update]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name, total=total, completed=done, words="")
        yield lambda step, words: progress.update(task, completed=step, words=words)


def _lines(name: str, total: int, done: int) -> Update:
    begun = last = time.monotonic()

    def update(step: int, words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES or step <= done:
            return
        last = now
        left = (total - step) * (now - begun) / (step - done)
        logger.info("%s: step %d of %d, %s; at most %s left", name, step, total, words, durations.words(left))

    return update
