"""A new kind is one module (here: one class) and one registration; everything else is written once for all kinds."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest
import yaml

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Shown
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds import KINDS
from alphanet.benchmark.listing import list_benchmarks
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.errors import UserError
from alphanet.provenance import where
from alphanet.results.records import Record
from alphanet.results.schema import Grid

CARD = """
kind: length
name: words
title: "Lengths of names"
metrics: {letters: {title: letters, unit: "", better: equal}}
columns: {all: {title: all}}
rows: {AlphaNet: {model: alphanet}, SchNet: {model: schnet}, Broken: {model: broken}}
paper: {AlphaNet: {all: {letters: "8"}}, SchNet: {all: {letters: "7"}}}
scales:
  mini: {comparable: true, protocol: Letters are counted.}
"""


class LengthCard(BenchmarkCard[ScaleSettings, Row, Column]):
    kind: Literal["length"]


class Length(Kind[LengthCard, str]):
    card_type = LengthCard
    uses = frozenset({"seed"})
    measured: ClassVar[list[str]] = []

    def plan(self) -> Plan[str]:
        tasks = tuple(Task(row, ((row, "all"),), row, 0.0, keys={(row, "all"): row}) for row in self.card.rows)
        return Plan(tasks, "no time", 0.0)

    def measure(self, task, places, seconds) -> Iterator[Finding]:
        if task.work == "Broken":
            raise UserError("no letters")
        self.measured.append(task.work)
        record = Record(
            metrics={"letters": len(task.work)},
            data={},
            model={"name": task.work},
            protocol={"benchmark": self.card.name, "key": task.work},
            environment=where(),
        )
        yield Measured(record, places)
        yield Missing((("Broken", "all"),), "to be overwritten")

    def show(self, findings: Findings) -> Shown:
        rows = tuple((row, str(len(records))) for (row, _), records in findings.records.items())
        return Shown(grids=[Grid(id="counts", title="Counts", columns=("row", "records"), rows=rows)])


@pytest.fixture
def words(tmp_path, monkeypatch):
    monkeypatch.setitem(KINDS, "length", Length)
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(tmp_path / "cards"))
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "words.yaml").write_text(CARD)
    Length.measured = []
    return RunOptions(out=tmp_path / "runs")


def test_it_is_listed_run_judged_resumed_and_written(words, tmp_path):
    assert any((info.name, info.kind) == ("words", "length") for info in list_benchmarks())
    result = run_benchmark(load_benchmark("words"), words)
    verdicts = {cell.row: cell.verdict for cell in result.cells}
    assert verdicts == {"AlphaNet": "agrees", "SchNet": "differs", "Broken": "not run: no letters"}
    assert result.failures == ("Broken: no letters",)
    assert result.grids[0].rows == (("AlphaNet", "1"), ("SchNet", "1"))
    assert (tmp_path / "runs" / "words" / "results.json").is_file()
    again = run_benchmark(load_benchmark("words"), words)
    assert again.cells == result.cells and Length.measured == ["AlphaNet", "SchNet"]
    run_benchmark(load_benchmark("words"), words.model_copy(update={"restart": True, "only": ("schnet",)}))
    assert Length.measured == ["AlphaNet", "SchNet", "SchNet"]


def test_its_errors_are_of_its_kind_alone(words, tmp_path):
    (tmp_path / "cards" / "words.yaml").write_text(yaml.safe_dump(yaml.safe_load(CARD) | {"row": {}}))
    with pytest.raises(UserError, match=r"words\.yaml: unknown key 'row'; did you mean 'rows'"):
        load_benchmark("words")


def test_options_that_it_does_not_use_are_refused(words):
    run_benchmark(load_benchmark("words"), words.model_copy(update={"seed": 3}))
    with pytest.raises(UserError, match="kind length, which has no use for epochs"):
        run_benchmark(load_benchmark("words"), words.model_copy(update={"epochs": 3}))
