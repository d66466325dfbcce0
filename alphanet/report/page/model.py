"""What a report holds: runs with their cells, other numbers, figures, and where each number came from."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alphanet.paper.cells import INCONSISTENT

SCHEMA, VERSION = "alphanet-report", 1

VERDICTS = {
    "reproduced": "comparable with the paper and within the tolerance",
    "better": "comparable, and better than the paper by more than the tolerance",
    "worse": "comparable, and worse than the paper by more than the tolerance",
    INCONSISTENT: "comparable, but the paper contradicts its own value; the cell says with which it agrees, if any",
    "not comparable": "measured by another protocol than the paper's, which the cell says; no judgement",
    "not run": "no number here; the cell says what it needs or what went wrong",
    "not in the paper": "measured here; the paper has no such number",
}
"""The first words of a cell's verdict, as `alphanet.paper.cells` gives them; a report only counts them."""
CLAIMS = {
    "holds": "what the paper claims of a figure is so here",
    "does not hold": "it is not so here",
    "not measured": "too few curves to tell",
}
"""The first words of a claim's verdict, as `alphanet.paper.claims` gives them."""


@dataclass(frozen=True)
class Number:
    """A number of a table that is not the paper's."""

    id: str  # unique in a report
    text: str  # as shown; begins with the value, rounded
    value: float
    origin: str  # key of `Run.origins`
    interval: tuple[float, float] | None = None
    paper: bool = False  # printed in the paper; `id` then ends with its place in the card


@dataclass(frozen=True)
class Grid:
    """A table as it is read."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Number, ...], ...]
    folded: bool = False  # long, and open only when asked for


@dataclass(frozen=True)
class PaperCell:
    """A number of the paper beside the measured one. Numbers are in `unit`."""

    id: str
    table: str
    row: str
    column: str
    metric: str
    metric_title: str
    unit: str
    scale: str
    printed: str | None  # the card's text: its decimals are the precision
    paper: float | None
    measured: float | None
    spread: float | None
    interval: tuple[float, float] | None  # 95 %, of the measured value, where the record has one
    ratio: float | None  # measured over paper
    tolerance: float | None  # by which `verdict` was decided; none where it is not comparable
    verdict: str  # one of VERDICTS
    said: str  # the verdict in full: reasons, seeds
    errata: tuple[str, ...]
    inconsistent: bool  # the paper contradicts `printed`, whatever the verdict is
    records: tuple[str, ...]  # keys of `Report.records`
    origin: str  # key of `Run.origins`; empty where nothing was measured


@dataclass(frozen=True)
class Claim:
    """What the paper says of a figure without printing numbers."""

    id: str
    text: str
    verdict: str  # one of CLAIMS
    said: str
    details: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A drawn figure. `files` are paths inside the report by ending; `sources` lie in the run's folder."""

    name: str
    title: str
    files: dict[str, str]
    sources: dict[str, Path]


@dataclass
class Run:
    """What one folder of results says."""

    id: str
    kind: str  # table, figure, speed, memory, physics, stability, unfinished or unreadable
    name: str  # of the benchmark, or of the command
    title: str
    folder: str
    scale: str = ""
    protocol: str = ""
    source: str = ""  # of the paper's values
    command: str = ""
    when: str = ""
    where: dict[str, Any] = field(default_factory=dict)  # hardware, software, code
    conditions: str = ""  # what was measured how, in one line
    cells: list[PaperCell] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    grids: list[Grid] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    origins: dict[str, dict[str, str]] = field(default_factory=dict)  # what a number rests on, by name of the fact
    records: dict[str, dict[str, Any]] = field(default_factory=dict)  # by id, as in the run's records.jsonl

    def verdicts(self) -> Counter[str]:
        """How many cells have which verdict."""
        return Counter(cell.verdict for cell in self.cells)


@dataclass
class Report:
    """All runs, and what is wrong with them together."""

    runs: list[Run]
    problems: list[str]
    made: str

    def summary(self) -> dict[str, Any]:
        """Counts: runs, cells by verdict, cells touched by errata or contradicted, claims by verdict, problems."""
        cells = [cell for run in self.runs for cell in run.cells]
        claims = [claim for run in self.runs for claim in run.claims]
        return {
            "runs": len(self.runs),
            "cells": len(cells),
            "verdicts": {verdict: sum(cell.verdict == verdict for cell in cells) for verdict in VERDICTS},
            "inconsistent": sum(cell.inconsistent for cell in cells),
            "with_errata": sum(bool(cell.errata) for cell in cells),
            "claims": {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in CLAIMS},
            "problems": len(self.problems) + sum(len(run.problems) for run in self.runs),
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, for `results.json`."""
        records: dict[str, Any] = {}
        runs = []
        for run in self.runs:
            values = asdict(run)
            records |= values.pop("records")
            for figure in values["figures"]:
                del figure["sources"]
            runs.append(values)
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "made": self.made,
            "summary": self.summary(),
            "problems": self.problems,
            "runs": runs,
            "records": records,
        }
