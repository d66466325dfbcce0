"""Reproduce a table of accuracies: every potential on every data set, step by step, whatever fails beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from alphanet.data.prepare import PreparedData, prepare
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.parity import ParitySample
from alphanet.paper.benchmark import Benchmark, Run, Scale
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.steps import Step, finished, run_step, samples_of
from alphanet.paper.trainers import Job, Report, Trainer, trainer_of
from alphanet.results import Record, read_records


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    scale: str
    folder: Path  # of the table
    device: str
    seeds: int = 1
    epochs: int | None = None
    max_time: float | None = None  # seconds of each training
    models: tuple[str, ...] = ()  # none: all
    datasets: tuple[str, ...] = ()  # none: all
    mirror: str | None = None
    restart: bool = False


@dataclass
class Outcome:
    """What came of it."""

    cells: list[Cell] = field(default_factory=list)
    records: dict[Place, list[Record]] = field(default_factory=dict)
    samples: dict[Place, dict[str, ParitySample]] = field(default_factory=dict)  # of the first seed
    missing: dict[Place, str] = field(default_factory=dict)  # why there is no number
    failures: list[str] = field(default_factory=list)


def reproduce(benchmark: Benchmark, options: Options, report: Report) -> Outcome:
    """Run every step that is not finished yet and build the cells.

    A potential that cannot be trained, or a data set that cannot be had, costs only its own cells.

    Raises:
        UserError: the options name a scale, model or data set that the benchmark does not have.
    """
    scale = benchmark.scale(options.scale)
    rows = _chosen(options.models, {row.model: name for name, row in benchmark.rows.items()}, "--models")
    columns = _chosen(options.datasets, {c.dataset: name for name, c in benchmark.columns.items()}, "--datasets")
    if scale.threads:
        import torch

        torch.set_num_threads(scale.threads)  # the baselines' workers are given the same number
    runner = _Runner(benchmark, scale, options, report)
    for column in benchmark.columns:
        asked = [row for row in benchmark.rows if row in rows and column in columns]
        runner.leave_out(column, set(benchmark.rows) - set(asked))
        if asked:
            runner.run_column(column, asked)
    outcome, deviations = runner.outcome, _deviations(scale, options)
    outcome.cells = build_cells(
        benchmark, options.scale, outcome.records, missing=outcome.missing, deviations=deviations
    )
    return outcome


class _Runner:
    """Runs the steps of one reproduction and collects what comes of them."""

    def __init__(self, benchmark: Benchmark, scale: Scale, options: Options, report: Report) -> None:
        self.outcome = Outcome()
        self._benchmark, self._scale, self._options, self._report = benchmark, scale, options, report
        self._log = options.folder / "records.jsonl"
        self._earlier = read_records(self._log, report)

    def leave_out(self, column: str, rows: Iterable[str]) -> None:
        self._miss(column, rows, "left out by --models or --datasets")

    def run_column(self, column: str, rows: Sequence[str]) -> None:
        if column in self._scale.unavailable:
            self._miss(column, rows, f"needs {self._scale.unavailable[column]}")
            return
        dataset, options = self._benchmark.columns[column].dataset, self._options
        try:
            data = prepare(dataset, options.scale, mirror=options.mirror, report=self._report)
        except UserError as error:
            self._miss(column, rows, str(error))
            self._fail(column, error)
            return
        for row in rows:
            try:
                self._run_row(row, column, data)
            except UserError as error:
                self._miss(column, [row], str(error))
                self._fail(f"{row} on {column}", error)

    def _run_row(self, row: str, column: str, data: PreparedData) -> None:
        model = self._benchmark.rows[row].model
        run = self._scale.runs.get(model, {}).get(column)
        if run is None:
            self._miss(column, [row], f"the protocol of scale {self._options.scale} does not train it")
            return
        trainer = trainer_of(model)
        for seed in range(self._options.seeds if trainer.seeded else 1):
            step = self._step(model, trainer, run, data, seed)
            record = self._record(step, f"{row} on {column}, seed {seed}")
            self.outcome.records.setdefault((row, column), []).append(record)
            if seed == 0:
                self.outcome.samples[row, column] = samples_of(step)

    def _step(self, model: str, trainer: Trainer, run: Run, data: PreparedData, seed: int) -> Step:
        options, scale = self._options, self._scale
        return Step(
            protocol=f"{self._benchmark.name}/{options.scale}",
            model=model,
            trainer=trainer,
            job=Job(
                data=data,
                settings=run.settings,
                seed=seed,
                dtype=scale.dtype,
                device=options.device,
                epochs=options.epochs or scale.epochs,
                max_time=options.max_time or scale.max_time,
            ),
            batch_size=run.batch_size,
            parity_frames=scale.parity_frames,
            runs=options.folder / "runs",
            log=self._log,
        )

    def _record(self, step: Step, title: str) -> Record:
        record = None if self._options.restart else finished(step, self._earlier)
        if record:
            self._report(f"{title}: finished before, kept")
            return record
        self._report(f"{title}: {step.folder}")
        return run_step(step, self._report, restart=self._options.restart)

    def _miss(self, column: str, rows: Iterable[str], why: str) -> None:
        self.outcome.missing |= {(row, column): why for row in rows}

    def _fail(self, what: str, error: UserError) -> None:
        self.outcome.failures.append(f"{what}: {error}")
        self._report(f"{what} failed: {error}")


def _deviations(scale: Scale, options: Options) -> list[str]:
    """What the options change in the protocol."""
    changed = []
    if options.epochs and options.epochs != scale.epochs:
        changed.append(f"--epochs {options.epochs}")
    if options.max_time and options.max_time != scale.max_time:
        changed.append(f"--max-time {options.max_time:g}")
    return changed


def _chosen(asked: Sequence[str], known: dict[str, str], option: str) -> set[str]:
    """The rows or columns of the asked models or data sets; all where none is asked."""
    for name in asked:
        if name not in known:
            raise UserError(f"{option}: unknown {name!r}{did_you_mean(name, known)}")
    return {known[name] for name in asked} if asked else set(known.values())
