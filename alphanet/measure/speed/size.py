"""One size: every contestant in a process of its own, taking turns, so that drift of the machine hits all alike."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.speed.contestants import Contestant
from alphanet.measure.speed.point import WARM_UP_SHARE, Arrays, Point, Protocol
from alphanet.measure.speed.statistics import timing
from alphanet.neighbors import neighbor_pairs
from alphanet.potentials.kit.worker_kit import packed

MEGABYTE = 1e6
FEWEST_TURNS = 1  # of a pass, also where they take more than the time
SILENT = 10.0  # seconds a contestant, up to which turns are not worth a line

Report = Callable[[str], None]


def measure_size(
    contestants: Sequence[tuple[Contestant, str]],
    atoms: Atoms,
    protocol: Protocol,
    allowance: float,
    report: Report,
    *,
    gated: set[str] | None = None,
) -> list[dict[str, Any]]:
    """Points of all contestants at one size, each in one fresh process.

    Args:
        contestants: in the order of the first turn, each with its mode: `eager`, `compiled` (what has no compiled mode
            is timed eagerly, which is said), or `best` (the faster).
        atoms: the system; a batch is so many copies of it, displaced differently.
        protocol: see `Protocol`.
        allowance: seconds for each contestant once it is ready.
        report: called with a line a point.
        gated: names whose compiled forces have been compared with the reference before; added to.

    Returns:
        One mapping a contestant: what `speed.json` says of a point; `rounds`, the median of each turn (s); and
        `overhead_s`, what it took until the model was ready.
    """
    passed = set() if gated is None else gated
    arrays = packed([atoms] * protocol.batch)
    elements = tuple(dict.fromkeys(atoms.get_chemical_symbols()))
    points: list[Point] = []
    try:
        for contestant, mode in contestants:
            points.append(_ready(contestant, mode, (arrays, elements, protocol, allowance), passed))
            report(_ready_line(points[-1], len(atoms)))
        end = time.monotonic() + (1 - WARM_UP_SHARE) * allowance * len(points)
        for turn in range(protocol.rounds):
            if turn >= FEWEST_TURNS and protocol.calls is None and time.monotonic() > end:
                report(f"{len(atoms):>7} atoms  {turn} of {protocol.rounds} turns: the time is used up (--budget)")
                break
            for point in points[turn % len(points) :] + points[: turn % len(points)]:
                if point.running:
                    point.time_round()
            if allowance > SILENT:
                report(f"{len(atoms):>7} atoms  turn {turn + 1} of {protocol.rounds}")
        return [_told(point, atoms, report) for point in points]
    finally:
        for point in points:
            point.close()


def _ready(
    contestant: Contestant, mode: str, place: tuple[Arrays, tuple[str, ...], Protocol, float], passed: set[str]
) -> Point:
    begun = time.monotonic()
    point = _opened(contestant, mode, place, passed)
    point.overhead_s = time.monotonic() - begun - sum(sum(calls) for calls in point.warm.values())
    return point


def _opened(
    contestant: Contestant, mode: str, place: tuple[Arrays, tuple[str, ...], Protocol, float], passed: set[str]
) -> Point:
    """The contestant, loaded, compared with its reference and warm, in the mode that is asked for."""
    eager = Point(contestant, *place)
    if mode == "eager":
        eager.open(gated=False)
        return eager
    compiled = Point(contestant, *place, mode="compiled")
    compiled.open(gated=contestant.name not in passed)
    if compiled.status == "ok":
        passed.add(contestant.name)
        if mode == "compiled" or compiled.mode == "eager":
            return compiled
    elif mode == "compiled" and not _has_no_such_mode(compiled):
        return compiled
    eager.open(gated=False)
    slower, faster = (eager, compiled) if compiled.cost <= eager.cost else (compiled, eager)
    slower.close()
    if compiled.status != "ok":
        faster.note = f"timed eagerly: {compiled.reason}"
    return faster


def _ready_line(point: Point, n_atoms: int) -> str:
    what = f"warm, {1e3 * point.cost:.4g} ms" if point.status == "ok" else f"{point.status}: {point.reason}"
    return f"{n_atoms:>7} atoms  {point.contestant.name:<18} … {what}"


def _has_no_such_mode(compiled: Point) -> bool:
    """Whether the worker refused to be loaded: nothing was timed, and it is not lost."""
    return compiled.status == "failed" and compiled.gate is None and not compiled.info


def _told(point: Point, atoms: Atoms, report: Report) -> dict[str, Any]:
    cutoff, protocol, complete = point.info.get("cutoff"), point.protocol, point.status == "ok"
    told: dict[str, Any] = {
        "model": point.contestant.name,
        "n_atoms": len(atoms),
        "n_edges": _edges(atoms, cutoff, protocol.batch),
        "batch": protocol.batch,
        "density": len(atoms) / atoms.get_volume(),  # atoms/Å^3
        "cutoff": cutoff,
        "parameters": point.info.get("parameters"),
        "dtype": point.info.get("dtype"),
        "device": point.contestant.request.get("device", "cpu"),
        "mode": point.mode,
        "threads": protocol.threads,
        "status": point.status,
        "reason": point.reason,
        "note": point.note,
        "gate": point.gate,
        "peak_memory_mb": {key: round(value / MEGABYTE, 3) for key, value in point.peak.items()},
        "resident_before_mb": round(point.resident_before / MEGABYTE, 3),
    }
    for task in protocol.tasks:
        seconds = [one for block in point.rounds.get(task, []) for one in block] if complete else []
        told[f"{task}_ms"] = timing(seconds).as_json() if seconds else None
    told["unsupported"] = point.unsupported
    told["first_call_s"] = point.first_s
    told["overhead_s"] = round(point.overhead_s, 3)
    warm = {task: float(np.median(times)) for task, times in point.warm.items() if times}
    told["compile_s"] = sum(max(0.0, point.first_s[task] - usual) for task, usual in warm.items())
    told["cpu_s"] = {task: round(float(np.median(values)), 6) for task, values in point.cpu.items()}
    told["rounds"] = {
        task: [float(np.median(block)) for block in blocks] for task, blocks in point.rounds.items() if complete
    }
    report(_line(told, protocol.tasks))
    return told


def _edges(atoms: Atoms, cutoff: float | None, batch: int) -> int | None:
    """Of the undisplaced structures; none where there is no cutoff or no neighbour list."""
    if cutoff is None:
        return None
    try:
        return batch * len(neighbor_pairs(atoms, float(cutoff))[0])
    except UserError:
        return None  # overlapping atoms and the like: the point itself says what is wrong


def _line(told: dict[str, Any], tasks: Sequence[str]) -> str:
    head = f"{told['n_atoms']:>7} atoms  {told['model']:<18}"
    if told["status"] != "ok":
        return f"{head} {told['status']}: {told['reason']}"
    parts = [f"{task} {told[f'{task}_ms']['median']:.4g} ms" for task in tasks if told[f"{task}_ms"]]
    resident = told["peak_memory_mb"].get("resident")
    memory = [] if resident is None else [f"{resident:.0f} MB resident"]
    compiled = [told["mode"]] if told["mode"] != "eager" else []
    notes = [told["note"]] if told["note"] else []
    return f"{head} {', '.join([*parts, *memory, *compiled, *notes])}"
