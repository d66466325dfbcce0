"""Figure 1: one training of a table shown as parity plots, and its landscape of sliding layers."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphanet.data.cards import load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.landscape import Landscape, Reference, measure_landscape, read_reference
from alphanet.measure.parity import ParitySample
from alphanet.paper import reproduce as tables
from alphanet.paper.benchmark import Benchmark, load_benchmark
from alphanet.paper.landscape_cards import LandscapeFigure, LandscapeProtocol
from alphanet.paper.steps import Step, open_trained, samples_of
from alphanet.paths import resources
from alphanet.provenance import where
from alphanet.results import Record, append_record, read_records

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    scale: str
    runs: Path  # folder of runs; the figure's and the table's folders are in it
    device: str
    models: tuple[str, ...] = ()  # models of rows, as `--models` of the table; none: those of the paper's figure
    minutes: float | None = None  # of all trainings that are not finished
    reference: Path | None = None  # instead of the card's
    mirror: str | None = None
    restart: bool = False


@dataclass
class Outcome:
    """What came of each row."""

    samples: dict[str, dict[str, ParitySample]] = field(default_factory=dict)
    landscapes: dict[str, Landscape] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)  # of the landscapes
    missing: dict[str, str] = field(default_factory=dict)  # why a row has no landscape
    failures: list[str] = field(default_factory=list)
    deviations: dict[str, str] = field(default_factory=dict)  # of a row, from the protocol


def measure_figure(card: LandscapeFigure, options: Options, report: Report) -> Outcome:
    """Train what no run of the table has trained, and measure the landscape of every row.

    Raises:
        UserError: the options name a scale or row that the card does not have, or the reference is none.
    """
    protocol, outcome = card.scale(options.scale), Outcome()
    rows = _asked(card, options.models)
    table = load_benchmark(card.trained.table)
    reference = _reference(protocol, options, table.columns[card.trained.column].dataset)
    steps = _trained(card, table, rows, options, outcome, report)
    for row, step in steps.items():
        if reference is None:
            outcome.missing[row] = f"needs {protocol.needs}"
            continue
        try:
            _measure(card, row, step, reference, protocol, options, outcome, report)
        except UserError as error:
            outcome.missing[row] = str(error)
            outcome.failures.append(f"{row}: {error}")
    return outcome


def _asked(card: LandscapeFigure, models: tuple[str, ...]) -> list[str]:
    known = {row.model: name for name, row in card.rows.items()}
    for model in models:
        if model not in known:
            raise UserError(f"--models: unknown {model!r}{did_you_mean(model, known)}")
    return [name for name, row in card.rows.items() if (row.model in models if models else name in card.drawn)]


def _reference(protocol: LandscapeProtocol, options: Options, dataset: str) -> Reference | None:
    if options.reference is None and protocol.reference is None:
        return None
    path = options.reference or resources("datasets") / str(protocol.reference)
    return read_reference(path, load_card(dataset).elements)


def _trained(
    card: LandscapeFigure, table: Benchmark, rows: list[str], options: Options, outcome: Outcome, report: Report
) -> dict[str, Step]:
    """The trained steps by row: from a run of the table, where it finished them by its protocol, else from here."""
    column, steps, waiting = card.trained.column, {}, list(rows)
    for folder, shared in ((options.runs / table.name, True), (options.runs / card.name, False)):
        if not waiting or (shared and options.restart):
            continue
        asked = tables.Options(
            scale=options.scale,
            folder=folder,
            device=options.device,
            budget=options.minutes,
            only=tuple(f"{row}/{column}" for row in waiting),
            mirror=options.mirror,
            restart=options.restart,
            kept_only=shared,
        )
        found = tables.reproduce(table, asked, report)
        for row in [row for row in waiting if (row, column) in found.steps]:
            steps[row], (record,) = found.steps[row, column], found.records[row, column]
            outcome.samples[row] = samples_of(steps[row], [record])
            if record.how["limits"]["seconds"] != table.scale(options.scale).max_time:
                outcome.deviations[row] = f"--budget {options.minutes:g}"
            waiting.remove(row)
        if not shared:
            outcome.missing |= {row: found.missing[row, column] for row in waiting}
            outcome.failures += found.failures
    return {row: steps[row] for row in rows if row in steps}


def _measure(
    card: LandscapeFigure,
    row: str,
    step: Step,
    reference: Reference,
    protocol: LandscapeProtocol,
    options: Options,
    outcome: Outcome,
    report: Report,
) -> None:
    with closing(open_trained(step)) as potential:
        landscape = measure_landscape(potential, reference, batch_size=step.batch_size)
        provenance = potential.provenance()
    metrics = landscape.metrics()
    report(f"{row}: sliding surface within {1e3 * metrics['sliding_max_difference']:.3g} meV/atom of the reference's")
    record = Record(
        what=metrics,
        on={
            "reference": reference.path.name,
            "reference_sha256": reference.sha256,
            "level_of_theory": protocol.level_of_theory if options.reference is None else "as given by the user",
            "sliding": len(landscape.slide),
            "layers_apart": [round(height, 4) for height in landscape.height],
            "distances": len(landscape.distance),
        },
        model={"name": step.model, **provenance},
        how={
            "protocol": f"{card.name}/{options.scale}",
            "training": step.training_key,
            "limits": {"epochs": step.job.epochs, "seconds": step.job.max_time},
            "seed": step.job.seed,
            "precision": step.job.dtype,
            "device": step.job.device,
            "batch_size": step.batch_size,
        },
        where=where(),
    )
    outcome.landscapes[row] = landscape
    outcome.records[row] = _kept(record, options.runs / card.name / "records.jsonl")


def _kept(record: Record, log: Path) -> Record:
    """The record in the log: an earlier one that says the same, else this one, appended."""
    for earlier in read_records(log).records:
        if _said(earlier) == _said(record):
            return earlier
    append_record(log, record)
    return record


def _said(record: Record) -> tuple[dict[str, Any], ...]:
    return record.what, record.on, record.model, record.how
