"""The largest systems as a benchmark: the table, its records, resuming, and failures that stay local."""

import pytest
from timed_potential import timed_models

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import memory as module
from alphanet.benchmark.kinds.memory import memory_card
from alphanet.benchmark.runner import run_benchmark
from alphanet.errors import UserError
from alphanet.measure.speed import largest

pytestmark = pytest.mark.integration


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that searches with models described by keywords; returns the result."""
    kinds: dict[str, dict] = {}
    make = timed_models(tmp_path, kinds)

    def timed_model(name, setup):
        if kinds[name].get("absent"):
            raise UserError(f"{name} cannot be had")
        return make(name, setup)

    monkeypatch.setattr(largest, "timed_model", timed_model)
    monkeypatch.setattr(module, "make_environments", lambda _names: None)

    def go(budget=None, **described):
        kinds.clear()
        kinds.update(described)
        card = memory_card("memory", models=list(described), structures="cu", smallest=20, most=300, sample_atoms=32)
        return run_benchmark(card, RunOptions(out=tmp_path, scale="ad-hoc", budget=budget))

    return go


def test_the_table_holds_what_every_model_needs(run, rendered, tmp_path):
    result = run(easy={"bytes_an_atom": 2e5}, hopeless={"memory_for": 5}, whole={"split": False}, gone={"absent": True})
    (grid,) = result.grids
    rows = {row[0]: dict(zip(grid.columns, row, strict=True)) for row in grid.rows}
    assert list(rows) == ["easy", "hopeless", "whole"]
    easy = rows["easy"]
    assert 100 < easy["largest system (atoms)"].value <= 300 and easy["limited by"] == "the end of the search"
    assert easy["kB/atom"].value == pytest.approx(200, rel=0.2) and easy["training MB/sample"].value > 0
    assert easy["memory grows as"].text.startswith("N^")
    assert rows["hopeless"]["largest system (atoms)"] == "–" and rows["hopeless"]["limited by"].startswith("oom at")
    assert "own" in rows["whole"]["training"]
    assert result.problems == ("gone: not run: gone cannot be had",)
    assert {"record", "model", "hardware"} <= set(result.origins["largest/easy"])
    records = {record.model["name"]: record for record in result.records.values()}
    assert records["easy"].metrics["largest"] == easy["largest system (atoms)"].value
    curve = result.curves[0]
    assert curve.row == "easy" and {point.record for point in curve.points} <= set(result.records)
    lines = (tmp_path / "memory" / "memory.csv").read_text().splitlines()
    assert lines[0].startswith("model,task,n_atoms") and len(lines) > 6
    (figure,) = result.figures
    assert all((tmp_path / "memory" / file).stat().st_size > 100 for file in figure.files.values())


def test_the_same_command_repeats_nothing(run, caplog):
    first = run(easy={})
    caplog.set_level("INFO")
    second = run(easy={})
    assert second.records == first.records and not [line for line in caplog.messages if " step " in line]
