"""Memory: the largest system that fits, and the memory of training. One task is a search for one model."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue, PositiveFloat, PositiveInt

from alphanet.benchmark.card import BenchmarkCard, Column, Row
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.opening import rows_of_models
from alphanet.benchmark.kinds.timing import (
    ModelScale,
    memory_limit,
    require_mode,
    timing_setup,
)
from alphanet.benchmark.power_law import fit_power_law
from alphanet.benchmark.selection import all_places
from alphanet.figures.memory import memory_figure
from alphanet.figures.style import figure_files
from alphanet.files import write_text
from alphanet.measure.speed.largest import LargestSystem, Search, find_largest
from alphanet.measure.speed.models import make_environments
from alphanet.potentials.specification import with_checkouts
from alphanet.provenance import where
from alphanet.results.facts import device_text, number_or_dash, record_facts
from alphanet.results.records import Record
from alphanet.results.schema import Curve, Figure, Grid, Number, Point

FEWEST_SIZES = 3  # of a fitted exponent: any line fits two
CSV_COLUMNS = ("model", "task", "n_atoms", "batch", "status", "reason", "seconds", "used_mb")
METRICS = {
    "largest": "largest system (atoms)",
    "kb_per_atom": "kB/atom",
    "seconds": "s",
    "training_mb_per_sample": "training MB/sample",
}


class MemoryScale(ModelScale):
    """How a scale searches for the largest system."""

    structures: str  # a material or a file
    smallest: PositiveInt = 100  # atoms, where the search begins
    most: PositiveInt = 1_000_000  # atoms, where it ends
    longest: PositiveFloat = 120.0  # s, for a call
    sample_atoms: PositiveInt = 72  # atoms of a structure in training


class MemoryCard(BenchmarkCard[MemoryScale, Row, Column]):
    """A table of largest systems: `largest` (atoms), `kb_per_atom`, `seconds`, `training_mb_per_sample`."""

    kind: Literal["memory"]


@dataclass(frozen=True)
class SearchWork:
    """The search of one row."""

    row: str


class Memory(Kind[MemoryCard, SearchWork]):
    """A table of largest systems."""

    card_type = MemoryCard
    uses = frozenset({"device", "threads", "mode", "structures", "max_memory", "seed"})

    def __init__(self, card: MemoryCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.found: dict[str, LargestSystem] = {}
        """Finished searches, by row"""

    def plan(self) -> Plan[SearchWork]:
        """One task a row."""
        require_mode(self.options.mode)
        places = {row: tuple(place for place in all_places(self.card) if place[0] == row) for row in self.card.rows}
        return Plan(
            tasks=tuple(Task(f"the largest system of {row}", places[row], SearchWork(row)) for row in self.card.rows),
            cost="as long as the largest systems take",
            minutes=None,
            models=tuple(row.model for row in self.card.rows.values()),
            estimate="nothing limits the time of a search",
        )

    def prepare(self, task: Task[SearchWork]) -> Task[SearchWork]:
        """Make the environment of the model."""
        make_environments([self.card.rows[task.work.row].model])
        return task

    def measure(self, task: Task[SearchWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:
        """Search, and yield one record; if the search ran out of time, it has the largest system so far."""
        row = task.work.row
        search_result = find_largest(self._search(row), self.folder, seconds, restart=self.options.restart)
        self.found[row] = search_result
        yield Measured(self._record(search_result), places)

    def show(self, findings: Findings) -> Shown:
        """The table, the curve of every model with its power law, and the figure."""
        records = {place[0]: of_place[0] for place, of_place in findings.records.items()}
        shown = Shown(curves=[self._curve(row, records[row]) for row in self.found])
        if not self.found:
            return shown
        shown.conditions = self._conditions()
        shown.grids.append(self._grid(shown, records))
        name = self.card.name
        limits = {row: float(found.limited_by.n_atoms) for row, found in self.found.items() if found.limited_by}
        memory_figure(self.folder / name, shown.conditions, shown.curves, limits)
        self._write_csv()
        shown.figures.append(Figure(name=name, title=self.card.title, files=figure_files(name, "csv")))
        return shown

    def _search(self, row: str) -> Search:
        scale = self.card.scale(self.options.scale)
        return Search(
            model=self.card.rows[row].model,
            structures=self.options.structures or scale.structures,
            setup=timing_setup(scale, self.options),
            memory_limit=memory_limit(self.options),
            mode=self.options.mode,
            smallest=scale.smallest,
            most=scale.most,
            longest=scale.longest,
            sample_atoms=scale.sample_atoms,
        )

    def _record(self, found: LargestSystem) -> Record:
        largest, conditions = found.largest, found.conditions
        metrics: dict[str, JsonValue] = {
            "largest": None if largest is None else largest.n_atoms,
            "kb_per_atom": found.kb_per_atom,
            "seconds": None if largest is None else largest.seconds,
            "training_mb_per_sample": found.training_mb_per_sample,
        }
        return Record(
            metrics={name: value for name, value in metrics.items() if value is not None},
            data={"structures": conditions.structures, "sample_atoms": conditions.sample_atoms},
            model={"name": found.model, "versions": {**conditions.versions}},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                **conditions.setup.model_dump(mode="json"),
                "mode": conditions.mode,
                "memory_limit": conditions.memory_limit,
                "longest": conditions.longest,
                "limited_by": found.limit,
                "trials": [trial.model_dump(mode="json") for trial in found.trials],
            },
            environment=where(),
        )

    def _curve(self, row: str, record: Record) -> Curve:
        found = self.found[row]
        sizes = [float(trial.n_atoms) for trial in found.fitting]
        used = [trial.used_mb for trial in found.fitting]
        return Curve(
            row=row,
            quantity="memory",
            x_title="atoms",
            y_title="memory of energy and forces",
            unit="MB",
            points=tuple(Point(x=x, y=y, record=record.id) for x, y in zip(sizes, used, strict=True)),
            law=fit_power_law(sizes, used) if len(sizes) >= FEWEST_SIZES else None,
        )

    def _grid(self, shown: Shown, records: Mapping[str, Record]) -> Grid:
        laws = {curve.row: curve.law for curve in shown.curves}
        rows = []
        for row, found in self.found.items():
            key, record = f"largest/{row}", records[row]
            shown.origins[key] = record_facts(record)
            law = laws[row]
            growth: str | Number = "–"
            if law is not None:
                text = f"N^{law.exponent:.2f} ± {law.exponent_error or 0.0:.2f}"
                growth = Number(text=text, value=law.exponent, origin=key, interval=law.interval)
            numbers = [number_or_dash(record.value(metric), key) for metric in METRICS]
            form = "" if found.largest is None or found.largest.mode == "eager" else f" ({found.largest.mode})"
            rows.append((f"{row}{form}", *numbers, growth, found.limit, found.training_reason or ""))
        columns = ("model", *METRICS.values(), "memory grows as", "limited by", "training")
        return Grid(id="largest", title="Largest systems and what they need", columns=columns, rows=tuple(rows))

    def _conditions(self) -> str:
        conditions = next(iter(self.found.values())).conditions
        place = device_text(conditions.hardware, conditions.setup.device)
        limit = "" if conditions.memory_limit is None else f", at most {conditions.memory_limit / 1e9:.3g} GB"
        return f"{conditions.structures} · {place}{limit} · {conditions.setup.dtype}"

    def _write_csv(self) -> None:
        """Write one line per trial."""
        text = io.StringIO()
        writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for found in self.found.values():
            for trial in found.trials:
                used = round(trial.used_mb, 3) if trial.status == "ok" else ""
                writer.writerow(trial.model_dump() | {"model": found.model, "used_mb": used})
        write_text(self.folder / f"{self.card.name}.csv", text.getvalue())


def memory_card(name: str, *, models: Sequence[str], structures: str, **scale: Any) -> MemoryCard:
    """The card of a user's search.

    Args:
        name: of its folder.
        models: in any form of `alphanet.potentials.forms.FORMS`.
        structures: a material or a file.
        scale: other keys of `MemoryScale`.

    Raises:
        UserError: a model is named twice, or a value is not valid.
    """
    return MemoryCard.ad_hoc(
        name,
        title="The largest system that fits, and memory of training",
        protocol=f"Supercells of {structures}, doubled until one does not fit, then halved in between.",
        rows=rows_of_models(tuple(with_checkouts(models))),
        scale={"structures": structures, **scale},
    )
