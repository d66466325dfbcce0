"""Elsewhere: numbers that others measured and published, beside each other; nothing is measured here.

One task is a row. Such a table shows what the suite does not measure, so that its tables do not leave it out.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.benchmark.selection import WHOLE
from alphanet.errors import did_you_mean
from alphanet.provenance import digest_of, where
from alphanet.results.facts import record_facts
from alphanet.results.records import Record
from alphanet.results.schema import Grid, Number

__all__ = ["Elsewhere", "ElsewhereCard"]

GRID = "elsewhere"


class ElsewhereRow(Row):
    """One potential, and what was published of it."""

    numbers: dict[str, Decimal] = Field(min_length=1)  # by metric, quoted: its decimals are its precision
    address: Annotated[str, Field(pattern=r"^https://\S+$")]  # that states them


class ElsewhereCard(BenchmarkCard[ScaleSettings, ElsewhereRow, Column]):
    """A table of published numbers. `paper` and columns are not used."""

    kind: Literal["elsewhere"]
    ranked: str  # row whose place among all is told

    @model_validator(mode="after")
    def _parts_exist(self) -> Self:
        if self.ranked not in self.rows:
            raise ValueError(f"ranked: no row {self.ranked!r}{did_you_mean(self.ranked, self.rows)}")
        for name, row in self.rows.items():
            for metric in row.numbers:
                if metric not in self.metrics:
                    raise ValueError(f"row {name}: no metric {metric!r}{did_you_mean(metric, self.metrics)}")
        return self


class Elsewhere(Kind[ElsewhereCard, str]):
    """A table of published numbers; the work of a task is the name of its row."""

    card_type = ElsewhereCard

    def plan(self) -> Plan[str]:
        """Return one task a row."""
        return Plan(tuple(self._task(row) for row in self.card.rows), "seconds; nothing is measured", 0.0)

    def measure(self, task: Task[str], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Copy the numbers of a row into a record that names their address."""
        row = self.card.rows[task.work]
        record = Record(
            metrics={metric: float(number) for metric, number in row.numbers.items()},
            data={"address": row.address},
            model={"name": row.model},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "key": task.keys[places[0]],
                "measured": "elsewhere",
            },
            environment=where(),
        )
        yield Measured(record, places)

    def show(self, findings: Findings) -> Shown:
        """The table, and the place of the ranked row in every metric."""
        shown = Shown(conditions=f"{len(self.card.rows)} rows, none measured here")
        rows = []
        for name, row in self.card.rows.items():
            records = findings.records.get((name, WHOLE))
            if not records:
                continue
            key = f"{GRID}/{name}"
            shown.origins[key] = {"measured": "elsewhere", "address": row.address} | record_facts(records[0])
            rows.append((name, *(self._number(name, metric, key) for metric in self.card.metrics)))
        titles = [f"{one.title} ({one.unit})" if one.unit else one.title for one in self.card.metrics.values()]
        shown.grids.append(
            Grid(
                id=GRID,
                title="Numbers as published, each with its address",
                columns=("model", *titles),
                rows=tuple(rows),
            )
        )
        shown.notes += [text for metric in self.card.metrics if (text := self._place(metric))]
        return shown

    def _task(self, row: str) -> Task[str]:
        described = self.card.rows[row].model_dump(mode="json")
        key = digest_of(described)
        return Task(row, ((row, WHOLE),), row, 0.0, keys={(row, WHOLE): key})

    def _number(self, row: str, metric: str, origin: str) -> str | Number:
        number = self.card.rows[row].numbers.get(metric)
        return "–" if number is None else Number(text=str(number), value=float(number), origin=origin)

    def _place(self, metric: str) -> str:
        """The place of the ranked row in a metric, in words; empty if it has no such number."""
        described = self.card.metrics[metric]
        numbers = {name: row.numbers[metric] for name, row in self.card.rows.items() if metric in row.numbers}
        own = numbers.get(self.card.ranked)
        if own is None or described.better == "equal":
            return ""
        ahead = sum(number < own if described.better == "lower" else number > own for number in numbers.values())
        place = f"number {ahead + 1} of {len(numbers)} in {described.title}"
        return f"{self.card.ranked} is {place}: {own} {described.unit}".strip()
