"""Accuracy: potentials trained on data sets, and their errors on test frames. One task is a training with one seed."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from alphanet import durations
from alphanet.benchmark.claims.samples import Samples, samples_of_records, with_frame_errors
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard
from alphanet.benchmark.kinds.accuracy.costs import TrainedCosts, compute_grid, trained_costs, unequal_terms
from alphanet.benchmark.kinds.accuracy.jobs import (
    TrainingJob,
    has_frame_errors,
    has_samples,
    run_job,
    stop_of,
    training_job,
)
from alphanet.benchmark.kinds.accuracy.plan import PlannedTraining, plan_trainings
from alphanet.benchmark.kinds.accuracy.released import need_weights
from alphanet.benchmark.kinds.accuracy.show import parity_plots, power_law_curves, power_law_grid, power_law_plot
from alphanet.benchmark.kinds.accuracy.terms import declared_differences, loss_weights
from alphanet.benchmark.kinds.accuracy.trainers import is_released, trainer_of
from alphanet.benchmark.needs import need_dataset
from alphanet.benchmark.power_law import law_text
from alphanet.data.prepare import PreparedData, prepare
from alphanet.errors import UserError
from alphanet.measure.frame_errors import (
    ENERGY_SUM,
    FORCE_COUNT,
    FORCE_SUM,
    FREE_COUNT,
    FREE_SUM,
    ONE,
    WHOLE_ENERGY_SUM,
)
from alphanet.results.records import Record

__all__ = ["Accuracy", "AccuracyCard", "TrainingWork"]

FRAME_ARRAYS = {
    "energy_mae": (ENERGY_SUM, ONE),
    "force_mae": (FORCE_SUM, FORCE_COUNT),
    "s2ef_energy_mae": (WHOLE_ENERGY_SUM, ONE),
    "s2ef_force_mae": (FREE_SUM, FREE_COUNT),
}
"""Metric -> arrays of the frames' sums of absolute errors and of their numbers"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingWork:
    """A training with one seed; `job` is set when the data are prepared."""

    training: PlannedTraining
    seed: int
    job: TrainingJob | None = None

    @property
    def ready_job(self) -> TrainingJob:
        """The job of a prepared task."""
        assert self.job is not None
        return self.job


