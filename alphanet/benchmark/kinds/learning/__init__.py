"""Learning: the error that a potential reaches for an amount of compute. One task is a training with one seed.

The cost of a step is measured first, and recorded. From then on no clock is asked: an amount of compute is a number of
steps, and a resumed run has the same.
"""

import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from alphanet import durations
from alphanet.benchmark.claims.samples import Samples, disagreement, samples_of_records, with_frame_errors
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.accuracy.costs import TrainedCosts, compute_grid, unequal_terms
from alphanet.benchmark.kinds.accuracy.jobs import run_job, stop_of
from alphanet.benchmark.kinds.learning.apart import train_apart
from alphanet.benchmark.kinds.learning.card import ENERGY, FORCE, LearningCard, LearningScale, learning_card
from alphanet.benchmark.kinds.learning.plane import add_plane
from alphanet.benchmark.kinds.learning.points import Point, Points
from alphanet.benchmark.kinds.learning.show import add_curves, lengths_grid
from alphanet.benchmark.kinds.learning.simulation import step_times, time_key, time_record
from alphanet.benchmark.needs import DataNeed, need_dataset
from alphanet.errors import UserError
from alphanet.measure.frame_errors import ENERGY_SUM, FORCE_COUNT, FORCE_SUM, ONE
from alphanet.results.records import Record

__all__ = ["Learning", "LearningCard", "learning_card"]

FRAME_ARRAYS = {ENERGY: (ENERGY_SUM, ONE), FORCE: (FORCE_SUM, FORCE_COUNT)}
EQUAL: Literal["compute"] = "compute"  # what a comparison of two rows in one column holds equal


@dataclass(frozen=True)
class LearningWork:
    """A training; `point` is set when it is prepared. Or, without a row, the times of a step of all rows."""

    column: str
    row: str = ""
    seed: int = 0
    point: Point | None = None

    @property
    def ready(self) -> Point:
        """The point of a prepared training."""
        assert self.point is not None
        return self.point


