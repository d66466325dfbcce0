"""Landscapes: trainings of a table, shown as parity plots and by the energy of sliding and parting layers.

One task is a row with one seed. Its training is the table's, if a run of the table has finished it by its protocol;
otherwise the kind accuracy trains it in the figure's own folder. Claims are decided over the seeds; the first is drawn.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from alphanet import durations
from alphanet.benchmark.claims.samples import Sample, Samples, seed_of
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.accuracy import Accuracy, AccuracyCard, TrainingWork
from alphanet.benchmark.kinds.accuracy.card import AccuracyColumn
from alphanet.benchmark.kinds.landscape.card import FACTORS, LandscapeCard
from alphanet.benchmark.kinds.landscape.show import MILLI, draw_landscape, landscape_grid, origin_of
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.needs import need_dataset, need_from_user
from alphanet.benchmark.selection import WHOLE
from alphanet.data.cards import load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.landscape import Landscape as Energies
from alphanet.measure.landscape import Reference, load_landscape, measure_landscape, read_reference, save_landscape
from alphanet.paths import resources
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.facts import cell_facts
from alphanet.results.records import Record, RecordLog

__all__ = ["Landscape", "LandscapeCard", "LandscapeWork"]

logger = logging.getLogger(__name__)

CODE = ("measure/landscape.py", "potentials/local.py", "potentials/remote.py")
RECORDS = "records.jsonl"


@dataclass(frozen=True)
class LandscapeWork:
    """A training as a task of the table, the record of its test frames when it is finished, and the reference."""

    row: str
    training: Task[TrainingWork]
    test: Record | None = None
    reference: Reference | None = None


class Landscape(Kind[LandscapeCard, LandscapeWork]):
    """A figure of parity plots, sliding surface and binding curve."""

    card_type = LandscapeCard
    uses = frozenset({"device", "mirror", "reference", "seeds"})

    def __init__(self, card: LandscapeCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self._energies: dict[tuple[str, int], Energies] = {}  # by row and seed
        self._table_kind: Accuracy | None = None

    def plan(self) -> Plan[LandscapeWork]:
        """Return one task per row and seed; without a selection, only for the rows of the paper's figure.

        Raises:
            UserError: the table that the card names, its column or a row in it does not exist.
        """
        table, scale = self._table.card, self.card.scale(self.options.scale)
        trainings, rows = self._trainings(), list(self.card.rows if self.options.only else self.card.drawn)
        planned = [row for row in rows if row in trainings]
        chosen = [(row, training) for row in planned for training in trainings[row]]
        chosen.sort(key=lambda pair: pair[1].work.seed)  # the first seed of each row before the second of any
        data = [need_dataset(self._column.dataset, self.options.scale)] if planned else []
        if planned and not scale.reference:
            data.append(need_from_user(scale.needs))
        minutes, days, estimate = self._cost([training for _, training in chosen])
        impossible = self._table.plan().impossible
        return Plan(
            tasks=tuple(self._task(row, training) for row, training in chosen),
            cost=self._cost_text(len(chosen), minutes, days),
            minutes=minutes,
            data=tuple(data),
            models=tuple(self.card.rows[row].model for row in planned),
            impossible={
                (row, WHOLE): impossible.get((row, self.card.trained.column), f"{table.name} does not train it")
                for row in rows
                if row not in planned
            },
            on_demand={
                (row, WHOLE): "not in the paper's figure; measured if it is selected"
                for row in self.card.rows
                if row not in rows
            },
            gpu_days=days,
            estimate=estimate,
        )

    def prepare(self, task: Task[LandscapeWork]) -> Task[LandscapeWork]:
        """Read the reference, prepare the data, and look for a finished training: in the table's run, then in its own.

        Raises:
            UserError: the reference is not valid, or the training cannot be prepared.
        """
        work = replace(task.work, reference=self._reference())
        training = self._table.prepare(work.training)
        for folder in (self._table_folder, self.folder):
            test, ready = self._finished(training, folder)
            if test is not None:
                work = replace(work, training=ready, test=test)
                keys = {task.places[0]: self._key(work)} if work.reference else {}
                return replace(task, work=work, keys=keys, seconds=0.0)
        return replace(task, work=replace(work, training=training))

    def estimate(self, task: Task[LandscapeWork], left: float) -> float | None:
        """As the table's; the landscape itself takes seconds beside it."""
        return self._table.estimate(task.work.training, left)

    def keeps(self, task: Task[LandscapeWork], place: Place, record: Record) -> bool:
        """Whether the record is of the same weights and reference, and its energies are still there."""
        return super().keeps(task, place, record) and self._energies_file(record).is_file()

    def measure(self, task: Task[LandscapeWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:
        """Train if it is not trained yet; predict the energies of the reference's structures."""
        work = task.work
        if work.test is None:
            for finding in self._table.measure(work.training, work.training.places, seconds):
                if isinstance(finding, Missing):
                    yield replace(finding, places=places)
                    return
                work = replace(work, test=finding.record)  # the test frames come last
                yield Measured(finding.record)
        else:
            self._table.keep(work.training, dict.fromkeys(work.training.places, work.test))
        if work.reference is None:
            yield Missing(places, f"needs {self.card.scale(self.options.scale).needs}")
            return
        record, energies = self._measured(work, work.reference)
        self._energies[work.row, work.training.work.seed] = energies
        save_landscape(self._energies_file(record), energies)
        yield Measured(record, places)

    def keep(self, task: Task[LandscapeWork], records: Mapping[Place, Record]) -> None:
        """Read the energies that were measured before; the training is drawn again."""
        work = task.work
        assert work.test is not None  # the key of its record rests on it
        self._table.keep(work.training, dict.fromkeys(work.training.places, work.test))
        (record,) = records.values()
        self._energies[work.row, work.training.work.seed] = load_landscape(self._energies_file(record))

    def samples(self, findings: Findings) -> Samples:
        """Return the numbers of every sliding surface and binding curve, by seed."""
        samples = {}
        for (row, column), records in findings.records.items():
            for quantity, factor in FACTORS.items():
                having = [record for record in records if record.value(quantity) is not None]
                values = {
                    seed_of(record, n): factor * (record.value(quantity) or 0.0) for n, record in enumerate(having)
                }
                if having:
                    samples[row, column, quantity] = Sample(values, "seed", tuple(having))
        return samples

    def show(self, findings: Findings) -> Shown:
        """Draw parity plots, sliding surfaces and binding curves of the first seed; the numbers are of all seeds."""
        from alphanet.benchmark.kinds.accuracy.show import parity_plots

        shown = Shown(problems=self._table.problems())
        for trained, records in self._table.finished.values():
            table = self._table.card
            shown.figures.append(parity_plots(table, self.options.scale, self.folder, trained, records))
        rows = list(dict.fromkeys(row for row, _ in sorted(self._energies, key=lambda key: key[1])))
        for row in rows:
            seed = min(number for name, number in self._energies if name == row)
            shown.figures += draw_landscape(
                self.folder,
                f"{row} on {self._column.title}, scale {self.options.scale}, seed {seed}",
                (row, self.card.rows[row].model),
                self._energies[row, seed],
                self.card.sliding_bound,
            )
        measured = {row: findings.records[row, WHOLE] for row in rows}
        if measured:
            shown.grids.append(landscape_grid(measured))
            shown.origins = {origin_of(row): cell_facts(records) for row, records in measured.items()}
        return shown

    @property
    def _table(self) -> Accuracy:
        """The kind of the table whose trainings are shown, with the figure's own folder."""
        if self._table_kind is None:
            name, column = self.card.trained.table, self.card.trained.column
            card = load_benchmark(name)
            if not isinstance(card, AccuracyCard):
                raise UserError(f"{self.card.name}: trained: {name} is a benchmark of kind {card.kind}, not accuracy")
            if column not in card.columns:
                raise UserError(
                    f"{self.card.name}: trained: {name} has no column {column!r}{did_you_mean(column, card.columns)}"
                )
            shared = {"scale", "out", "device", "mirror", "budget", "restart"}
            seeds = self.options.seeds or self.card.scale(self.options.scale).seeds
            self._table_kind = Accuracy(card, RunOptions(seeds=seeds, **self.options.model_dump(include=shared)))
            self._table_kind.folder = self.folder
        return self._table_kind

    @property
    def _column(self) -> AccuracyColumn:
        return self._table.card.columns[self.card.trained.column]

    @property
    def _table_folder(self) -> Path:
        return self.options.out / self.card.trained.table

    def _trainings(self) -> dict[str, list[Task[TrainingWork]]]:
        """Row of the figure -> the table's tasks, one a seed, for the column that is shown."""
        table, column = self._table.card, self.card.trained.column
        for row in self.card.rows:
            if row not in table.rows:
                raise UserError(f"{self.card.name}: {table.name} has no row {row!r}{did_you_mean(row, table.rows)}")
        trainings: dict[str, list[Task[TrainingWork]]] = {}
        for task in self._table.plan().tasks:
            for row in self.card.rows:
                if (row, column) in task.places:
                    trainings.setdefault(row, []).append(replace(task, places=((row, column),)))
        return trainings

    def _task(self, row: str, training: Task[TrainingWork]) -> Task[LandscapeWork]:
        return Task(
            title=training.title,
            places=((row, WHOLE),),
            work=LandscapeWork(row, training),
            seconds=training.seconds,
            whole=True,
        )

    def _reference(self) -> Reference | None:
        scale = self.card.scale(self.options.scale)
        if self.options.reference is None and scale.reference is None:
            return None
        path = self.options.reference or resources("datasets") / str(scale.reference)
        return read_reference(path, load_card(self._column.dataset).elements)

    def _finished(self, training: Task[TrainingWork], folder: Path) -> tuple[Record | None, Task[TrainingWork]]:
        """The record of the test frames of a training that was finished in `folder`, and the training there."""
        job = replace(training.work.ready_job, runs=folder / "runs")
        ready = replace(training, work=replace(training.work, job=job))
        if self.options.restart:
            return None, ready
        (place,) = training.places
        records = RecordLog(folder / RECORDS).records
        return next((record for record in reversed(records) if self._table.keeps(ready, place, record)), None), ready

    def _key(self, work: LandscapeWork) -> str:
        """Hash of everything that a landscape depends on."""
        assert work.test is not None and work.reference is not None
        depends = [work.test.id, work.reference.sha256, self.options.device, code_digest(CODE)]
        return digest_of(depends)

    def _energies_file(self, record: Record) -> Path:
        return self.folder / "landscapes" / f"{record.protocol['key']}.npz"

    def _measured(self, work: LandscapeWork, reference: Reference) -> tuple[Record, Energies]:
        from alphanet.benchmark.kinds.accuracy.jobs import open_trained

        assert work.test is not None
        job, scale = work.training.work.ready_job, self.card.scale(self.options.scale)
        with closing(open_trained(job)) as potential:
            energies = measure_landscape(potential, reference, batch_size=job.batch_size)
            provenance = potential.provenance()
        metrics = energies.metrics()
        largest = MILLI * metrics["sliding_max_difference"]
        logger.info("%s: sliding surface within %.3g meV/atom of the reference's", work.training.title, largest)
        record = Record(
            metrics=metrics,
            data={
                "reference": reference.path.name,
                "reference_sha256": reference.sha256,
                "level_of_theory": "as given by the user" if self.options.reference else scale.level_of_theory,
                "sliding": len(energies.slide),
                "layers_apart": [round(height, 4) for height in energies.height],
                "distances": len(energies.distance),
            },
            model={"name": job.model, **provenance},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "key": self._key(work),
                "training": job.training_key,
                "training_record": work.test.id,
                "seed": job.request.seed,
                "precision": job.request.dtype,
                "device": job.request.device,
                "batch_size": job.batch_size,
            },
            environment=where(),
        )
        return record, energies

    def _cost(self, trainings: Sequence[Task[TrainingWork]]) -> tuple[float | None, float | None, str]:
        """Minutes; or GPU-days with their basis, if nothing limits the time."""
        scale, table_scale = self.card.scale(self.options.scale), self._table.card.scale(self.options.scale)
        limits = [task.seconds for task in trainings]
        if not trainings:
            return 0.0, None, ""
        if None not in limits and scale.minutes is not None:
            return scale.minutes + sum(limit for limit in limits if limit) / 60, None, ""
        from alphanet.benchmark.kinds.accuracy.estimate import gpu_days

        return None, *gpu_days([(task.work.training, table_scale) for task in trainings])

    def _cost_text(self, trainings: int, minutes: float | None, days: float | None) -> str:
        if not trainings:
            return "nothing can be trained"
        text = f"{trainings} training{'s' if trainings > 1 else ''}, unless {self.card.trained.table} has run: "
        if minutes is None:
            return text + ("unknown" if days is None else f"about {days:.2g} GPU-days, estimated")
        beside = self.card.scale(self.options.scale).minutes or 0.0
        return text + f"about {durations.words(60 * minutes)} with it, {durations.words(60 * beside)} without"
