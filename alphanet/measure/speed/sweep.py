"""A sweep over sizes: resumable, within a budget of time, never mixing what was measured under other conditions."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.measure.speed.contestants import Contestant, Setting, contestant
from alphanet.measure.speed.size import Protocol, measure_size
from alphanet.measure.speed.statistics import by_size, exponent, ratio_interval
from alphanet.measure.speed.structures import supercell, unit_cell
from alphanet.provenance import hardware, software
from alphanet.results import utc_now

JOURNAL = "points.jsonl"  # a header, then a line a size, as they are measured
FEWEST_CALLS = 6.0  # calls that a point needs: warm-up and rounds of both modes
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


def run_sweep(sweep: Sweep, folder: Path, report: Report, *, restart: bool = False) -> dict[str, Any]:
    """Measure what `folder` does not hold yet; returns what `speed.json` says.

    Raises:
        UserError: a contestant that cannot take part, a structure that cannot be had, or a folder with a sweep that
            was measured under other conditions.
    """
    contestants = [contestant(name, sweep.setting) for name in sweep.models]
    unit = unit_cell(sweep.structures)
    header = _header(sweep, contestants)
    journal = _Journal(folder / JOURNAL, header, restart=restart)
    started = time.monotonic()
    cut: dict[str, tuple[str, str]] = {}  # status and reason of those that larger systems are kept from
    for place, asked in enumerate(sweep.sizes):
        atoms = supercell(unit, asked)
        if len(atoms) in journal.sizes:
            report(f"{len(atoms):>7} atoms  measured before")
            continue
        left = sweep.budget - (time.monotonic() - started)
        allowance = max(1.0, left / (len(sweep.sizes) - place) / len(contestants))
        for name, reason in _too_slow(journal.points, len(atoms), allowance).items():
            cut.setdefault(name, ("timeout", reason))
        taking_part = [one for one in contestants if one.name not in cut]
        points = measure_size(taking_part, atoms, sweep.protocol, allowance, report) if taking_part else []
        points += [
            _cut(one.name, len(atoms), sweep.protocol, *cut[one.name], report) for one in contestants if one.name in cut
        ]
        cut |= {
            point["model"]: (point["status"], _after(point))
            for point in points
            if point["status"] in ("oom", "timeout", "failed")
        }
        journal.add(points)
    return _summary(header, journal.points, sweep.models)


class _Journal:
    """The sizes that have been measured, on disk as soon as they are."""

    def __init__(self, path: Path, header: dict[str, Any], *, restart: bool) -> None:
        self._path, self._lines = path, [json.dumps(header)]
        self.points: list[dict[str, Any]] = []
        if path.exists() and not restart:
            first, *rest = path.read_text(encoding="utf-8").splitlines()
            _require_same(path, json.loads(first), header)
            self._lines = [first, *rest]
            self.points = [point for line in rest for point in json.loads(line)]

    @property
    def sizes(self) -> set[int]:
        return {point["n_atoms"] for point in self.points}

    def add(self, points: list[dict[str, Any]]) -> None:
        self.points += points
        self._lines.append(json.dumps(points))
        write_text(self._path, "\n".join(self._lines) + "\n")


def _header(sweep: Sweep, contestants: Sequence[Contestant]) -> dict[str, Any]:
    """The conditions: what must be the same for points to share a curve."""
    return {
        "models": {one.name: one.versions for one in contestants},
        "structures": sweep.structures,
        "setting": asdict(sweep.setting),
        "protocol": asdict(sweep.protocol),
        "hardware": hardware(),
        "software": software(),
        "begun": utc_now(),
    }


def _require_same(path: Path, there: dict[str, Any], wanted: dict[str, Any]) -> None:
    different = [key for key in wanted if key != "begun" and json.loads(json.dumps(wanted[key])) != there.get(key)]
    if different:
        raise UserError(
            f"{path} was measured with other {', '.join(different)}; points of both must not share a curve: choose "
            "another --out, or add --restart to measure anew"
        )


def _too_slow(points: Sequence[dict[str, Any]], n_atoms: int, allowance: float) -> dict[str, str]:
    """Contestants whose few calls at this size would take far longer than a point may, by what smaller sizes took."""
    largest: dict[str, dict[str, Any]] = {}
    for point in points:
        if point["status"] == "ok" and point["n_atoms"] > largest.get(point["model"], {"n_atoms": 0})["n_atoms"]:
            largest[point["model"]] = point
    reasons = {}
    for name, point in largest.items():
        call = point["step_ms"]["median"] / 1e3 * (n_atoms / point["n_atoms"]) ** GROWTH
        if n_atoms > point["n_atoms"] and call * FEWEST_CALLS > 3 * allowance:
            reasons[name] = (
                f"a call would take about {call:.0f} s, too long for the {allowance:.0f} s a point (--budget)"
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
        "step_ms": None,
        "forward_ms": None,
    }


def _summary(header: dict[str, Any], points: Sequence[dict[str, Any]], models: Sequence[str]) -> dict[str, Any]:
    ordered = sorted(points, key=lambda point: (models.index(point["model"]), point["n_atoms"]))
    return {
        "points": ordered,
        "ratios": _ratios(ordered, models[0]),
        "scaling": _scaling(ordered, models),
        "reference": models[0],
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
        for mode, rounds in point["rounds"].items():
            if mode in base["rounds"]:
                ratio = ratio_interval(rounds, base["rounds"][mode])
                found.append({"model": point["model"], "n_atoms": point["n_atoms"], "mode": mode} | ratio)
    return found


def _scaling(points: Sequence[dict[str, Any]], models: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for model in models:
        fine = [point for point in points if point["model"] == model and point["status"] == "ok"]
        quantities = {f"{mode}_time": by_size(fine, mode) for mode in ("step", "forward")}
        quantities["memory"] = (
            [float(point["n_atoms"]) for point in fine],
            [max(1.0, point["peak_memory_mb"]["resident"] - point["resident_before_mb"]) for point in fine],
        )
        for quantity, (sizes, values) in quantities.items():
            fit = exponent(sizes, values)
            if fit is not None:
                found.append({"model": model, "quantity": quantity} | fit)
    return found
