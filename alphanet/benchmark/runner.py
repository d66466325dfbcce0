"""The one runner: plan, select, resume, divide the budget, measure, judge, draw, and write one typed result."""

import logging
import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from alphanet import durations
from alphanet.benchmark.budget import Budget
from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.claims.evaluation import evaluate_claims
from alphanet.benchmark.findings import Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.judging import RULE
from alphanet.benchmark.kind import COMMON, Kind, NothingToMeasureError, Plan, RunOptions, Task
from alphanet.benchmark.kinds import kind_of
from alphanet.benchmark.selection import all_places, selected_places
from alphanet.errors import UserError, did_you_mean
from alphanet.hardware import resolve_device
from alphanet.provenance import where
from alphanet.results.facts import cell_facts
from alphanet.results.records import Facts, Record, RecordLog
from alphanet.results.schema import RESULTS, BenchmarkResult, Cell, Figure, Provenance, read_result

logger = logging.getLogger(__name__)

RECORDS = "records.jsonl"


def run_benchmark(card: AnyCard, options: RunOptions) -> BenchmarkResult:
    """Measure the missing cells of `card`; write figures and `results.json` into `options.out / card.name`.

    If a task fails, only its own cells are lost; `failures` of the result gives the reason.

    Raises:
        UserError: the card does not have the scale, a row or a column in the options, its kind does not use an option,
            or the folder cannot be written.
    """
    require_useful(card, options)
    card.scale(options.scale)
    kind = kind_of(card.kind)(card, options.model_copy(update={"device": resolve_device(options.device)}))
    logger.info("%s: records, figures and results.json; the same command resumes", kind.folder)
    run = _Run(card, options, kind)
    run.measure(kind.plan())
    result = _result(card, options, kind, run)
    result.write(kind.folder)
    return result


def require_useful(card: AnyCard, options: RunOptions) -> None:
    """Check that the kind of `card` uses every option that differs from its default.

    Raises:
        UserError: it does not use one of them.
    """
    useful = COMMON | kind_of(card.kind).uses
    for name in options.given():
        if name not in useful:
            raise UserError(
                f"{card.name} is a benchmark of kind {card.kind}, which has no use for {name}"
                f"{did_you_mean(name, useful)}"
            )


