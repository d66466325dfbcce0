"""Compute a table of crystal stability from published predictions, row by row, whatever is missing."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from alphanet.data.cards import SourceFile
from alphanet.data.fetching import fetch_file, local_path
from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.measure.discovery_tables import UNIQUE
from alphanet.measure.wbm import STRUCTURES, Wbm, read_wbm, summary_file
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.discovery_cards import DiscoveryProtocol, DiscoveryRow, DiscoveryTable
from alphanet.provenance import where
from alphanet.results import Record, append_once

Report = Callable[[str], None]


class NotHereError(UserError):
    """A published file that the scale does not fetch."""


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    folder: Path  # of the table
    truth: Path | None = None  # none: the published summary, fetched if need be
    predictions: Path | None = None  # folder of the published files; none: they are fetched
    models: tuple[str, ...] = ()  # rows; none: all
    mirror: str | None = None
    minutes: float | None = None  # rows that would begin later are left out; none: no limit
    scale: str = "full"


@dataclass
class Outcome:
    """What came of it."""

    cells: list[Cell] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def measure_table(card: DiscoveryTable, options: Options, report: Report) -> Outcome:
    """Score every row's published predictions and build the cells; predictions that cannot be had cost only their row.

    Files that the scale does not fetch are no failures.

    Raises:
        UserError: the options name a scale or row that the card does not have.
    """
    protocol, begun = card.scale(options.scale), time.monotonic()
    for name in options.models:
        if name not in card.rows:
            raise UserError(f"--models: no row {name!r}{did_you_mean(name, card.rows)}")
    asked = [row for row in card.rows if not options.models or row in options.models]
    (column,), outcome = card.columns, Outcome()
    missing: dict[Place, str] = {(row, column): "left out by --models" for row in card.rows if row not in asked}
    try:
        truth = options.truth or _published(summary_file(), protocol, options)
    except UserError as error:
        missing |= {(row, column): f"needs the published labels: {error}" for row in asked}
        outcome.failures += [] if isinstance(error, NotHereError) else [str(error)]
        asked = []
    records: dict[Place, list[Record]] = {}
    deviations: list[str] = []
    for row in asked:
        if options.minutes is not None and time.monotonic() - begun > 60 * options.minutes:
            missing[row, column] = f"no time left of --budget {options.minutes:g} minutes; it takes seconds"
            continue
        try:
            wbm = _read(card.rows[row], truth, protocol, options)
            records[row, column] = [_record(card, row, wbm, options, report)]
            deviations = _deviations(wbm)  # the same for all rows
        except UserError as error:
            missing[row, column] = str(error)
            outcome.failures += [] if isinstance(error, NotHereError) else [f"{row}: {error}"]
    outcome.cells = build_cells(card, options.scale, records, missing=missing, deviations=deviations)
    return outcome


def _read(row: DiscoveryRow, truth: Path, protocol: DiscoveryProtocol, options: Options) -> Wbm:
    predictions = (
        _published(row.source, protocol, options)
        if options.predictions is None
        else published_predictions(row.source, options)
    )
    return read_wbm(predictions, truth, max_error=protocol.max_error, decimals=protocol.decimals)


def _published(source: SourceFile, protocol: DiscoveryProtocol, options: Options) -> Path:
    """A published file, fetched if need be and if the scale fetches."""
    here = local_path(source)
    if not protocol.fetch and not here.is_file():
        raise NotHereError(f"{here.name}, which is not on this machine; --scale full fetches it from {source.url}")
    return fetch_file(source, mirror=options.mirror).path


def _record(card: DiscoveryTable, row: str, wbm: Wbm, options: Options, report: Report) -> Record:
    """The row's numbers, added to the log unless the same were found there before."""
    protocol, log = card.scale(options.scale), options.folder / "records.jsonl"
    score = wbm.score(protocol.subset if wbm.joined.unique is not None else "full")
    described = wbm.described()
    report(f"{row}: {wbm.predictions.name}, {score['n']} structures, {score['missing']} without a prediction")
    subset = score.pop("subset")
    record = Record(
        what={name: value for name, value in score.items() if value is not None},
        on={"dataset": "wbm", "subset": subset, "truth": described["truth"], "unlabelled": described["unlabelled"]},
        model={"name": card.rows[row].model, "predictions": described["predictions"], "column": described["column"]},
        how={
            "protocol": f"{card.name}/{options.scale}",
            "decimals": protocol.decimals,
            "max_error": protocol.max_error,
        },
        where=where(),
    )
    return append_once(log, record)


def published_predictions(source: SourceFile, options: Options) -> Path:
    """The file of predictions, fetched, or found in the user's folder and verified."""
    if options.predictions is None:
        return fetch_file(source, mirror=options.mirror).path
    name = local_path(source).name
    found = sorted(options.predictions.rglob(name))
    if not found:
        raise UserError(f"{options.predictions} has no {name}; it is published at {source.url}")
    for algorithm, expected in (("sha256", source.sha256), ("md5", source.md5)):
        digest = _digest(found[0], algorithm)
        if expected and digest != expected:
            raise UserError(f"{found[0]} is not the published file: its {algorithm} is {digest}, not {expected}")
    return found[0]


def _deviations(wbm: Wbm) -> list[str]:
    """In what the truth departs from the published one."""
    if _digest(wbm.truth, "md5") == summary_file().md5:
        return []
    found = []
    labelled = len(wbm.joined.true)
    if labelled + wbm.joined.unlabelled < STRUCTURES:
        found.append(f"labels of {labelled} of {STRUCTURES} structures")
    else:
        found.append(f"labels of {wbm.truth.name}, which is not the published summary")
    if wbm.joined.unique is None:
        found.append(f"duplicates of prototypes included, because the labels have no column {UNIQUE}")
    return found


def _digest(path: Path, algorithm: str) -> str:
    if algorithm == "sha256":
        return sha256_of(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
