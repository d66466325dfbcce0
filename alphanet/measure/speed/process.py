"""One model in a separate process at one size: opened, checked, warmed up and timed."""

import contextlib
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from alphanet.errors import UserError
from alphanet.measure.speed.models import ModelInfo, TimedModel
from alphanet.measure.speed.points import ForceCheck, Status, Typed
from alphanet.measure.speed.statistics import settled
from alphanet.measure.speed.structures import RATTLE
from alphanet.potentials.channel import Worker, WorkerError

TASKS = ("step", "forward")  # see `timing.timed`
TRAINING = ("train",)
WARM_UP_SHARE = 0.25  # of a point's time at most
MOST_WARM_UPS, MOST_CALLS = 50, 50  # calls a task in one repeat
LONGEST_OVER = 4.0  # a call may take this many times the point's time before it is ended
COMPILING = 900.0  # seconds that the first call of a compiled mode is given at least
# A fast mode's float32 forces may be this far from the reference's, relative to the largest force.
FORCE_TOLERANCE = 1e-3

Arrays = dict[str, np.ndarray]


class TimingSettings(Typed):
    """How points are timed."""

    tasks: tuple[str, ...] = TASKS
    batch: int = 1  # structures in a call
    repeats: int = 3  # over all sizes, each in new processes
    rounds: int = 3  # turns of each model in a repeat
    calls: int | None = None  # of each task in all repeats together; None means as many as the point's time allows
    rattle: float = RATTLE  # Å; every call's structures are displaced anew
    seed: int = 0  # of the displacements
    memory_limit: int | None = None  # bytes of private memory that a worker may have


class OutOfMemoryError(Exception):
    """Raised when the worker reports it."""


