"""Reproduce a table of accuracies: every potential on every data set, step by step, whatever fails beside it."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alphanet.data.prepare import PreparedData, prepare
from alphanet.data.subsets import training_subset
from alphanet.errors import UserError
from alphanet.measure.parity import ParitySample
from alphanet.paper.benchmark import Benchmark, Scale
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.choosing import chosen_places
from alphanet.paper.plan import Training, plan
from alphanet.paper.steps import Step, finished, run_step, samples_of
from alphanet.paper.time_budget import TimeBudget
from alphanet.paper.trainers import Job, Report, Trainer, trainer_of
from alphanet.results import Record, read_records


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    scale: str
    folder: Path  # of the table
    device: str
    seeds: int | None = None  # trainings of each model; none: the card's number
    epochs: int | None = None
    max_time: float | None = None  # seconds of each training
    budget: float | None = None  # minutes of everything that is not finished
    only: tuple[str, ...] = ()  # ROW, COLUMN or ROW/COLUMN; none: all
    models: tuple[str, ...] = ()  # none: all
    datasets: tuple[str, ...] = ()  # none: all
    mirror: str | None = None
    restart: bool = False
    kept_only: bool = False  # take what is finished, train nothing


@dataclass(frozen=True)
class Parity:
    """Predicted against reference values of one training, its first seed."""

    name: str  # of its files
    title: str
    samples: dict[str, ParitySample]  # by split


@dataclass
class Outcome:
    """What came of it."""

    cells: list[Cell] = field(default_factory=list)
    records: dict[Place, list[Record]] = field(default_factory=dict)
    parities: list[Parity] = field(default_factory=list)
    steps: dict[Place, Step] = field(default_factory=dict)  # finished ones, of the first seed
    missing: dict[Place, str] = field(default_factory=dict)  # why there is no number
    failures: list[str] = field(default_factory=list)


def reproduce(benchmark: Benchmark, options: Options, report: Report) -> Outcome:
    """Run every step that is not finished yet and build the cells.

    A potential that cannot be trained, or a data set that cannot be had, costs only its own cells.

    Raises:
        UserError: the options name a scale, row, column, model or data set that the benchmark does not have.
    """
    scale = benchmark.scale(options.scale)
    asked = chosen_places(benchmark, options.only, options.models, options.datasets)
    if scale.threads:
        import torch

        torch.set_num_threads(scale.threads)  # the baselines' workers are given the same number
    runner = _Runner(benchmark, scale, options, report)
    trainings = plan(benchmark, scale, asked)
    runner.tell_what_is_left_out(asked, trainings)
    runner.run(trainings)
    outcome = runner.outcome
    outcome.cells = build_cells(
        benchmark,
        options.scale,
        outcome.records,
        missing=outcome.missing,
        deviations=_deviations(scale, options, outcome),
    )
    return outcome


@dataclass(frozen=True)
class _Todo:
    """A training with one seed, and what is known of it already."""

    training: Training
    step: Step
    kept: dict[str, Record]  # test records by column

    @property
    def open(self) -> list[str]:
        """Columns that are not measured yet."""
        return [column for column in self.training.columns if column not in self.kept]

    @property
    def takes_time(self) -> bool:
        """Whether it shares a budget; what has nothing random is not trained step by step."""
        return bool(self.open) and self.step.trainer.seeded

    @property
    def title(self) -> str:
        """What reports call it."""
        return f"{self.training.title}, seed {self.step.job.seed}"


class _Runner:
    """Runs the steps of one reproduction and collects what comes of them."""

    def __init__(self, benchmark: Benchmark, scale: Scale, options: Options, report: Report) -> None:
        self.outcome = Outcome()
        self._benchmark, self._scale, self._options, self._report = benchmark, scale, options, report
        self._log = options.folder / "records.jsonl"
        self._earlier = read_records(self._log).records
        self._budget: TimeBudget | None = None  # begins when data and environments are there

    def tell_what_is_left_out(self, asked: Collection[Place], trainings: Iterable[Training]) -> None:
        """Why cells that no training fills have no number."""
        filled = {place for training in trainings for place in training.cells}
        for place in ((row, column) for row in self._benchmark.rows for column in self._benchmark.columns):
            if place not in asked:
                self._miss([place], "left out by --only, --models or --datasets")
            elif place[1] in self._scale.unavailable:
                self._miss([place], f"needs {self._scale.unavailable[place[1]]}")
            elif place not in filled:
                needs = self._scale.untrained.get(self._benchmark.rows[place[0]].run_key)
                untold = f"the protocol of scale {self._options.scale} does not train it"
                self._miss([place], f"needs {needs}" if needs else untold)

    def run(self, trainings: Sequence[Training]) -> None:
        """All steps, the first seed of every training before the second of any."""
        todo = self._prepared(trainings)
        if self._options.budget is not None:
            self._budget = TimeBudget(self._options.budget)
        waiting = sum(one.takes_time for one in todo)
        failed: list[Training] = []
        for one in todo:
            if one.training not in failed:
                try:
                    self._run_one(one, waiting)
                except UserError as error:
                    failed.append(one.training)
                    self._fail(one.training.cells, one.title, error)
            waiting -= one.takes_time

    def _prepared(self, trainings: Sequence[Training]) -> list[_Todo]:
        """Every training with every seed; those whose data or potential cannot be had are told and left out."""
        found = []
        for dataset in dict.fromkeys(training.dataset for training in trainings):
            of_it = [training for training in trainings if training.dataset == dataset]
            try:
                data = prepare(dataset, self._options.scale, mirror=self._options.mirror)
            except UserError as error:
                self._fail([place for training in of_it for place in training.cells], dataset, error)
                continue
            for training in of_it:
                try:
                    found += self._seeds(training, data)
                except UserError as error:
                    self._fail(training.cells, training.title, error)
        return sorted(found, key=lambda one: one.step.job.seed)

    def _seeds(self, training: Training, data: PreparedData) -> list[_Todo]:
        trainer = trainer_of(training.model)
        any_time = self._options.budget is not None
        seeds = (self._options.seeds or self._scale.seeds) if trainer.seeded else 1
        steps = [self._step(training, trainer, data, seed) for seed in range(seeds)]
        earlier = [] if self._options.restart else self._earlier
        found = [_Todo(training, step, finished(step, earlier, any_time=any_time)) for step in steps]
        if any(one.open for one in found) and not self._options.kept_only:
            trainer.prepare(self._report)
        return found

    def _step(self, training: Training, trainer: Trainer, data: PreparedData, seed: int) -> Step:
        options, scale, runs = self._options, self._scale, self._options.folder / "runs"
        if training.train_frames is not None:
            data = training_subset(data, training.train_frames, seed, runs / "subsets")
        return Step(
            protocol=f"{self._benchmark.name}/{options.scale}",
            name=training.key,
            model=training.model,
            trainer=trainer,
            job=Job(
                data=data,
                settings=training.run.settings,
                seed=seed,
                dtype=scale.dtype,
                device=options.device,
                epochs=options.epochs or scale.epochs,
                max_time=options.max_time or scale.max_time,
                train_frames=training.train_frames,
            ),
            only={column: self._benchmark.columns[column].only for column in training.columns},
            splits=("train", "valid", "test") if self._benchmark.parity else ("test",),
            batch_size=training.run.batch_size,
            parity_frames=scale.parity_frames,
            s2ef=self._benchmark.s2ef,
            runs=runs,
            log=self._log,
        )

    def _run_one(self, one: _Todo, waiting: int) -> None:
        """Train and evaluate what is open of `one`; `waiting` trainings share what is left of the budget."""
        records = dict(one.kept)
        if one.open and self._options.kept_only:
            self._miss(one.training.cells, "not finished")
            return
        if one.open:
            step = self._within_budget(one, waiting)
            if step is None:
                return
            self._report(f"{one.title}: {step.folder}")
            records |= run_step(step, one.open, self._report, restart=self._options.restart)
        else:
            self._report(f"{one.title}: finished before, kept")
        for row, column in one.training.cells:
            self.outcome.records.setdefault((row, column), []).append(records[column])
        if one.step.job.seed == 0:
            self.outcome.steps |= dict.fromkeys(one.training.cells, one.step)
        if one.step.job.seed == 0 and self._benchmark.parity:
            self.outcome.parities.append(self._parity(one, list(records.values())))

    def _within_budget(self, one: _Todo, waiting: int) -> Step | None:
        """The step with its share of the budget as its limit on time; none where there is no time for it."""
        job = one.step.job
        if self._budget is None or not one.takes_time:
            return one.step
        seconds = self._budget.seconds(waiting)
        if seconds is None:
            needs = "as long as its epochs take" if job.max_time is None else f"up to {job.max_time:g} s"
            why = f"no time left of --budget {self._budget.minutes:g} minutes; its training needs {needs}"
            self._report(f"{one.title}: {why}")
            self._miss(one.training.cells, why)
            return None
        limit = round(seconds if job.max_time is None else min(seconds, job.max_time), 1)
        return dataclasses.replace(one.step, job=dataclasses.replace(job, max_time=limit))

    def _parity(self, one: _Todo, records: Sequence[Record]) -> Parity:
        training = one.training
        described = self._benchmark.columns[training.columns[0]].title
        on = described if len(training.columns) == 1 else training.dataset
        title = f"{' and '.join(training.rows)} on {on}, scale {self._options.scale}, seed 0"
        return Parity(f"parity_{training.place}_{training.key}", title, samples_of(one.step, records))

    def _miss(self, places: Iterable[Place], why: str) -> None:
        self.outcome.missing |= dict.fromkeys(places, why)

    def _fail(self, places: Iterable[Place], what: str, error: UserError) -> None:
        self._miss(places, str(error))
        self.outcome.failures.append(f"{what}: {error}")
        self._report(f"{what} failed: {error}")


def _deviations(scale: Scale, options: Options, outcome: Outcome) -> list[str]:
    """What the options change in the protocol."""
    changed = []
    if options.epochs and options.epochs != scale.epochs:
        changed.append(f"--epochs {options.epochs}")
    if options.max_time and options.max_time != scale.max_time:
        changed.append(f"--max-time {options.max_time:g}")
    limits = {record.how["limits"]["seconds"] for records in outcome.records.values() for record in records}
    if options.budget and limits - {options.max_time or scale.max_time}:
        changed.append(f"--budget {options.budget:g}")
    return changed