class Learning(Kind[LearningCard, LearningWork]):
    """Learning curves, and accuracy against the cost of a simulation."""

    card_type = LearningCard
    uses = frozenset({"device", "seeds", "mirror", "threads", "mode", "max_time", "seed"})

    def __init__(self, card: LearningCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.points = Points(card, options, self.folder)
        self._stops: dict[str, str] = {}  # title of a training that its guard cut -> where

    def plan(self) -> Plan[LearningWork]:
        """Return the trainings, the first seed of all before the second of any, then the times of a step.

        Raises:
            UserError: a row is no potential that trains.
        """
        impossible = self._impossible()
        trained = [
            self._training(row, column, seed)
            for seed in range(self.options.seeds or self._scale.seeds)
            for column in self._columns(trained=True)
            for row in self.card.rows
            if (row, column) not in impossible and (seed == 0 or self._learns(row))
        ]
        timed = [self._timing(column, impossible) for column in self._columns(trained=False)]
        minutes = sum(task.seconds or 0.0 for task in (*trained, *timed)) / 60
        return Plan(
            tasks=(*trained, *(task for task in timed if task.places)),
            cost=f"{len(trained)} trainings of given compute: {durations.words(60 * minutes)}",
            minutes=minutes,
            data=self._needs(),
            models=tuple(row.model for row in self.card.rows.values()),
            impossible=impossible,
        )

    def prepare(self, task: Task[LearningWork]) -> Task[LearningWork]:
        """Prepare the data; measure what a step costs, unless this run knows it; say how long the training will be."""
        work = task.work
        if not work.row:
            keys = {place: self._time_key(place[0], work.column) for place in task.places}
            return replace(task, keys={place: key for place, key in keys.items() if key})
        point = self.points.point(work.row, work.column, work.seed)
        place = (work.row, work.column)
        return replace(task, work=replace(work, point=point), keys={place: point.job.key(work.column)})

    def estimate(self, task: Task[LearningWork], left: float) -> float | None:  # noqa: ARG002
        """Wall time of a training, if the machine stays as busy as it was when its cost was measured."""
        point = task.work.point
        if point is None or point.length is None or point.cost is None:
            return task.seconds
        return point.cost.wall_seconds(point.length.steps, point.length.validations)

    def keeps(self, task: Task[LearningWork], place: Place, record: Record) -> bool:
        """Whether a record is of the same finished training, or of the time of the same potential."""
        return super().keeps(task, place, record) and not stop_of(record)

    def measure(
        self,
        task: Task[LearningWork],
        places: tuple[Place, ...],
        seconds: float | None,  # noqa: ARG002
    ) -> Iterator[Finding]:
        """Train in a process of its own and evaluate on the test frames; or time a step of all rows."""
        if not task.work.row:
            yield from self._times(task, places)
            return
        work, job = task.work, task.work.ready.job
        if self.options.restart:
            shutil.rmtree(job.folder, ignore_errors=True)
        if self._learns(work.row):
            train_apart(self.points, work.row, work.column, work.seed)
        for _, _, record in run_job(job, [work.column]):
            told = self._told(record, task.work)
            if stop := stop_of(told):
                self._stops[task.title] = stop
                yield Measured(told)
                yield Missing(places, stop)
            else:
                yield Measured(told, places)

    def samples(self, findings: Findings) -> Samples:
        """Return the errors by seed with those of every frame, and what they cost; the times of a step by pass."""
        samples = samples_of_records(self.card, findings)
        for (row, column, metric), sample in samples.items():
            if metric not in FRAME_ARRAYS:
                continue
            if not self._learns(row):
                sample = replace(sample, repeats="fixed")
            elif "steps" in sample.records[0].training:
                of_seeds = tuple((record,) for record in sample.records)
                sample = replace(sample, spent=TrainedCosts(row, column, of_seeds).spent(EQUAL))
            samples[row, column, metric] = with_frame_errors(sample, self.folder, *FRAME_ARRAYS[metric])
        return samples

    def show(self, findings: Findings) -> Shown:
        """Curves of the errors against compute, the plane of accuracy and cost, and how long each training was."""
        shown = Shown(problems=self._problems(findings))
        add_curves(shown, self.card, self.folder, findings.records)
        add_plane(shown, self.card, self.folder, findings.records)
        grid, origins = lengths_grid(findings.records)
        if grid.rows:
            shown.grids.append(grid)
            shown.origins |= origins
        costs = self._costs(findings)
        if costs:
            compute, origins = compute_grid(costs)
            shown.grids.append(compute)
            shown.origins |= origins
            shown.problems += unequal_terms(EQUAL, costs)
        return shown

    @property
    def _scale(self) -> LearningScale:
        return self.card.scale(self.options.scale)

    def _columns(self, *, trained: bool) -> list[str]:
        skipped = self._scale.skip_columns
        return [
            name
            for name, column in self.card.columns.items()
            if name not in skipped and (column.compute is not None) == trained
        ]

    def _learns(self, row: str) -> bool:
        return self.points.trainer(row).seeded

    def _impossible(self) -> dict[Place, str]:
        """Cells that are not measured, and why."""
        reasons: dict[Place, str] = {}
        for row in self.card.rows:
            needs = self._scale.skip_rows.get(row) or self.points.impossible(row)
            for column, described in self.card.columns.items():
                if why := needs or self._scale.skip_columns.get(column):
                    reasons[row, column] = why
                elif described.compute is None and not (self._learns(row) or self.points.is_finished(row)):
                    reasons[row, column] = "nothing is computed in a simulation that it could be used for"
        return reasons

    def _training(self, row: str, column: str, seed: int) -> Task[LearningWork]:
        seconds = self.card.columns[column].compute if self._learns(row) else 0.0
        return Task(
            title=f"{row}, {column}, seed {seed}",
            places=((row, column),),
            work=LearningWork(column, row, seed),
            seconds=None if seconds is None else seconds / self.options.threads,
            whole=True,
        )

    def _timing(self, column: str, impossible: dict[Place, str]) -> Task[LearningWork]:
        rows = [row for row in self.card.rows if (row, column) not in impossible]
        return Task(
            title=f"time of a step, {column}",
            places=tuple((row, column) for row in rows),
            work=LearningWork(column),
            seconds=self._scale.passes * self._scale.seconds * len(rows),
            whole=True,
        )

    def _needs(self) -> tuple[DataNeed, ...]:
        if self.card.own is not None:
            return tuple(
                DataNeed(name=str(path), files=1, here=path.expanduser().exists()) for path in self.card.own.train
            )
        names = dict.fromkeys(column.dataset for column in self.card.columns.values())
        return tuple(need_dataset(name, self.points.data_scale) for name in names)

    def _timed_point(self, row: str, column: str) -> Point | None:
        """The training whose potential is timed: of the largest compute on most frames of the same data."""
        described = self.card.columns
        of_data = [name for name in self._columns(trained=True) if described[name].dataset == described[column].dataset]
        of_data.sort(key=lambda name: (described[name].train_frames or math.inf, described[name].compute))
        try:
            return self.points.point(row, of_data[-1], 0) if of_data else None
        except UserError:  # which its training reports
            return None

    def _time_key(self, row: str, column: str) -> str:
        point = self._timed_point(row, column)
        return "" if point is None else time_key(point.job, self._scale, self.options)

    def _times(self, task: Task[LearningWork], places: tuple[Place, ...]) -> Iterator[Finding]:
        points = {place: self._timed_point(*place) for place in places}
        jobs = {place[0]: point.job for place, point in points.items() if point and point.job.has_weights}
        for place in places:
            if place[0] not in jobs:
                yield Missing((place,), "no training of it was finished")
        if not jobs:
            return
        timed = step_times(jobs, self._scale, self.options)
        protocol = f"{self.card.name}/{self.options.scale}"
        for row, point in timed.points.items():
            place = (row, task.work.column)
            yield Measured(time_record(row, point, jobs[row], task.keys[place], protocol), (place,))
        for row, reason in timed.missing.items():
            yield Missing(((row, task.work.column),), reason, failed=True)

    def _told(self, record: Record, work: LearningWork) -> Record:
        """The record with the compute that was asked for, and the cost by which it became a number of steps."""
        point = work.ready
        if point.length is None or point.cost is None:
            return record
        facts = {
            "compute": self.card.columns[work.column].compute,
            "length": point.length.model_dump(mode="json"),
            "step_cost": point.cost.model_dump(mode="json"),
        }
        return record.model_copy(update={"protocol": {**record.protocol, **facts}})

    def _costs(self, findings: Findings) -> list[TrainedCosts]:
        return [
            TrainedCosts(row, column, tuple((record,) for record in records))
            for column in self._columns(trained=True)
            for row in self.card.rows
            if (records := findings.records.get((row, column))) and "steps" in records[0].training
        ]

    def _problems(self, findings: Findings) -> list[str]:
        """Trainings that were cut, and seeds that are not of one thing."""
        cut = [f"{title}: not run: {stop}; its errors are in the records alone" for title, stop in self._stops.items()]
        apart = [
            f"{row}, {column}: {problem}"
            for (row, column), records in findings.records.items()
            if self.card.columns[column].compute is not None and (problem := disagreement(records))
        ]
        return cut + apart
