"""Runs a command on a hostile input in a process of its own, with limits on time and memory."""

import os
import resource
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forked import start

SECONDS = 20  # of processor time; also of waiting
GIGABYTES = 2.0  # beyond what the process has before the command


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int  # negative: the signal that ended it
    out: str
    err: str
    seconds: float  # of processor time
    growth: float  # GB beyond what the process had before

    def is_one_line(self) -> bool:
        """Whether it refused as every command does: code 1 or 2, one line, no traceback, no control characters."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        return self.code in (1, 2) and len(lines) == 1 and self.is_printable() and "Traceback" not in self.err

    def is_printable(self) -> bool:
        """Whether nothing that it printed can steer a terminal."""
        return all(character.isprintable() or character == "\n" for character in self.out + self.err)


def attack(words: Sequence[str | Path], *, seconds: float = SECONDS) -> Outcome:
    """Run `alphanet WORDS` in a forked process, which has what this one has imported; it ends after `seconds`."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        child = start(words, out, err, lambda: _limit(seconds))
        begun = time.monotonic()
        while True:
            process, status, usage = os.wait4(child, os.WNOHANG)
            if process:
                break
            if time.monotonic() - begun > 12 * seconds:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.005)
        return Outcome(
            code=os.waitstatus_to_exitcode(status),
            out=out.read_text(encoding="utf-8", errors="replace"),
            err=err.read_text(encoding="utf-8", errors="replace"),
            seconds=usage.ru_utime + usage.ru_stime,
            growth=(usage.ru_maxrss - before) / 1e6,
        )


def _limit(seconds: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    signal.alarm(int(10 * seconds))
