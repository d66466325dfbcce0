"""A training in a process of its own, which reads its request from stdin.

The process makes the point from the card again, so nothing but plain values goes to it. A process for each point keeps
caches and memory of one training out of the costs of the next, and what a training breaks is its own.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.learning.card import LearningCard
from alphanet.benchmark.kinds.learning.points import Points
from alphanet.cards import Card, validate
from alphanet.errors import UserError
from alphanet.paths import own_python

GRACE = 60.0  # seconds in which a training that is asked to end writes its checkpoint
REFUSED = 3  # exit code; the reason is the last line of stdout

logger = logging.getLogger(__name__)


class Request(Card):
    """A point to train."""

    card: LearningCard
    options: RunOptions
    folder: Path
    row: str
    column: str
    seed: int
    level: int  # of messages


def train_apart(points: Points, row: str, column: str, seed: int) -> None:
    """Train a point in a process of its own, unless it has been trained; its folder then holds the result.

    Raises:
        UserError: the training failed or was killed; the same call goes on from its last checkpoint.
    """
    job = points.point(row, column, seed).job
    if job.is_done:
        return
    request = Request(
        card=points.card,
        options=points.options.model_copy(update={"restart": False}),
        folder=points.folder.resolve(),
        row=row,
        column=column,
        seed=seed,
        level=logging.getLogger("alphanet").getEffectiveLevel(),
    )
    python, variables = own_python()
    # Not `-m`: this package has imported the module by then, which runpy warns of.
    command = [*python, "-c", f"from {__name__} import main; main()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables, text=True)
    try:
        answer, _ = process.communicate(request.model_dump_json())
    except BaseException:  # Ctrl-C or a signal: the training is asked to end, too
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
        process.kill()
        raise
    if process.returncode == 0:
        return
    lines = answer.strip().splitlines()
    if process.returncode == REFUSED and lines:
        raise UserError(lines[-1])
    raise UserError(f"{row}, {column}, seed {seed}: {_end(process.returncode)}; the same command goes on from there")


def main() -> None:
    """Train the point of the request on stdin; messages go to stderr."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    request = validate(json.loads(sys.stdin.read()), Request, "request")
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("alphanet").setLevel(request.level)
    try:
        train_here(Points(request.card, request.options, request.folder), request.row, request.column, request.seed)
    except UserError as error:
        print(" ".join(str(error).split()))
        raise SystemExit(REFUSED) from None


def train_here(points: Points, row: str, column: str, seed: int) -> None:
    """Train a point in this process.

    Raises:
        UserError: the training failed.
    """
    from alphanet.benchmark.kinds.accuracy.jobs import train_job

    train_job(points.point(row, column, seed).job)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone: two must not train in one folder."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os.kill(os.getpid(), signal.SIGTERM)


def _end(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as the kernel does when memory is used up"
    return f"its process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
