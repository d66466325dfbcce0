"""A sweep over sizes: resumable, within a budget of time, never mixing what was measured under other conditions."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from alphanet.measure.speed.budget import Costs, Slot, allowance, cut_here, fitting
from alphanet.measure.speed.contestants import Contestant, Setting, contestant
from alphanet.measure.speed.journal import WHEN, Journal
from alphanet.measure.speed.passes import combined, ratios_to
from alphanet.measure.speed.point import Protocol
from alphanet.measure.speed.size import measure_size
from alphanet.measure.speed.statistics import by_size, exponent, used_memory
from alphanet.measure.speed.structures import supercells, unit_cell
from alphanet.measure.speed.yardstick import quietness, yardstick
from alphanet.provenance import hardware, software, utc_now

JOURNAL = "points.jsonl"  # a line a size and pass

Report = Callable[[str], None]
Told = dict[str, Any]  # a point, as `measure_size` tells it


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

    All sizes are measured in one pass, then again in the next, so that a run that is short of time has every size, and
    passes are far enough apart to differ as another run would.

    Raises:
        UserError: a contestant that cannot take part, a structure that cannot be had, or a folder with a sweep that
            was measured under other conditions.
    """
    contestants = [contestant(name, sweep.setting) for name in sweep.models]
    systems = supercells(unit_cell(sweep.structures), sweep.sizes, sweep.structures, report)
    journal = Journal(folder / JOURNAL, conditions(sweep, contestants), restart=restart)
    _Run(sweep, contestants, systems, journal, report).measure()
    return _summary(journal.header, [point for points in journal.entries for point in points], sweep)


class _Run:
    """What is being measured, and what is known of it."""

    def __init__(
        self,
        sweep: Sweep,
        contestants: Sequence[Contestant],
        systems: Sequence[Atoms],
        journal: Journal,
        report: Report,
    ) -> None:
        self._sweep, self._contestants = sweep, contestants
        self._systems = {len(atoms): atoms for atoms in systems}
        self._journal, self._report = journal, report
        self._end = time.monotonic() + sweep.budget
        self._reading = yardstick()
        self._gated: set[str] = set()

    def measure(self) -> None:
        """Every slot that is missing and fits."""
        done = {(points[0]["pass"], points[0]["n_atoms"]) for points in self._journal.entries}
        slots = [(turn, size) for turn in range(1, self._sweep.protocol.passes + 1) for size in self._systems]
        todo = [slot for slot in slots if slot not in done]
        for slot in slots:
            if slot in done:
                self._line(slot, "measured before")
        for place, slot in enumerate(todo):
            self._measure(slot, todo[place:])

    def _measure(self, slot: Slot, todo: Sequence[Slot]) -> None:
        turn, size = slot
        earlier: list[Told] = [point for points in self._journal.entries for point in points]
        costs, left = Costs(earlier, self._sweep.protocol.tasks), self._end - time.monotonic()
        part = self._taking_part(earlier)
        points: list[Told] = []
        if turn == 1:
            points = self._cut(size, [other for one, other in todo if one == 1], part, costs, left)
            part[size] = [name for name in part[size] if name not in {point["model"] for point in points}]
        elif not part[size] or sum(costs.needs(name, size) for name in part[size]) > left:
            if part[size]:
                self._line(slot, "the time is used up (--budget)")
            return
        if part[size]:
            seconds = allowance(costs, fitting(costs, todo, part, left), part, left)
            points += measure_size(
                [(one, self._mode(one.name, size, earlier)) for one in self._contestants if one.name in part[size]],
                self._systems[size],
                replace(self._sweep.protocol, seed=self._sweep.protocol.seed + turn - 1),
                seconds,
                lambda line: self._report(f"pass {turn} {line}"),
                gated=self._gated,
            )
        readings = [self._reading, yardstick()]
        self._reading = 0.0
        self._journal.add([point | {"pass": turn, "yardstick_s": readings} for point in points])

    def _taking_part(self, earlier: Sequence[Told]) -> dict[int, list[str]]:
        """Models at each size: those that have not been cut or failed there or at a smaller one."""
        ends: dict[str, int] = {}
        for point in earlier:
            if point["status"] != "ok":
                ends[point["model"]] = min(point["n_atoms"], ends.get(point["model"], point["n_atoms"]))
        return {
            size: [name for name in self._sweep.models if size < ends.get(name, size + 1)] for size in self._systems
        }

    def _cut(
        self, size: int, sizes: Sequence[int], part: dict[int, list[str]], costs: Costs, left: float
    ) -> list[Told]:
        """Points of those that do not take part at `size`, with the reason."""
        found = []
        for name in self._sweep.models:
            if name not in part[size]:
                found.append(self._cut_point(name, size, *self._earlier_end(name)))
        for name, seconds in cut_here(costs, part[size], sizes, left).items():
            reason = f"it would take {seconds:.3g} s, and {max(0.0, left):.0f} s are left for this pass (--budget)"
            found.append(self._cut_point(name, size, "timeout", reason))
        return found

    def _earlier_end(self, name: str) -> tuple[str, str]:
        """Status and reason of a model that failed or was cut at a smaller size."""
        points = [point for points in self._journal.entries for point in points if point["model"] == name]
        end = min((point for point in points if point["status"] != "ok"), key=lambda point: point["n_atoms"])
        return end["status"], f"not tried after {end['status']} at {end['n_atoms']} atoms"

    def _cut_point(self, name: str, size: int, status: str, reason: str) -> Told:
        self._report(f"pass 1 {size:>7} atoms  {name:<18} cut: {reason}")
        return {
            "model": name,
            "n_atoms": size,
            "batch": self._sweep.protocol.batch,
            "status": status,
            "reason": reason,
            "peak_memory_mb": {},
            **{f"{task}_ms": None for task in self._sweep.protocol.tasks},
        }

    def _mode(self, name: str, size: int, earlier: Sequence[Told]) -> str:
        """The mode that was asked for; in later passes the one that the first came to."""
        for point in earlier:
            if (point["model"], point["n_atoms"], point["status"]) == (name, size, "ok"):
                return str(point["mode"])
        return self._sweep.mode

    def _line(self, slot: Slot, what: str) -> None:
        self._report(f"pass {slot[0]} {slot[1]:>7} atoms  {what}")


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


def _summary(header: dict[str, Any], points: Sequence[dict[str, Any]], sweep: Sweep) -> dict[str, Any]:
    tasks, places = sweep.protocol.tasks, {(point["model"], point["n_atoms"]) for point in points}
    ordered = [
        combined([point for point in points if (point["model"], point["n_atoms"]) == place], tasks)
        for place in sorted(places, key=lambda place: (sweep.models.index(place[0]), place[1]))
    ]
    return {
        "points": ordered,
        "ratios": [ratio for task in tasks for ratio in ratios_to(sweep.models[0], ordered, task)],
        "scaling": _scaling(ordered, sweep),
        "quiet": quietness([reading for point in points for reading in point["yardstick_s"]]),
        "reference": sweep.models[0],
        "tasks": list(tasks),
        "provenance": header,
    }


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