class _Run:
    """The tasks of one run, and the findings of their cells."""

    def __init__(self, card: AnyCard, options: RunOptions, kind: Kind[Any, Any]) -> None:
        self.findings = Findings()
        self.selected = selected_places(card, options.only)
        self.before = _result_before(kind.folder, options)
        self._card, self._options, self._kind = card, options, kind
        self._log = RecordLog(kind.folder / RECORDS)
        self._earlier = [] if options.restart else list(self._log.records)
        self._failed: set[tuple[Place, ...]] = set()
        self._needs: dict[str, float | None] = {}  # title of a task -> estimated seconds

    @property
    def broken(self) -> list[str]:
        """Messages about broken lines of the log of records."""
        return self._log.problems

    def figures_kept(self, drawn: Collection[str]) -> list[Figure]:
        """Figures of cells that were not selected, from the folder's earlier result; `drawn` are the names of this run.

        If a selected cell has lost its number, its own older figures cannot be told from theirs, and all are left out.
        """
        lost = self.selected & _measured_in(self.before).keys() - self.findings.records.keys()
        if self.before is None or lost:
            return []
        return [figure for figure in self.before.figures if figure.name not in drawn]

    def measure(self, plan: Plan[Any]) -> None:
        """Measure the tasks of `plan` that fill selected cells; a failure does not stop the others."""
        tasks = self._selected(plan, self.selected)
        prepared = [ready for task in tasks if (ready := self._prepared(task)) is not None]
        budget = self._budget(prepared)
        for task in prepared:
            self._measure(task, budget)

    def _selected(self, plan: Plan[Any], selected: set[Place]) -> list[Task[Any]]:
        """The tasks of selected cells; every other cell gets its reason."""
        filled = {place for task in plan.tasks for place in task.places}
        measured = _measured_in(self.before)
        for place in all_places(self._card):
            if place not in selected and place in measured:
                self.findings.records[place] = measured[place]
            elif place not in selected:
                self.findings.missing[place] = "left out by the selection"
            elif place in plan.impossible or place in plan.on_demand:
                self.findings.missing[place] = plan.impossible.get(place) or plan.on_demand[place]
            elif place not in filled:
                self.findings.missing[place] = f"the protocol of scale {self._options.scale} does not measure it"
        if self.before:
            others = [one for place, some in measured.items() if place not in selected for one in some]
            numbers = {one.id for some in measured.values() for one in some}
            self._keep_beside(others, self.before.records.values(), lambda one: one.id in numbers)
        selected_tasks = ((task, tuple(place for place in task.places if place in selected)) for task in plan.tasks)
        return [replace(task, places=places) for task, places in selected_tasks if places]

    def _prepared(self, task: Task[Any]) -> Task[Any] | None:
        try:
            return self._kind.prepare(task)
        except NothingToMeasureError as error:
            self._not_run(task, task.places, str(error))
            return None
        except UserError as error:
            self._fail(task, error)
            return None

    def _budget(self, tasks: list[Task[Any]]) -> Budget | None:
        """The running budget; estimates that have to be measured first are part of it."""
        if self._options.budget is None:
            return None
        budget = Budget(self._options.budget, {})
        for task in tasks:
            seconds: float | None = 0.0
            if self._open(task, self._kept(task)):
                seconds = self._estimate(task, budget) if task.whole and task.seconds != 0 else task.seconds
            budget.expect({task.title: seconds})
        return budget

    def _estimate(self, task: Task[Any], budget: Budget) -> float | None:
        try:
            seconds = self._kind.estimate(task, budget.left)
        except UserError as error:
            logger.warning("%s: its time could not be estimated: %s", task.title, error)
            seconds = None
        self._needs[task.title] = seconds
        return seconds

    def _measure(self, task: Task[Any], budget: Budget | None) -> None:
        earlier = self._kept(task)
        places = self._open(task, earlier)
        for place, record in earlier.items():
            self._add(place, record)
        if earlier:
            self._keep_beside(
                earlier.values(), self._earlier, lambda one: any(self._kind.keeps(task, at, one) for at in task.places)
            )
            self._kind.keep(task, earlier)
        if not places or task.places in self._failed:
            logger.info("%s: %s", task.title, "failed with another seed" if places else "finished before, kept")
            return
        seconds = task.seconds
        if budget is not None:
            left = budget.left
            share = (0.0 if budget.fits(task.title) else None) if task.whole else budget.share(task.title)
            if share is None:
                self._not_run(task, places, self._no_time(task, left))
                return
            seconds = share or task.seconds
        logger.info("%s", task.title)
        try:
            for finding in self._kind.measure(task, places, seconds):
                self._take(finding)
        except UserError as error:
            self._fail(task, error)

    def _take(self, finding: Measured | Missing) -> None:
        if isinstance(finding, Missing):
            self._miss(finding.places, finding.reason, finding.metrics)
            if finding.failed:
                failure = f"{_named(finding.places)}: {finding.reason}"
                if failure not in self.findings.failures:  # several tasks of one place may fail alike
                    self.findings.failures.append(failure)
                logger.warning("%s failed: %s", _named(finding.places), finding.reason)
            return
        record = self._log.add(finding.record)
        for place in finding.places:
            self._add(place, record)
        if not finding.places:
            self.findings.beside.append(record)

    def _kept(self, task: Task[Any]) -> dict[Place, Record]:
        """The newest earlier record of each cell that is finished."""
        records: dict[Place, Record] = {}
        for record in self._earlier:
            records |= {place: record for place in task.places if self._kind.keeps(task, place, record)}
        return records

    def _keep_beside(self, kept: Iterable[Record], earlier: Iterable[Record], fills: Callable[[Record], bool]) -> None:
        """Keep what was measured beside the numbers of finished cells, such as errors on the frames of the training.

        Args:
            kept: records of finished cells.
            earlier: records among which those with the same key and model are looked for.
            fills: whether a record is the number of a cell.
        """
        models: dict[JsonValue, Facts] = {
            key: record.model for record in kept if (key := record.protocol.get("key")) is not None
        }
        self.findings.beside += [
            record
            for record in earlier
            if models.get(record.protocol.get("key")) == record.model
            and record not in self.findings.beside
            and not fills(record)
        ]

    @staticmethod
    def _open(task: Task[Any], earlier: Mapping[Place, Record]) -> tuple[Place, ...]:
        return tuple(place for place in task.places if place not in earlier)

    def _no_time(self, task: Task[Any], left: float) -> str:
        """The reason why a task does not begin, `left` seconds before the budget ends."""
        needed = self._needs.get(task.title) if task.whole else task.seconds
        needs = "needs a time that is not known" if needed is None else f"needs about {durations.words(needed)}"
        whole = durations.words(60 * (self._options.budget or 0.0))
        reason = f"{needs}, {durations.words(left)} left of the budget of {whole}"
        if task.whole:
            reason += "; nothing is cut short to fit"
        return reason

    def _not_run(self, task: Task[Any], places: tuple[Place, ...], reason: str) -> None:
        logger.warning("%s: not run: %s", task.title, reason)
        self._miss(places, reason)

    def _add(self, place: Place, record: Record) -> None:
        self.findings.records.setdefault(place, []).append(record)

    def _miss(self, places: tuple[Place, ...], reason: str, metrics: tuple[str, ...] = ()) -> None:
        keys: list[tuple[str, ...]] = [(*place, metric) for place in places for metric in metrics]
        keys = keys or list(places)
        self.findings.missing |= dict.fromkeys(keys, reason)

    def _fail(self, task: Task[Any], error: UserError) -> None:
        self._failed.add(task.places)
        empty = tuple(place for place in task.places if place not in self.findings.records)
        self._miss(empty, str(error))
        self.findings.failures.append(f"{task.title}: {error}")
        logger.warning("%s failed: %s", task.title, error)


