"""The process of the command line: words with `~`, terminals that cannot show every character, signals, memory."""

import codecs
import logging
import os
import re
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from types import FrameType

from alphanet.hardware.exhausted import is_out_of_memory
from alphanet.paths import expanded

PLAIN = "alphanet-plain"  # handler of characters that an encoding lacks
SPELLED = {"…": "...", "–": "-", "—": "-", "·": "-", "×": "x", "−": "-", "→": "->", "≤": "<=", "≥": ">=", "•": "*"}
HOME = re.compile(r"(^|[=:]|^-\w)(~[\w.-]*)(?=/|$)")
SIGNALS = ("SIGTERM", "SIGHUP", "SIGUSR1")  # of schedulers, of terminals that are closed, and SLURM's warning
RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # of torchrun, of Lightning's own processes, of srun
logger = logging.getLogger(__name__)


def with_home(words: Sequence[str]) -> list[str]:
    """The words of a command line with `~` expanded where no shell does it: behind `=` and `:`, or in quotes."""
    return [HOME.sub(lambda match: f"{match[1]}{expanded(match[2])}", word) for word in words]


def show_every_character() -> None:
    """Let stdout and stderr spell what their encoding lacks, instead of ending with a UnicodeEncodeError."""
    codecs.register_error(PLAIN, _spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=PLAIN)


def end_orderly() -> None:
    """Make signals that end the process raise SystemExit, so that unfinished files and workers go, as after Ctrl-C.

    The exit code is 128 and the signal's number, as shells have it. Signals that are ignored (`nohup`) stay so.
    """
    owner = os.getpid()

    def end(number: int, _frame: FrameType | None) -> None:
        if os.getpid() != owner:  # a forked child has nothing of its parent's to clean up
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        signal.signal(number, signal.SIG_IGN)  # `timeout` sends it twice
        raise SystemExit(128 + number)

    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def is_first() -> bool:
    """Whether this process is the first of those that were started together, or the only one."""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


def requeue_after(code: object) -> None:
    """Put this SLURM job back into the queue, if SIGUSR1 ended it: `--signal=USR1@SECONDS` is to mean this.

    Args:
        code: with which the process is about to end.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if code != 128 + getattr(signal, "SIGUSR1", 0) or job is None or not is_first():
        return
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
        problem = " ".join(done.stderr.split()) or f"exit code {done.returncode}" if done.returncode else ""
    except OSError as error:
        problem = f"scontrol: {error.strerror or error}"
    if problem:
        logger.warning("job %s was not requeued (%s); submit it again, and it goes on", job, problem)
    else:
        logger.info("job %s is requeued and will go on", job)


def memory_message(error: BaseException) -> str | None:
    """One line for an error that says that memory is exhausted; None for any other error."""
    text = " ".join(str(error).split())
    if is_out_of_memory(error):
        return f"not enough memory ({text[:200] or type(error).__name__}); use smaller batches, or raise the limit"
    return None


def _spelled(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return "".join(_ascii(character) for character in text), error.end


def _ascii(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return SPELLED.get(character) or plain or "?"
