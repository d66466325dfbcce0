"""One size: every contestant in a process of its own, taking turns, so that drift of the machine hits all alike."""

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.speed.contestants import Contestant
from alphanet.measure.speed.statistics import settled, timing
from alphanet.measure.speed.structures import RATTLE
from alphanet.neighbors import neighbor_pairs
from alphanet.potentials.channel import Worker, WorkerError
from alphanet.potentials.kit.worker_kit import packed

MODES = ("step", "forward")
WARM_UP_SHARE = 0.25  # of a point's time at most
MOST_WARM_UPS, MOST_CALLS = 50, 50  # calls a mode
LONGEST_OVER = 4.0  # a call may take this many times the point's time before it is ended
MEGABYTE = 1e6

Report = Callable[[str], None]


@dataclass(frozen=True)
class Protocol:
    """How a point is measured."""

    batch: int = 1
    rounds: int = 5
    rattle: float = RATTLE
    """Å; every call's structures are displaced anew"""
    seed: int = 0
    threads: int = 1
    memory_limit: int | None = None
    """Bytes of private memory that a worker may have"""


@dataclass
class _Point:
    """A contestant at this size, while it is being measured."""

    contestant: Contestant
    worker: Worker | None = None
    info: dict[str, Any] = field(default_factory=dict)
    status: str = "ok"
    reason: str | None = None
    calls: int = 0
    first_s: dict[str, float] = field(default_factory=dict)
    warm: dict[str, list[float]] = field(default_factory=dict)
    rounds: dict[str, list[list[float]]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    resident_before: int = 0
    unsupported: dict[str, str] = field(default_factory=dict)

    @property
    def modes(self) -> list[str]:
        return [mode for mode in MODES if mode not in self.unsupported]

    def end(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason
        self.close()

    def close(self) -> None:
        if self.worker is not None:
            self.worker.close()
            self.worker = None


def measure_size(
    contestants: Sequence[Contestant], atoms: Atoms, protocol: Protocol, allowance: float, report: Report
) -> list[dict[str, Any]]:
    """Points of all contestants at one size.

    Args:
        contestants: in the order of the first round.
        atoms: the system; a batch is so many copies of it, displaced differently.
        protocol: see `Protocol`.
        allowance: seconds for each contestant.
        report: called with a line a point.

    Returns:
        One mapping a contestant: what `speed.json` says of a point, and `rounds`, the median of each round (s).
    """
    points = [_Point(contestant) for contestant in contestants]
    arrays = packed([atoms] * protocol.batch)
    elements = tuple(dict.fromkeys(atoms.get_chemical_symbols()))
    try:
        for point in points:
            with _results(point):
                point.worker, point.info = point.contestant.start(protocol.threads, elements)
                _warm_up(point, arrays, protocol, allowance)
        for turn in range(protocol.rounds):
            order = points[turn % len(points) :] + points[: turn % len(points)]
            for point in order:
                if point.worker is not None:
                    with _results(point):
                        _round(point, arrays, protocol, allowance)
        return [_told(point, atoms, protocol, report) for point in points]
    finally:
        for point in points:
            point.close()


@contextlib.contextmanager
def _results(point: _Point) -> Any:
    """Running out of memory or time is a result, and so is a failure."""
    try:
        yield
    except _OutOfMemoryError as error:
        point.end("oom", str(error))
    except WorkerError as error:
        if error.kind == "timeout":
            point.end("timeout", str(error))
        elif error.exit_code == -signal.SIGKILL:
            point.end("oom", "the process was killed (SIGKILL), as the kernel does when memory is used up")
        else:
            point.end("failed", str(error))
    except UserError as error:
        point.end("failed", str(error))


class _OutOfMemoryError(Exception):
    """The worker says so."""


def _warm_up(point: _Point, arrays: dict[str, np.ndarray], protocol: Protocol, allowance: float) -> None:
    """Call each mode until its running median has settled; the first call, which may compile, is kept apart."""
    budget = WARM_UP_SHARE * allowance / len(MODES)
    for mode in MODES:
        begun = time.monotonic()
        first = _timed(point, arrays, protocol, allowance, mode, calls=1)
        if mode in point.unsupported:
            continue
        point.first_s[mode] = first[0]
        seen = point.warm.setdefault(mode, [])
        while len(seen) < MOST_WARM_UPS and not settled(seen):
            spent = time.monotonic() - begun
            if seen and spent + seen[-1] > budget:
                break
            seen += _timed(point, arrays, protocol, allowance, mode, calls=1)


def _round(point: _Point, arrays: dict[str, np.ndarray], protocol: Protocol, allowance: float) -> None:
    budget = (1 - WARM_UP_SHARE) * allowance / protocol.rounds / max(1, len(point.modes))
    for mode in point.modes:
        expected = float(np.median(point.warm[mode]))
        calls = int(np.clip(budget / max(expected, 1e-6), 1, MOST_CALLS // protocol.rounds))
        point.rounds.setdefault(mode, []).append(
            _timed(point, arrays, protocol, allowance, mode, calls=calls, budget=budget)
        )


def _timed(
    point: _Point,
    arrays: dict[str, np.ndarray],
    protocol: Protocol,
    allowance: float,
    mode: str,
    *,
    calls: int,
    budget: float = np.inf,
) -> list[float]:
    assert point.worker is not None
    request = {
        "structures": arrays,
        "rattle": protocol.rattle,
        "seed": protocol.seed,
        "first": point.calls,
        "calls": calls,
        "budget": budget,
        "mode": mode,
        "memory_limit": protocol.memory_limit,
    }
    answer = point.worker.call("time", request, timeout=max(60.0, LONGEST_OVER * allowance))
    point.calls += calls
    if answer["status"] == "unsupported":
        point.unsupported[mode] = answer["reason"]
        return []
    for key, value in answer["peak"].items():
        point.peak[key] = max(value, point.peak.get(key, 0))
    if answer["status"] == "oom":
        raise _OutOfMemoryError(answer["reason"])
    point.resident_before = point.resident_before or answer["resident_before"]
    point.cpu.setdefault(mode, []).extend(answer["cpu_seconds"])
    return list(answer["seconds"])


def _told(point: _Point, atoms: Atoms, protocol: Protocol, report: Report) -> dict[str, Any]:
    cutoff = point.info.get("cutoff")
    told: dict[str, Any] = {
        "model": point.contestant.name,
        "n_atoms": len(atoms),
        "n_edges": None if cutoff is None else protocol.batch * len(neighbor_pairs(atoms, float(cutoff))[0]),
        "batch": protocol.batch,
        "density": len(atoms) / atoms.get_volume(),  # atoms/Å^3
        "cutoff": cutoff,
        "parameters": point.info.get("parameters"),
        "dtype": point.info.get("dtype"),
        "mode": "eager",
        "threads": protocol.threads,
        "status": point.status,
        "reason": point.reason,
        "peak_memory_mb": {key: round(value / MEGABYTE, 3) for key, value in point.peak.items()},
        "resident_before_mb": round(point.resident_before / MEGABYTE, 3),
    }
    for mode in MODES:
        seconds = [one for block in point.rounds.get(mode, []) for one in block] if point.status == "ok" else []
        told[f"{mode}_ms"] = timing(seconds).as_json() if seconds else None
    told["unsupported"] = point.unsupported
    complete = point.status == "ok"
    told["first_call_s"] = point.first_s
    told["compile_s"] = {
        m: max(0.0, point.first_s[m] - float(np.median(point.warm[m]))) for m in point.warm if complete
    }
    told["cpu_s"] = {mode: round(float(np.median(values)), 6) for mode, values in point.cpu.items()}
    told["rounds"] = {
        m: [float(np.median(block)) for block in blocks] for m, blocks in point.rounds.items() if complete
    }
    report(_line(told))
    return told


def _line(told: dict[str, Any]) -> str:
    head = f"{told['n_atoms']:>7} atoms  {told['model']:<18}"
    if told["status"] != "ok":
        return f"{head} {told['status']}: {told['reason']}"
    parts = [f"{mode} {told[f'{mode}_ms']['median']:.4g} ms" for mode in MODES if told[f"{mode}_ms"]]
    return f"{head} {', '.join(parts)}, {told['peak_memory_mb']['resident']:.0f} MB resident"
