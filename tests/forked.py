"""Runs a command in a forked process, which has what this process has imported: many runs in little time."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path


def start(words: Sequence[str | Path], out: Path, err: Path, prepare: Callable[[], None]) -> int:
    """Start `alphanet WORDS` with its output in files; return the number of the process, which the caller waits for.

    Args:
        words: of the command line.
        out: file of stdout.
        err: file of stderr.
        prepare: is called in the new process before the command: sets limits, folders, the environment.
    """
    import alphanet.cli  # once, in this process

    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _run(alphanet.cli.main, [str(word) for word in words], out, err, prepare)
    return child


def _run(main: Callable[[], object], words: list[str], out: Path, err: Path, prepare: Callable[[], None]) -> None:
    code = 70
    try:
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        prepare()
        sys.argv = ["alphanet", *words]
        main()
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