def _result_before(folder: Path, options: RunOptions) -> BenchmarkResult | None:
    """The folder's result, if it is of the same scale and options.

    A run of some cells keeps the numbers and figures that an earlier run measured for other cells.
    """
    try:
        earlier = read_result(folder / RESULTS)
    except UserError:  # there is no result yet, or one of another version, which this run replaces
        return None
    same = earlier.scale == options.scale and _settings(earlier.options) == _settings(options.given())
    return earlier if same else None


def _measured_in(result: BenchmarkResult | None) -> dict[Place, list[Record]]:
    """The records of its cells."""
    return {
        (cell.row, cell.column): [result.records[name] for name in cell.records if name in result.records]
        for cell in (result.cells if result else ())
        if result and cell.records
    }


def _settings(given: Facts) -> dict[str, JsonValue]:
    """The options that every number depends on; more seeds leave those of the first ones as they are."""
    return {name: value for name, value in given.items() if name not in COMMON | {"mirror", "max_time", "seeds"}}


def _result(card: AnyCard, options: RunOptions, kind: Kind[Any, Any], run: _Run) -> BenchmarkResult:
    findings = run.findings
    cells, shown = kind.cells(findings), kind.show(findings)
    kept = run.figures_kept({figure.name for figure in shown.figures})
    settings = card.scale(options.scale)
    deviations = kind.deviations(findings)
    reason = settings.reason or ", ".join(deviations)
    records = {record.id: record for records in findings.records.values() for record in records}
    records |= {record.id: record for record in findings.beside}
    return BenchmarkResult(
        kind=card.kind,
        form=card.form,
        name=card.name,
        title=card.title,
        scale=options.scale,
        scales=tuple(card.scales),
        source=card.source,
        protocol=settings.protocol,
        conditions=shown.conditions,
        comparable=not reason,
        reason=reason,
        when=max((record.when for record in records.values()), default=""),
        across=card.across,
        trivial=tuple(name for name, row in card.rows.items() if row.trivial),
        cells=tuple(cells),
        claims=tuple(evaluate_claims(card, options.scale, kind.samples(findings), findings, deviations)),
        grids=tuple(shown.grids),
        curves=tuple(shown.curves),
        figures=(*shown.figures, *kept),
        notes=_notes(card, cells, shown),
        problems=_problems(card, findings, shown, run.broken),
        failures=tuple(findings.failures),
        records=records,
        origins=shown.origins
        | {cell.origin: cell_facts([records[key] for key in cell.records]) for cell in cells if cell.origin},
        options=options.given(),
        provenance=this_process(),
    )


def this_process() -> Provenance:
    """Command, machine, versions and code of this process."""
    return Provenance(command=shlex.join(["alphanet", *sys.argv[1:]]), **where())


def _notes(card: AnyCard, cells: list[Cell], shown: Shown) -> tuple[str, ...]:
    rule = [RULE] if any(cell.comparable or cell.inconsistent for cell in cells) else []
    rows = [row.note for row in card.rows.values() if row.note]
    return tuple(dict.fromkeys([*rule, *rows, *card.notes, *shown.notes]))


def _problems(card: AnyCard, findings: Findings, shown: Shown, broken: Sequence[str]) -> tuple[str, ...]:
    """Messages about broken records, of the kind, and about rows without a number if the benchmark has no cells."""
    if card.metrics:
        return (*broken, *shown.problems)
    missing = (f"{'/'.join(filter(None, place))}: not run: {why}" for place, why in findings.missing.items())
    return (*broken, *shown.problems, *missing)


def _named(places: tuple[Place, ...]) -> str:
    return ", ".join("/".join(filter(None, place)) for place in places)
