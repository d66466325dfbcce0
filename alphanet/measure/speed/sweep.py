"""A sweep over sizes: resumable, within a budget of time, never mixing points of different conditions."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from alphanet.journal import Journal
from alphanet.measure.speed import machine_noise
from alphanet.measure.speed.budget import Costs, Slot, allowance, models_over_budget, slots_within_budget
from alphanet.measure.speed.models import TimedModel, TimingSetup, timed_model
from alphanet.measure.speed.points import SpeedPoint, Status, Typed
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.size import ModelInMode, measure_size
from alphanet.measure.speed.structures import supercells, unit_cell
from alphanet.measure.speed.summary import SweepConditions, SweepSummary, summarize
from alphanet.provenance import hardware, software, utc_now
from alphanet.results.schema import Hardware

logger = logging.getLogger(__name__)

JOURNAL = "points.jsonl"  # a line a repeat and size


@dataclass(frozen=True)
class Sweep:
    """The points to measure, and the settings of their measurement."""

    models: tuple[str, ...]  # the reference of the ratios first
    sizes: tuple[int, ...]
    structures: str
    setup: TimingSetup
    settings: TimingSettings
    mode: str = "eager"


class SlotPoints(Typed):
    """The points of all models in one repeat at one size."""

    repeat: int
    n_atoms: int
    points: tuple[SpeedPoint, ...]


def run_sweep(sweep: Sweep, folder: Path, budget: float, *, restart: bool = False) -> SweepSummary:
    """Measure what `folder` does not hold yet within `budget` seconds; returns the summary of all.

    Each repeat measures all sizes before the next begins. A run that is short of time then has every size, and
    repeats are far enough apart to differ as two runs do.

    Raises:
        UserError: a model cannot take part, a structure cannot be had, or the folder holds a sweep measured under
            other conditions.
    """
    models = [timed_model(name, sweep.setup) for name in sweep.models]
    systems = supercells(unit_cell(sweep.structures), sweep.sizes, sweep.structures)
    journal = Journal(folder / JOURNAL, sweep_conditions(sweep, models), SlotPoints, restart=restart)
    _Run(sweep, models, systems, journal, budget).measure()
    points = [point for slot in journal.entries for point in slot.points]
    return summarize(sweep.models, points, journal.header)


def is_finished(sweep: Sweep, folder: Path) -> bool:
    """Whether `folder` holds every point of `sweep`, measured under the present conditions.

    Raises:
        UserError: see `run_sweep`.
    """
    if not (folder / JOURNAL).exists():
        return False
    models = [timed_model(name, sweep.setup) for name in sweep.models]
    sizes = {len(atoms) for atoms in supercells(unit_cell(sweep.structures), sweep.sizes, sweep.structures)}
    journal = Journal(folder / JOURNAL, sweep_conditions(sweep, models), SlotPoints)
    wanted = {(repeat, size) for repeat in range(1, sweep.settings.repeats + 1) for size in sizes}
    return wanted <= {(entry.repeat, entry.n_atoms) for entry in journal.entries}


def sweep_conditions(sweep: Sweep, models: Sequence[TimedModel]) -> SweepConditions:
    """The conditions that must be the same for points to share a curve."""
    return SweepConditions(
        models={model.name: model.versions for model in models},
        structures=sweep.structures,
        setup=sweep.setup,
        settings=sweep.settings,
        mode=sweep.mode,
        hardware=Hardware.model_validate(hardware()),
        software=software(),
        begun=utc_now(),
    )


class _Run:
    """The slots of a sweep that are not measured yet, and the points measured so far."""

    def __init__(
        self,
        sweep: Sweep,
        models: Sequence[TimedModel],
        systems: Sequence[Atoms],
        journal: Journal[SweepConditions, SlotPoints],
        budget: float,
    ) -> None:
        self._sweep, self._models, self._journal = sweep, models, journal
        self._systems = {len(atoms): atoms for atoms in systems}
        self._end = time.monotonic() + budget
        self._noise = 0.0
        self._checked: set[str] = set()

    def measure(self) -> None:
        """Measure every missing slot that fits the budget."""
        done = {(entry.repeat, entry.n_atoms) for entry in self._journal.entries}
        slots = [(repeat, size) for repeat in range(1, self._sweep.settings.repeats + 1) for size in self._systems]
        missing = [slot for slot in slots if slot not in done]
        for slot in slots:
            if slot in done:
                _log(slot, "measured before")
        if missing:
            self._noise = machine_noise.reading()
        for index, slot in enumerate(missing):
            self._measure(slot, missing[index:])

    def _measure(self, slot: Slot, missing: Sequence[Slot]) -> None:
        repeat, size = slot
        earlier = [point for entry in self._journal.entries for point in entry.points]
        costs, left = Costs(earlier, self._sweep.settings.tasks), self._end - time.monotonic()
        models = self._models_by_size(earlier)
        points: list[SpeedPoint] = []
        if repeat == 1:
            points = self._skipped(size, [other for number, other in missing if number == 1], models, costs, left)
            skipped = {point.model for point in points}
            models[size] = [name for name in models[size] if name not in skipped]
        elif not models[size]:
            return
        elif sum(costs.needs(name, size) for name in models[size]) > left:
            _log(slot, "the time is used up (budget)")
            return
        if models[size]:
            settings = self._sweep.settings
            points += measure_size(
                [
                    ModelInMode(model, self._mode(model, size, earlier))
                    for model in self._models
                    if model.name in models[size]
                ],
                self._systems[size],
                settings.model_copy(update={"seed": settings.seed + repeat - 1}),
                allowance(costs, slots_within_budget(costs, missing, models, left), models, left),
                checked=self._checked,
                repeat=repeat,
            )
        readings = (self._noise, machine_noise.reading())
        self._noise = 0.0
        noted = tuple(point.model_copy(update={"noise_s": readings}) for point in points)
        self._journal.add(SlotPoints(repeat=repeat, n_atoms=size, points=noted))

    def _models_by_size(self, earlier: Sequence[SpeedPoint]) -> dict[int, list[str]]:
        """Models at each size: those that have not been skipped and have not failed there or at a smaller one."""
        ends: dict[str, int] = {}
        for point in earlier:
            if not point.ok:
                ends[point.model] = min(point.n_atoms, ends.get(point.model, point.n_atoms))
        return {
            size: [name for name in self._sweep.models if size < ends.get(name, size + 1)] for size in self._systems
        }

    def _skipped(
        self, size: int, sizes: Sequence[int], models: dict[int, list[str]], costs: Costs, left: float
    ) -> list[SpeedPoint]:
        """Points of those that do not take part at `size`, with the reason."""
        points = []
        for name in self._sweep.models:
            if name not in models[size]:
                points.append(self._skipped_point(name, size, *self._earlier_end(name)))
        for name, seconds in models_over_budget(costs, models[size], sizes, left).items():
            reason = f"it would take {seconds:.3g} s, and {max(0.0, left):.0f} s are left for this pass (budget)"
            points.append(self._skipped_point(name, size, "timeout", reason))
        return points

    def _earlier_end(self, name: str) -> tuple[Status, str]:
        """Status and reason of a model that failed or was skipped at a smaller size."""
        points = [point for entry in self._journal.entries for point in entry.points if point.model == name]
        end = min((point for point in points if not point.ok), key=lambda point: point.n_atoms)
        return end.status, f"not tried after {end.status} at {end.n_atoms} atoms"

    def _skipped_point(self, name: str, size: int, status: Status, reason: str) -> SpeedPoint:
        _log((1, size), f"{name:<18} skipped: {reason}")
        batch = self._sweep.settings.batch
        return SpeedPoint(model=name, n_atoms=size, batch=batch, status=status, reason=reason, repeats=0)

    def _mode(self, model: TimedModel, size: int, earlier: Sequence[SpeedPoint]) -> str:
        """The requested mode; in later repeats the mode of the first."""
        for point in earlier:
            if (point.model, point.n_atoms, point.status) == (model.name, size, "ok"):
                return point.mode
        return model.mode_of(self._sweep.settings.tasks, self._sweep.mode)


def _log(slot: Slot, text: str) -> None:
    logger.info("pass %d %7d atoms  %s", slot[0], slot[1], text)