class Accuracy(Kind[AccuracyCard, TrainingWork]):
    """A table or figure of accuracies."""

    card_type = AccuracyCard
    uses = frozenset({"device", "seeds", "epochs", "max_time", "mirror"})

    def __init__(self, card: AccuracyCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.finished: dict[str, tuple[TrainingWork, dict[Place, Record]]] = {}
        """Finished trainings of the first seed, with their test records"""
        self.stops: dict[str, str] = {}
        """Title of a training that its guard cut -> the step at which it stopped"""
        self._data: dict[str, PreparedData | UserError] = {}  # a set that cannot be had is not asked for again

    def plan(self) -> Plan[TrainingWork]:
        """Return the trainings; the first seed of each comes before the second of any."""
        scale = self.card.scale(self.options.scale)
        trainings = plan_trainings(self.card, scale)
        tasks = [self._task(training, seed) for training in trainings for seed in range(self._seeds(training))]
        tasks.sort(key=lambda task: task.work.seed)
        trained = [task for task in tasks if task.seconds != 0]
        minutes, days, estimate = self._cost(trained)
        return Plan(
            tasks=tuple(tasks),
            cost=self._cost_text(len(tasks), len(trained), minutes, days),
            minutes=minutes,
            data=(
                *(need_dataset(name, self.options.scale) for name in dict.fromkeys(one.dataset for one in trainings)),
                *(need_weights(name) for name in dict.fromkeys(one.model for one in trainings) if is_released(name)),
            ),
            models=tuple(row.model.partition(":")[0] for row in self.card.rows.values()),
            impossible=self._impossible(),
            gpu_days=days,
            estimate=estimate,
        )

    def prepare(self, task: Task[TrainingWork]) -> Task[TrainingWork]:
        """Prepare the data set, and the environment of a potential that is not trained yet."""
        scale = self.card.scale(self.options.scale)
        if scale.threads:
            import torch

            torch.set_num_threads(scale.threads)  # the baselines' workers are given the same number
        data = self._prepared_data(task.work.training.dataset)
        job = training_job(self.card, self.options, task.work.training, task.work.seed, data, self.folder / "runs")
        if not job.has_weights:
            job.trainer.prepare()
        return replace(
            task,
            work=replace(task.work, job=job),
            keys={(row, column): job.key(column) for row, column in task.work.training.cells},
        )

    def estimate(self, task: Task[TrainingWork], left: float) -> float | None:
        """Seconds of the training and its evaluation, by ten steps on this machine; None of released weights."""
        from alphanet.benchmark.kinds.accuracy.calibration import seconds_needed

        if is_released(task.work.training.model):
            return None
        return seconds_needed(task.work.ready_job, left)

    def keeps(self, task: Task[TrainingWork], place: Place, record: Record) -> bool:
        """Whether the record is of the test frames of this training, finished, with the errors of every frame."""
        job = task.work.ready_job
        return (
            record.protocol.get("key") == task.keys[place]
            and not stop_of(record)
            and record.data.get("split") == job.splits[-1]
            and has_frame_errors(job, record)
        )

    def measure(self, task: Task[TrainingWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Train if it is not trained yet, and evaluate on every split, the test frames last.

        The numbers of a training that its guard cut are recorded, and fill no cell.
        """
        job = task.work.ready_job
        records: dict[Place, Record] = {}
        for column, split, record in run_job(
            job, list(dict.fromkeys(column for _, column in places)), restart=self.options.restart
        ):
            filled = tuple(place for place in places if place[1] == column) if split == job.splits[-1] else ()
            if stop := stop_of(record):
                yield Measured(record)
                self.stops[task.title] = stop
                yield Missing(filled, stop)
                continue
            records |= dict.fromkeys(filled, record)
            yield Measured(record, filled)
        if records:
            self.keep(task, records)
        if task.title in self.stops:
            logger.warning("%s: not run: %s", task.title, self.stops[task.title])

    def keep(self, task: Task[TrainingWork], records: Mapping[Place, Record]) -> None:
        """Store a finished training of the first seed for parity plots and for benchmarks that use it."""
        if task.work.seed == 0:
            _, earlier = self.finished.get(task.title, (task.work, {}))
            self.finished[task.title] = (task.work, earlier | dict(records))

    def deviations(self, findings: Findings) -> list[str]:  # noqa: ARG002
        """Another number of epochs than the card's."""
        epochs = self.options.epochs
        return [f"{epochs} epochs"] if epochs and epochs != self.card.scale(self.options.scale).epochs else []

    def samples(self, findings: Findings) -> Samples:
        """Return the metrics of the test frames, with the errors of every frame where those were kept."""
        samples = samples_of_records(self.card, findings)
        equal = self.card.scale(self.options.scale).equal
        seeded = {row: trainer_of(self.card.rows[row].model).seeded for row in {row for row, _, _ in samples}}
        for (row, column, metric), sample in samples.items():
            own = sample if seeded[row] else replace(sample, repeats="fixed")
            if "steps" in sample.records[0].training:
                own = replace(
                    own, spent=TrainedCosts(row, column, tuple((record,) for record in sample.records)).spent(equal)
                )
            if metric in FRAME_ARRAYS and not any("s2ef_groups" in record.metrics for record in own.records):
                own = with_frame_errors(own, self.folder, *FRAME_ARRAYS[metric])
            samples[row, column, metric] = own
        return samples

    def show(self, findings: Findings) -> Shown:
        """Draw parity plots of the first seed, and power laws if the card asks for them."""
        shown = Shown(problems=self.problems())
        shown.notes += filter(None, [loss_weights(findings.records)])
        shown.notes += [f"Not equal: {line}" for line in declared_differences(self.card, self.options.scale)]
        if self.card.parity:
            for work, records in self.finished.values():
                if not has_samples(work.ready_job, records.values()):
                    continue  # of a kept report; the figure that is there stays
                shown.figures.append(parity_plots(self.card, self.options.scale, self.folder, work, records))
        costs = trained_costs(self.card, findings.records)
        if costs:
            grid, shown.origins = compute_grid(costs)
            shown.grids.append(grid)
            shown.problems += unequal_terms(self.card.scale(self.options.scale).equal, costs)
        shown.curves = power_law_curves(self.card, findings.records)
        if shown.curves:
            shown.figures += power_law_plot(self.card, self.options.scale, self.folder, shown.curves)
            grid, origins = power_law_grid(shown.curves)
            shown.origins |= origins
            shown.grids.append(grid)
            titles = {metric: described.title for metric, described in self.card.metrics.items()}
            shown.notes += [f"{curve.row}, {titles[curve.quantity]}: {law_text(curve)}" for curve in shown.curves]
        return shown

    def problems(self) -> list[str]:
        """Trainings that were cut; their numbers are in the records alone."""
        return [f"{title}: not run: {stop}; its errors are in the records alone" for title, stop in self.stops.items()]

    def _task(self, training: PlannedTraining, seed: int) -> Task[TrainingWork]:
        usual = self.card.scale(self.options.scale).usual_seconds
        return Task(
            title=f"{training.title}, seed {seed}",
            places=tuple(training.cells),
            work=TrainingWork(training, seed),
            seconds=usual if trainer_of(training.model).seeded or is_released(training.model) else 0.0,
            whole=True,
        )

    def _prepared_data(self, dataset: str) -> PreparedData:
        if dataset not in self._data:
            try:
                self._data[dataset] = prepare(dataset, self.options.scale, mirror=self.options.mirror)
            except UserError as error:
                self._data[dataset] = error
        data = self._data[dataset]
        if isinstance(data, UserError):
            raise data
        return data

    def _seeds(self, training: PlannedTraining) -> int:
        wanted = self.options.seeds or self.card.scale(self.options.scale).seeds
        return wanted if trainer_of(training.model).seeded else 1

    def _impossible(self) -> dict[Place, str]:
        scale = self.card.scale(self.options.scale)
        reasons: dict[Place, str] = {}
        for row, described in self.card.rows.items():
            for column in self.card.columns:
                needs = scale.skip_columns.get(column) or scale.skip_rows.get(described.run_key)
                if needs and (column in scale.skip_columns or scale.run_of(described.run_key, column) is None):
                    reasons[row, column] = f"needs {needs}"
        return reasons

    def _cost(self, trained: Sequence[Task[TrainingWork]]) -> tuple[float | None, float | None, str]:
        """Minutes; or GPU-days with their basis, if the card gives no time."""
        scale = self.card.scale(self.options.scale)
        limits = [task.seconds for task in trained]
        if None not in limits:
            return sum(limit for limit in limits if limit) / 60, None, ""
        if any(is_released(task.work.training.model) for task in trained):
            return None, None, "nothing is trained: as long as the evaluation takes"
        from alphanet.benchmark.kinds.accuracy.estimate import gpu_days

        return None, *gpu_days([(task.work.training, scale) for task in trained])

    def _cost_text(self, tasks: int, trained: int, minutes: float | None, days: float | None) -> str:
        if not tasks:
            return "nothing can be measured"
        if minutes is None:
            if not days and any(is_released(row.model) for row in self.card.rows.values()):
                return f"{trained} evaluations of released weights, as long as they take"
            estimated = "unknown" if days is None else f"about {float(f'{days:.2g}'):g} GPU-days, estimated"
            return f"{trained} trainings, as long as their epochs take: {estimated}"
        usual = self.card.scale(self.options.scale).usual_seconds or 0.0
        return f"{trained} trainings, about {usual:g} s each: {durations.words(60 * minutes)}"
