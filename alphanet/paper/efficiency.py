"""Measure what the paper says of speed: sweeps of `bench speed` with a card's models and protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.speed.contestants import Setting, contestant, make_environments
from alphanet.measure.speed.sweep import Sweep, run_sweep
from alphanet.paper.benchmark import Row
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.speed_cards import SpeedFigure, SpeedProtocol, SpeedTable, deviations
from alphanet.paper.timed_steps import gigabytes_a_sample, timing_protocol
from alphanet.provenance import hardware, where
from alphanet.results import Record, append_record, read_records

TASK_OF = {"inference": "step", "training": "train"}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    scale: str
    folder: Path  # of the table or figure
    device: str = "cpu"
    threads: int = 1
    mode: str = "eager"
    structures: str | None = None  # instead of the card's
    models: tuple[str, ...] = ()  # rows; none: all
    minutes: float | None = None  # of all sweeps together, instead of the card's
    memory_limit: int | None = None
    seed: int = 0
    restart: bool = False

    @property
    def setting(self) -> Setting:
        """What all contestants have in common."""
        return Setting("untrained", "float32", self.device, self.threads, self.seed)


@dataclass
class Outcome:
    """What came of a table."""

    cells: list[Cell] = field(default_factory=list)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def measure_figure(
    card: SpeedFigure, options: Options, tasks: tuple[str, ...], report: Report
) -> tuple[dict[str, Any], dict[str, str]]:
    """The sweep of a figure, and why rows are missing from it.

    Raises:
        UserError: the options name a scale or row that the card does not have, or no row can be measured.
    """
    protocol = card.scale(options.scale)
    rows, missing = _ready(card.rows, options, report)
    minutes = options.minutes or protocol.minutes
    sweep = _sweep([row.model for row in rows.values()], protocol, options, tasks, minutes)
    return run_sweep(sweep, options.folder, report, restart=options.restart), missing


def measure_table(card: SpeedTable, options: Options, report: Report) -> Outcome:
    """Inference and training of every row of a table, and its cells.

    Raises:
        UserError: the options name a scale or row that the card does not have, or no row can be measured.
    """
    protocol, (column,) = card.scale(options.scale), card.columns
    rows, missing = _ready(card.rows, options, report)
    reasons: dict[Place, str] = {(row, column): why for row, why in missing.items()}
    values: dict[str, dict[str, float]] = {row: {} for row in rows}
    outcome = Outcome(failures=[f"{row}: {why}" for row, why in missing.items()])
    for part, task in TASK_OF.items():
        minutes = options.minutes / len(TASK_OF) if options.minutes else protocol.minutes
        sweep = _sweep([row.model for row in rows.values()], protocol, options, (task,), minutes)
        summary = run_sweep(sweep, options.folder / part, report, restart=options.restart)
        outcome.summaries[part] = summary
        for row, described in rows.items():
            point = next(point for point in summary["points"] if point["model"] == described.model)
            if point["status"] == "ok":
                values[row] |= _efficiency(part, task, point)
            else:
                reasons |= {(row, column, f"{part}_{what}"): str(point["reason"]) for what in ("speed", "memory")}
    records: dict[Place, list[Record]] = {
        (row, column): [_record(card, options, row, rows, found, outcome)] for row, found in values.items()
    }
    outcome.cells = build_cells(
        card,
        options.scale,
        records,
        missing=reasons,
        deviations=deviations(protocol, options.structures, hardware()),
    )
    return outcome


def _ready(rows: Mapping[str, Row], options: Options, report: Report) -> tuple[dict[str, Row], dict[str, str]]:
    """The rows that can take part, their environments made where missing, and why the others cannot."""
    for name in options.models:
        if name not in rows:
            raise UserError(f"--models: no row {name!r}{did_you_mean(name, rows)}")
    asked = {title: row for title, row in rows.items() if not options.models or title in options.models}
    missing = {title: "left out by --models" for title in rows if title not in asked}
    found: dict[str, Row] = {}
    for title, row in asked.items():
        try:
            make_environments([row.model], report)
            contestant(row.model, options.setting)
            found[title] = row
        except UserError as error:
            missing[title] = str(error)
            report(f"{title}: {error}")
    if not found:
        raise UserError(f"none of {', '.join(asked)} can be measured: {next(iter(missing.values()))}")
    return found, missing


def _sweep(
    models: list[str], protocol: SpeedProtocol, options: Options, tasks: tuple[str, ...], minutes: float
) -> Sweep:
    return Sweep(
        models=tuple(models),
        sizes=protocol.sizes,
        structures=options.structures or protocol.structures,
        setting=options.setting,
        protocol=timing_protocol(protocol, options, tasks, protocol.batch),
        budget=60 * minutes,
        mode=options.mode,
    )


def _efficiency(part: str, task: str, point: Mapping[str, Any]) -> dict[str, float]:
    """Samples/s and GB/sample."""
    return {
        f"{part}_speed": 1e3 * point["batch"] / point[f"{task}_ms"]["median"],
        f"{part}_memory": gigabytes_a_sample(point),
    }


def _record(
    card: SpeedTable,
    options: Options,
    row: str,
    rows: Mapping[str, Row],
    found: dict[str, float],
    outcome: Outcome,
) -> Record:
    """The row's numbers with their provenance; the log keeps one line for each time they were measured."""
    log = options.folder / "records.jsonl"
    model = rows[row].model
    points = [point for summary in outcome.summaries.values() for point in summary["points"] if point["model"] == model]
    record = Record(
        what=found,
        on={"structures": outcome.summaries["inference"]["provenance"]["structures"], "n_atoms": points[0]["n_atoms"]},
        model={"name": model, "versions": outcome.summaries["inference"]["provenance"]["models"][model]},
        how={
            "protocol": f"{card.name}/{options.scale}",
            "points": [{key: value for key, value in point.items() if key != "rounds"} for point in points],
        },
        where=where(),
    )
    for earlier in read_records(log).records:
        if (earlier.what, earlier.model, earlier.how["points"]) == (record.what, record.model, record.how["points"]):
            return earlier  # taken up from the journals, not measured again
    append_record(log, record)
    return record