@dataclass
class TimedProcess:
    """A model at one size, while it is being timed. A failure is kept as a status, never raised."""

    timed_model: TimedModel
    arrays: Arrays
    elements: tuple[str, ...]
    settings: TimingSettings
    allowance: float
    """Seconds for everything but loading"""
    mode: str = "eager"
    worker: Worker | None = None
    info: ModelInfo | None = None  # None until it is loaded
    status: Status = "ok"
    reason: str | None = None
    note: str | None = None
    force_check: ForceCheck | None = None
    calls: int = 0
    first_s: dict[str, float] = field(default_factory=dict)
    overhead_s: float = 0.0
    load_s: float = 0.0
    pays_from: int | None = None  # see `SpeedPoint`
    warm: dict[str, list[float]] = field(default_factory=dict)
    rounds: dict[str, list[list[float]]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    resident_before: int = 0
    unsupported: dict[str, str] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the model can still be timed."""
        return self.worker is not None

    @property
    def refused(self) -> bool:
        """Whether the worker refused to load the model, so that nothing was timed and no result is lost."""
        return self.status == "failed" and self.info is None

    @property
    def tasks(self) -> list[str]:
        """Tasks that the model can be timed at."""
        return [task for task in self.settings.tasks if task not in self.unsupported]

    @property
    def compile_s(self) -> float:
        """Seconds of the first calls beyond those of warm ones."""
        usual = {task: float(np.median(times)) for task, times in self.warm.items() if times}
        return sum(max(0.0, self.first_s[task] - seconds) for task, seconds in usual.items())

    @property
    def start_s(self) -> float:
        """Seconds from the start of the process to the first answer, beyond the usual time of a call."""
        return self.load_s + self.compile_s

    @property
    def cost(self) -> float:
        """Seconds of a warm call of the first task; infinite if it failed."""
        times = self.warm.get(self.settings.tasks[0])
        return float(np.median(times)) if times and self.status == "ok" else np.inf

    def open(self, *, checked: bool) -> None:
        """Load the model and call each task until its running median has settled.

        Args:
            checked: whether the forces of a fast mode are compared with the reference before they are timed.
        """
        with self._results():
            begun = time.monotonic()
            self.worker, self.info = self.timed_model.start(self.elements, self.mode)
            self.load_s = time.monotonic() - begun
            wanted, self.mode = self.mode, self.info.mode
            if self.mode != wanted and wanted != "eager":
                self.note = f"timed in mode {self.mode}: it does not compile here"
            if checked and self.mode != "eager" and self.settings.tasks != TRAINING:
                self._check_forces()
            self._warm_up()

    def try_once(self) -> None:
        """Load the model, call the first task once as a test, and end the worker."""
        task = self.settings.tasks[0]
        with self._results():
            self.worker, self.info = self.timed_model.start(self.elements, self.mode)
            self.mode = self.info.mode
            self.first_s[task] = next(iter(self._timed(task, calls=1)), 0.0)
            if self.unsupported:
                raise UserError(self.unsupported[task])
        self.close()

    def time_round(self) -> None:
        """One turn: each task as often as its share of the time allows."""
        with self._results():
            for task in self.tasks:
                calls, budget = self._share(task)
                self.rounds.setdefault(task, []).append(self._timed(task, calls=calls, budget=budget))

    def end(self, status: Status, reason: str) -> None:
        """Store a failure as the result."""
        self.status, self.reason = status, reason
        self.close()

    def close(self) -> None:
        """End the worker."""
        if self.worker is not None:
            self.worker.close()
            self.worker = None

    def _check_forces(self) -> None:
        """Raise UserError if forces differ by more than `FORCE_TOLERANCE`."""
        assert self.worker is not None
        request = {"structures": self.arrays, "rattle": self.settings.rattle, "seed": self.settings.seed}
        answer = self.worker.call("difference", request, timeout=max(COMPILING, self._patience))
        self.first_s["step"] = answer.pop("seconds")
        relative = answer["max_difference"] / max(answer["max_force"], 1e-12)
        self.force_check = ForceCheck(**answer, relative=relative, tolerance=FORCE_TOLERANCE)
        if not relative <= FORCE_TOLERANCE:
            raise UserError(
                f"its forces in mode {self.mode} differ from {answer['reference']} by {relative:.1e} of the largest; "
                f"at most {FORCE_TOLERANCE:.0e} are allowed, so it is not timed"
            )

    def _warm_up(self) -> None:
        """Make the first call, which may compile; its time is stored separately."""
        budget = WARM_UP_SHARE * self.allowance / len(self.settings.tasks)
        for task in self.settings.tasks:
            begun = time.monotonic()
            first = self._timed(task, calls=1)
            if task in self.unsupported:
                continue
            self.first_s[task] = max(first[0], self.first_s.get(task, 0.0))
            # If one call takes longer than the whole warm-up may, it is the warm-up.
            seen = self.warm.setdefault(task, first if first[0] > budget and self.mode == "eager" else [])
            while len(seen) < MOST_WARM_UPS and not settled(seen):
                spent = time.monotonic() - begun
                if seen and spent + seen[-1] > budget:
                    break
                seen += self._timed(task, calls=1)
        if not self.tasks:
            raise UserError("; ".join(self.unsupported.values()))

    def _share(self, task: str) -> tuple[int, float]:
        """Calls of a round, and the seconds after which no further one is begun."""
        rounds, calls = self.settings.rounds, self.settings.calls
        if calls is not None:
            return max(1, round(calls / rounds / self.settings.repeats)), np.inf
        budget = (1 - WARM_UP_SHARE) * self.allowance / rounds / len(self.tasks)
        expected = float(np.median(self.warm[task]))
        return int(np.clip(budget / max(expected, 1e-6), 1, MOST_CALLS // rounds)), budget

    @property
    def _patience(self) -> float:
        return max(60.0, LONGEST_OVER * self.allowance)

    def _timed(self, task: str, *, calls: int, budget: float = np.inf) -> list[float]:
        assert self.worker is not None
        request = {
            "structures": self.arrays,
            "rattle": self.settings.rattle,
            "seed": self.settings.seed,
            "first": self.calls,
            "calls": calls,
            "budget": budget,
            "task": task,
            "memory_limit": self.settings.memory_limit,
        }
        patience = self._patience * (calls if budget == np.inf else 1)
        if self.mode != "eager" and task not in self.first_s:
            patience = max(COMPILING, patience)
        answer = self.worker.call("time", request, timeout=patience)
        self.calls += calls
        if answer["status"] == "unsupported":
            self.unsupported[task] = answer["reason"]
            return []
        for key, value in answer["peak"].items():
            self.peak[key] = max(value, self.peak.get(key, 0))
        if answer["status"] == "oom":
            raise OutOfMemoryError(answer["reason"])
        self.resident_before = self.resident_before or answer["resident_before"]
        self.cpu.setdefault(task, []).extend(answer["cpu_seconds"])
        return list(answer["seconds"])

    @contextlib.contextmanager
    def _results(self) -> Iterator[None]:
        """Record running out of memory or time, or a failure, as a result."""
        try:
            yield
        except OutOfMemoryError as error:
            self.end("oom", str(error))
        except WorkerError as error:
            if error.kind == "timeout":
                self.end("timeout", str(error))
            elif error.exit_code == -signal.SIGKILL:
                self.end("oom", "the process was killed (SIGKILL), as the kernel does when memory is used up")
            else:
                self.end("failed", str(error))
        except UserError as error:
            self.end("failed", str(error))
