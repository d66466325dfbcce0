"""A kind of benchmark for tests of the command line: it counts letters, and fails if told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import Field

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.benchmark.kinds import KINDS
from alphanet.benchmark.needs import DataNeed
from alphanet.errors import UserError
from alphanet.paths import resources
from alphanet.provenance import where
from alphanet.results.records import Record


class LetterScale(ScaleSettings):
    minutes: float | None = 0.0
    data: tuple[str, ...] = ()


class LetterCard(BenchmarkCard[LetterScale, Row, Column]):
    kind: Literal["letters", "seeded-letters"]
    broken: tuple[str, ...] = ()  # rows that fail
    absent: tuple[str, ...] = Field(default=())  # rows that cannot be measured


class Letters(Kind[LetterCard, str]):
    card_type = LetterCard
    uses = frozenset({"threads", "device"})

    def plan(self) -> Plan[str]:
        scale = self.card.scale(self.options.scale)
        tasks = tuple(
            Task(row, tuple((row, column) for column in self.card.columns), row, 0.0) for row in self.card.rows
        )
        data = tuple(DataNeed(name=name) for name in scale.data)
        return Plan(tasks, "letters", scale.minutes, data=data)

    def keeps(self, task, place, record) -> bool:
        return record.model["name"] == task.work

    def measure(self, task, places, seconds) -> Iterator[Finding]:
        if task.work in self.card.broken:
            raise UserError("no letters")
        if task.work in self.card.absent:
            yield Missing(places, "needs an alphabet")
            return
        metrics = {"letters": len(task.work)}
        protocol = {"device": self.options.device, "threads": self.options.threads}
        yield Measured(
            Record(metrics=metrics, data={}, model={"name": task.work}, protocol=protocol, environment=where()), places
        )

    def show(self, findings: Findings) -> Shown:
        return Shown()


class SeededLetters(Letters):
    uses = frozenset({"seeds", "mirror", "max_time"})


def card(name: str, kind: str = "letters", rows: tuple[str, ...] = ("AlphaNet", "SchNet"), **more: object) -> dict:
    scale = {"comparable": False, "reason": "a test", "protocol": "Letters are counted."}
    scales = more.pop("scales", {"mini": {}, "full": {}})
    return {
        "kind": kind,
        "name": name,
        "title": f"Letters of {name}",
        "metrics": {"letters": {"title": "letters", "unit": "", "better": "equal"}},
        "columns": {"name": {"title": "name"}, "alias": {"title": "alias"}},
        "rows": {row: {"model": row.lower()} for row in rows},
        "scales": {name: scale | values for name, values in scales.items()},
        **more,
    }


CARDS = [
    card("table1", "seeded-letters", scales={"mini": {"minutes": 10}, "full": {"minutes": None}}),
    card("table2", scales={"mini": {"minutes": 14}, "slice": {}, "full": {"minutes": 1, "data": ["crystals"]}}),
    card("table6", rows=("AlphaNet",), scales={"full": {}}),
    card("fig1", rows=("SchNet", "mean"), scales={"mini": {"minutes": 6}}),
    card("fig2", scales={"full": {"minutes": 3}}),
    card("broken", broken=["SchNet"]),
    card("absent", absent=["AlphaNet", "SchNet"]),
]


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No benchmarks but those of `CARDS`; names in the order of the paper."""
    folder = tmp_path / "cards"
    folder.mkdir()
    for values in CARDS:
        (folder / f"{values['name']}.yaml").write_text(yaml.safe_dump(values))
    monkeypatch.setattr("alphanet.cards.resources", lambda kind: folder if kind == "benchmarks" else resources(kind))
    monkeypatch.delenv("ALPHANET_BENCHMARKS", raising=False)
    monkeypatch.setitem(KINDS, "letters", Letters)
    monkeypatch.setitem(KINDS, "seeded-letters", SeededLetters)
    monkeypatch.chdir(tmp_path)
    return ["table1", "table2", "table6", "fig1", "fig2", "absent", "broken"]
