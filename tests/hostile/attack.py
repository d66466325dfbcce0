"""Runs a command on a hostile input in a process of its own, with limits on time and memory."""

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    import alphanet.cli  # once, in this process

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            _run(alphanet.cli.main, [str(word) for word in words], out, err, seconds)
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


def _run(main: object, words: list[str], out: Path, err: Path, seconds: float) -> None:
    code = 70
    try:
        for number, path in ((1, out), (2, err)):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(descriptor, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        signal.alarm(int(10 * seconds))
        sys.argv = ["alphanet", *words]
        main()  # type: ignore[operator]
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)
