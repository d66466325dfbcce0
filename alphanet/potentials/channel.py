"""A worker process in another environment: started when needed, watched, and ended with all that it started."""

import contextlib
import logging
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import execnet
from execnet.gateway_base import RemoteError
from execnet.gateway_base import TimeoutError as ChannelTimeout

from alphanet.errors import UserError
from alphanet.hardware import WORKER_PATH
from alphanet.paths import PACKAGE
from alphanet.potentials.kit import worker_kit
from alphanet.potentials.kit.worker_kit import decode, encode

logger = logging.getLogger(__name__)

START_TIMEOUT = 60.0  # seconds for a bare Python to answer
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MESSAGE = re.compile(r"[A-Za-z_][\w.]*(: |$)")  # start of the error's message in a traceback
LONGEST = 300  # characters of a message, which may contain an array
GRACE = 0.3  # seconds that a worker is given to end by itself

# Sent to the bare interpreter; from here on the worker speaks the protocol of worker_kit.
BOOTSTRAP = """
import importlib.util, os, sys
kit, places, log, home = channel.receive()
os.environ.pop("PYTHONPATH", None)
if home and home not in sys.path:
    sys.path.insert(0, home)
spec = importlib.util.spec_from_file_location("worker_kit", kit)
sys.modules["worker_kit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["worker_kit"])
sys.modules["worker_kit"].serve(channel, places, log)
"""


class WorkerError(UserError):
    """A worker that was lost: it could not start, failed, did not answer, or died."""

    def __init__(self, message: str, kind: str, exit_code: int | None) -> None:
        """`kind`: start, failed, timeout or died; `exit_code`: of the process if it ended, negative for a signal."""
        super().__init__(message)
        self.kind, self.exit_code = kind, exit_code


class Worker:
    """One process at a time that runs a `worker.py` with `python`. After a crash the next call starts a fresh one."""

    def __init__(
        self, name: str, python: Path, places: Sequence[Path], threads: int, variables: Mapping[str, str] | None = None
    ) -> None:
        """Store the settings; no process is started yet.

        Args:
            name: for error messages.
            python: the interpreter.
            places: folders that the worker imports from; the first `worker.py` in them is the worker.
            threads: threads for the worker's libraries.
            variables: environment variables of the worker besides this process's.
        """
        self.name = name
        self.generation = 0
        self._python, self._places = python, places
        self._variables = {name: str(threads) for name in THREADS} | dict(variables or {})
        self._group: execnet.Group | None = None
        self._channel: Any = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def running(self) -> bool:
        """Whether a worker process is running."""
        return self._group is not None

    def call(self, name: str, request: Mapping[str, object], *, timeout: float) -> Any:
        """Call the method `name` of the worker; its output goes to the log.

        Args:
            name: a method of the protocol: load, predict, train, memory.
            request: plain values and arrays.
            timeout: seconds of silence after which the worker counts as hung.

        Raises:
            WorkerError: the worker fails, hangs or dies; the last lines it printed are in the message.
            UserError: the worker refuses.
        """
        if not self.running:
            self._start()
        try:
            self._channel.send((name, encode(request)))
            while True:
                kind, value = self._channel.receive(timeout)
                if kind == "report":
                    if value:
                        logger.info("%s", value)
                else:
                    break
        except ChannelTimeout:
            raise self._lost("timeout", f"did not answer {name!r} for {timeout:.0f} s and was ended") from None
        except RemoteError as error:
            raise self._lost("failed", f"failed in {name!r}: {_gist(error)}") from None
        except (EOFError, OSError):
            raise self._lost("died", f"died in {name!r}") from None
        except BaseException:  # after Ctrl-C the answer to this call must not be read as that to the next one
            self.close()
            raise
        if kind == "refused":
            raise UserError(f"{self.name}: {value}")
        return decode(value)

    def close(self) -> None:
        """End the worker and what it started."""
        if self._group is not None:
            self._group.terminate(timeout=GRACE)
        if self._folder is not None:
            self._folder.cleanup()
        self._group = self._channel = self._folder = None

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="alphanet-worker-")
        self._group = execnet.Group()
        self.generation += 1
        variables = "".join(f"//env:{name}={value}" for name, value in self._variables.items())
        try:
            # Only the main thread receives signals, so the worker has to run there.
            # Isolated (-I): neither PYTHONPATH nor what lies in the current folder stands in for installed packages.
            place = f"popen//python={shlex.quote(str(self._python))} -I//execmodel=main_thread_only"
            gateway = self._group.makegateway(place + variables)
            self._channel = gateway.remote_exec(BOOTSTRAP)
            self._channel.send(
                (
                    worker_kit.__file__,
                    [str(place) for place in (*self._places, WORKER_PATH)],
                    str(self._log),
                    self._home,
                )
            )
            self._channel.receive(START_TIMEOUT)
        except (OSError, EOFError, AssertionError, RemoteError, ChannelTimeout) as error:
            raise self._lost("start", f"cannot be started with {self._python}: {_gist(error)}") from error

    def __getstate__(self) -> dict[str, object]:
        """The settings alone: a copy starts a process of its own."""
        return self.__dict__ | {"_group": None, "_channel": None, "_folder": None, "generation": 0}

    @property
    def _home(self) -> str:
        """The folder that holds this package, for a worker that runs with this Python; empty for any other."""
        return str(PACKAGE.parent) if self._python == Path(sys.executable) else ""

    @property
    def _log(self) -> Path:
        return Path(self._folder.name) / "log" if self._folder is not None else Path()

    def _lost(self, kind: str, what: str, lines: int = 5) -> WorkerError:
        """End the rest of the worker and return the error that reports it."""
        printed = ""
        with contextlib.suppress(OSError):
            printed = self._log.read_text(encoding="utf-8", errors="replace")
        exit_code = self._exit_code()
        self.close()
        last = [" ".join(line.split()) for line in printed.splitlines() if line.strip()][-lines:]
        last_words = f"; it last said: {' | '.join(last)}" if last else ""
        return WorkerError(f"the worker of {self.name} {what}{last_words}", kind, exit_code)

    def _exit_code(self) -> int | None:
        """The exit code of the process; None if it has not ended."""
        gateways = list(self._group) if self._group is not None else []
        popen = getattr(getattr(gateways[0], "_io", None), "popen", None) if gateways else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            return popen.wait(GRACE) if popen is not None else None
        return None


def _gist(error: Exception) -> str:
    """The message of an error in one line, without the traceback if it comes from the worker."""
    lines = str(error).strip().splitlines()
    begins = [place for place, line in enumerate(lines) if MESSAGE.match(line)]
    text = " ".join(" ".join(lines[begins[-1] if begins else -1 :]).split())
    return text[:LONGEST] or type(error).__name__
