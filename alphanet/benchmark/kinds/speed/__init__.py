"""Speed: time and memory of calls against the number of atoms. One task is a sweep."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from alphanet import durations
from alphanet.benchmark.claims.samples import Samples, samples_of_records
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.speed.card import SpeedCard, public_protocol, speed_card
from alphanet.benchmark.kinds.speed.samples import rates_by_pass, samples_of_sweep
from alphanet.benchmark.kinds.speed.tradeoff import add_tradeoff, require_metric
from alphanet.benchmark.kinds.sweep_results import SweepResult
from alphanet.benchmark.kinds.timing import (
    SweepFolder,
    memory_by_pass,
    require_mode,
    timing_settings,
    timing_setup,
)
from alphanet.benchmark.needs import need_from_user
from alphanet.benchmark.selection import all_places
from alphanet.errors import UserError
from alphanet.measure.speed.models import TimingSetup, make_environments, timed_model
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.summary import SweepSummary
from alphanet.measure.speed.sweep import Sweep
from alphanet.provenance import hardware, where
from alphanet.results.records import Record

__all__ = ["Speed", "SpeedCard", "SweepWork", "public_protocol", "speed_card"]


@dataclass(frozen=True)
class SweepWork:
    """A sweep of the card; `sweep` is set when it is prepared, unless no row can take part."""

    name: str
    sweep: SweepFolder | None = None
    unready: dict[str, str] = field(default_factory=dict)  # row -> why it cannot take part


class Speed(Kind[SpeedCard, SweepWork]):
    """A table or figure of speeds."""

    card_type = SpeedCard
    uses = frozenset({"device", "threads", "mode", "structures", "max_memory", "seed"})

    def __init__(self, card: SpeedCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.summaries: dict[str, SweepSummary] = {}
        """Name of a sweep that was run -> its summary"""
        self._problems: dict[str, str | None] = {}

    def plan(self) -> Plan[SweepWork]:
        """Return one task per sweep, over all rows."""
        require_mode(self.options.mode)
        if self.card.accuracy is not None:
            require_metric(self.card.accuracy)
        scale = self.card.scale(self.options.scale)
        minutes = scale.minutes * len(self.card.sweeps)
        place = f", on an {scale.hardware}" if scale.hardware else ""
        wanted = scale.needs_structures if self.options.structures is None else ""
        places = tuple(all_places(self.card))
        return Plan(
            tasks=tuple(Task(name, places, SweepWork(name), 60 * scale.minutes) for name in self.card.sweeps),
            cost=f"{durations.words(60 * minutes)} at most{place}",
            minutes=minutes,
            data=(need_from_user(wanted),) if wanted else (),
            models=tuple(row.model for row in self.card.rows.values()),
        )

    def prepare(self, task: Task[SweepWork]) -> Task[SweepWork]:
        """Make the environments of the rows; a row that cannot take part is left out, with the reason."""
        scale = self.card.scale(self.options.scale)
        setup = timing_setup(scale, self.options)
        models = {row: self.card.rows[row].model for row, _ in task.places}
        problems = {row: self._problem(model, setup) for row, model in models.items()}
        unready = {row: problem for row, problem in problems.items() if problem is not None}
        if len(unready) == len(models):
            return replace(task, work=replace(task.work, unready=unready), seconds=0.0)
        sweep = Sweep(
            models=tuple(dict.fromkeys(model for row, model in models.items() if row not in unready)),
            sizes=scale.sizes,
            structures=self.options.structures or scale.structures,
            setup=setup,
            settings=timing_settings(scale, self.options, self.card.sweeps[task.work.name], scale.batch),
            mode=self.options.mode,
        )
        place = SweepFolder(sweep, self.folder / self._part(task.work.name))
        finished = not self.options.restart and place.finished
        work = replace(task.work, sweep=place, unready=unready)
        return replace(task, work=work, seconds=0.0 if finished else task.seconds)

    def measure(self, task: Task[SweepWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:
        """Run the sweep and yield a record of every row that was measured."""
        work = task.work
        for row, reason in work.unready.items():
            yield self._missing(work, [place for place in places if place[0] == row], reason, failed=True)
        taking_part = [place for place in places if place[0] not in work.unready]
        if work.sweep is None:
            return
        try:
            summary = work.sweep.run(seconds or 0.0, restart=self.options.restart)
        except UserError as error:  # only the metrics of this sweep are lost
            yield self._missing(work, taking_part, str(error), failed=True)
            return
        self.summaries[work.name] = summary
        for place in taking_part:
            model = self.card.rows[place[0]].model
            points = [point for point in summary.points_of(model) if summary.tasks[0] in point.times_ms]
            if points:
                yield Measured(self._record(work.name, summary, points), (place,))
            else:
                yield self._missing(work, [place], _reason(summary, model))

    def deviations(self, findings: Findings) -> list[str]:  # noqa: ARG002
        """Differences of the machine and the structures from the paper's."""
        scale, structures = self.card.scale(self.options.scale), self.options.structures
        machine, changed = hardware(), []
        if scale.hardware and not any(scale.hardware in name for name in machine["gpus"]):
            changed.append(f"on {', '.join(machine['gpus']) or machine['cpu']}, not on an {scale.hardware}")
        if scale.needs_structures and structures is None:
            changed.append(f"without {scale.needs_structures}")
        elif not scale.needs_structures and structures not in (None, scale.structures):
            changed.append(f"on {structures}, not on {scale.structures}")
        return changed

    def samples(self, findings: Findings) -> Samples:
        """Return the time of every task at every size, and the speed and memory of every sweep, by pass."""
        samples = samples_of_records(self.card, findings)
        for name, summary in self.summaries.items():
            samples |= samples_of_sweep(self.card, name, summary, findings)
        return samples

    def show(self, findings: Findings) -> Shown:  # noqa: ARG002
        """Tables and curves of every sweep; speed against accuracy."""
        shown = Shown()
        rows = {row.model: name for name, row in reversed(self.card.rows.items())}
        for name, summary in self.summaries.items():
            figure = self.card.name if len(self.card.sweeps) == 1 and self.card.accuracy is None else "speed"
            result = SweepResult(summary, rows, part=self._part(name), published=self.card.published)
            result.add_to(shown, self.folder, figure)
        if self.card.accuracy is not None:
            add_tradeoff(shown, self.card, self._first, self.options.out)
        return shown

    def _problem(self, model: str, setup: TimingSetup) -> str | None:
        """Why a model cannot take part; None if it can. Its environment is made if it is missing."""
        if model not in self._problems:
            try:
                make_environments([model])
                timed_model(model, setup)
                self._problems[model] = None
            except UserError as error:
                self._problems[model] = str(error)
        return self._problems[model]

    @property
    def _first(self) -> SweepSummary | None:
        """The summary of the first sweep of the card; None if it was not run."""
        return self.summaries.get(next(iter(self.card.sweeps)))

    def _part(self, name: str) -> str:
        """The folder of a sweep in that of the benchmark: its name, unless it is the only one."""
        return name if len(self.card.sweeps) > 1 else ""

    def _missing(self, work: SweepWork, places: Sequence[Place], reason: str, *, failed: bool = False) -> Missing:
        metrics = tuple(metric for metric in self.card.metrics if metric.startswith(f"{work.name}_"))
        return Missing(tuple(places), reason, metrics, failed)

    def _record(self, name: str, summary: SweepSummary, points: Sequence[SpeedPoint]) -> Record:
        """The record of a row: the numbers of its largest system, means over the passes, and all behind them."""
        largest, conditions = points[-1], summary.conditions
        passes = {
            f"{name}_speed": list(rates_by_pass(largest, summary.tasks[0]).values()),
            f"{name}_memory": list(memory_by_pass(largest).values()),
        }
        return Record(
            metrics={
                **{metric: fmean(values) for metric, values in passes.items()},
                "passes": {metric: [*values] for metric, values in passes.items()},
            },
            data={"structures": conditions.structures, "n_atoms": largest.n_atoms},
            model={"name": largest.model, "versions": {**conditions.models[largest.model]}},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "sweep": name,
                **conditions.setup.model_dump(mode="json"),
                "mode": largest.mode,
                "batch": largest.batch,
                "points": [point.without_raw_times() for point in points],
            },
            environment=where(),
        )


def _reason(summary: SweepSummary, model: str) -> str:
    """Why the first task of a model was not timed at any size."""
    first = next(point for point in summary.points if point.model == model)
    return first.reason or first.unsupported.get(summary.tasks[0], "it was not timed")
