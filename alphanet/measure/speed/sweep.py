"""A sweep over sizes: resumable, within a budget of time, never mixing what was measured under other conditions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphanet.measure.speed.contestants import Contestant, Setting, contestant
from alphanet.measure.speed.journal import WHEN, Journal
from alphanet.measure.speed.point import Protocol
from alphanet.measure.speed.size import measure_size
from alphanet.measure.speed.statistics import by_size, exponent, ratio_interval, used_memory
from alphanet.measure.speed.structures import supercells, unit_cell
from alphanet.measure.speed.yardstick import quietness, yardstick
from alphanet.provenance import hardware, software
from alphanet.results import utc_now

JOURNAL = "points.jsonl"  # a line a size
CALLS_A_TASK = 3  # that a point needs at least: one to warm up, and two rounds
PATIENCE = 1.2  # times its allowance that a point may take
GROWTH = 1.1  # exponent by which a larger system is expected to take longer

Report = Callable[[str], None]


@dataclass(frozen=True)
class Sweep:
    """What is to be measured."""

    models: tuple[str, ...]
    sizes: tuple[int, ...]
    structures: str
    setting: Setting
    protocol: Protocol
    budget: float  # s, for everything
    mode: str = "eager"


def run_sweep(sweep: Sweep, folder: Path, report: Report, *, restart: bool = False) -> dict[str, Any]:
    """Measure what `folder` does not hold yet; returns what `speed.json` says.

    Raises:
        UserError: a contestant that cannot take part, a structure that cannot be had, or a folder with a sweep that
            was measured under other conditions.
    """
    contestants = [contestant(name, sweep.setting) for name in sweep.models]
    systems = supercells(unit_cell(sweep.structures), sweep.sizes, sweep.structures, report)
    header = conditions(sweep, contestants)
    journal = Journal(folder / JOURNAL, header, restart=restart)
    earlier: list[dict[str, Any]] = [point for points in journal.entries for point in points]
    started = time.monotonic()
    cut: dict[str, tuple[str, str]] = {}  # status and reason of those that larger systems are kept from
    ungated: set[str] = set()
    first = yardstick()
    for place, atoms in enumerate(systems):
        if any(point["n_atoms"] == len(atoms) for point in earlier):
            report(f"{len(atoms):>7} atoms  measured before")
            continue
        left = sweep.budget - (time.monotonic() - started)
        allowance = max(1.0, left / (len(systems) - place) / len(contestants))
        for name, reason in _too_slow(earlier, len(atoms), allowance, sweep.protocol.tasks).items():
            cut.setdefault(name, ("timeout", reason))
        taking_part = [one for one in contestants if one.name not in cut]
        points = [
            _cut(one.name, len(atoms), sweep.protocol, *cut[one.name], report) for one in contestants if one.name in cut
        ]
        if taking_part:
            points += measure_size(
                taking_part, atoms, sweep.protocol, allowance, report, mode=sweep.mode, ungated=ungated
            )
        readings, first = [first, yardstick()], 0.0
        points = [point | {"yardstick_s": readings} for point in points]
        cut |= {
            point["model"]: (point["status"], _after(point))
            for point in points
            if point["status"] in ("oom", "timeout", "failed")
        }
        journal.add(points)
        earlier += points
    return _summary(journal.header, earlier, sweep)


def conditions(sweep: Sweep, contestants: Sequence[Contestant]) -> dict[str, Any]:
    """The conditions: what must be the same for points to share a curve."""
    return {
        "models": {one.name: one.versions for one in contestants},
        "structures": sweep.structures,
        "setting": asdict(sweep.setting),
        "protocol": asdict(sweep.protocol),
        "mode": sweep.mode,
        "hardware": hardware(),
        "software": software(),
        WHEN: utc_now(),
    }


def _too_slow(points: Sequence[dict[str, Any]], n_atoms: int, allowance: float, tasks: Sequence[str]) -> dict[str, str]:
    """Contestants whose few calls at this size would take far longer than a point may, by what smaller sizes took."""
    largest: dict[str, dict[str, Any]] = {}
    for point in points:
        if point["status"] == "ok" and point["n_atoms"] > largest.get(point["model"], {"n_atoms": 0})["n_atoms"]:
            largest[point["model"]] = point
    reasons = {}
    for name, point in largest.items():
        slowest = max(point[f"{task}_ms"]["median"] for task in tasks if point[f"{task}_ms"])
        call = slowest / 1e3 * (n_atoms / point["n_atoms"]) ** GROWTH
        calls = CALLS_A_TASK * len(tasks)
        if n_atoms > point["n_atoms"] and calls * call > PATIENCE * allowance:
            reasons[name] = (
                f"{calls} calls of about {call:.2g} s do not fit into the {allowance:.0f} s of a point (--budget)"
            )
    return reasons


def _after(point: dict[str, Any]) -> str:
    return f"not tried after {point['status']} at {point['n_atoms']} atoms"


def _cut(name: str, n_atoms: int, protocol: Protocol, status: str, reason: str, report: Report) -> dict[str, Any]:
    report(f"{n_atoms:>7} atoms  {name:<18} cut: {reason}")
    return {
        "model": name,
        "n_atoms": n_atoms,
        "batch": protocol.batch,
        "status": status,
        "reason": reason,
        "peak_memory_mb": {},
        **{f"{task}_ms": None for task in protocol.tasks},
    }


def _summary(header: dict[str, Any], points: Sequence[dict[str, Any]], sweep: Sweep) -> dict[str, Any]:
    ordered = sorted(points, key=lambda point: (sweep.models.index(point["model"]), point["n_atoms"]))
    return {
        "points": ordered,
        "ratios": _ratios(ordered, sweep.models[0]),
        "scaling": _scaling(ordered, sweep),
        "quiet": quietness([reading for point in points for reading in point["yardstick_s"]]),
        "reference": sweep.models[0],
        "tasks": list(sweep.protocol.tasks),
        "provenance": header,
    }


def _ratios(points: Sequence[dict[str, Any]], reference: str) -> list[dict[str, Any]]:
    """Every model's time over that of the reference model at the same size, in the same rounds."""
    own = {point["n_atoms"]: point for point in points if point["model"] == reference and point["status"] == "ok"}
    found = []
    for point in points:
        base = own.get(point["n_atoms"])
        if point["status"] != "ok" or base is None or point["model"] == reference:
            continue
        for task, rounds in point["rounds"].items():
            if task in base["rounds"]:
                ratio = ratio_interval(rounds, base["rounds"][task])
                found.append({"model": point["model"], "n_atoms": point["n_atoms"], "task": task} | ratio)
    return found


def _scaling(points: Sequence[dict[str, Any]], sweep: Sweep) -> list[dict[str, Any]]:
    found = []
    for model in sweep.models:
        fine = [point for point in points if point["model"] == model and point["status"] == "ok"]
        quantities = {f"{task}_time": by_size(fine, task) for task in sweep.protocol.tasks}
        quantities["memory"] = ([float(point["n_atoms"]) for point in fine], [used_memory(point) for point in fine])
        for quantity, (sizes, values) in quantities.items():
            fit = exponent(sizes, values)
            if fit is not None:
                found.append({"model": model, "quantity": quantity} | fit)
    return found
