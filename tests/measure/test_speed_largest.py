"""The search for the largest system, with workers that refuse more atoms than they are told to hold."""

import pytest
from timed_potential import contestants

from alphanet.measure.speed import largest as module
from alphanet.measure.speed.contestants import Setting
from alphanet.measure.speed.largest import Search, find_largest
from alphanet.report.memory import memory_lines, write_memory

MEGABYTE = 1e6


@pytest.fixture
def search(tmp_path, monkeypatch):
    """A function that searches with contestants described by keywords; returns what was found and the lines."""
    kinds: dict[str, dict] = {}
    monkeypatch.setattr(module, "contestant", contestants(tmp_path, kinds))

    def call(smallest=20, most=3000, **described):
        kinds.clear()
        kinds.update(described)
        lines: list[str] = []
        setting = Setting("untrained", "float32", "cpu", 1, 0)
        asked = Search(tuple(described), "cu", setting, None, smallest=smallest, most=most, sample_atoms=32)
        return find_largest(asked, tmp_path / "out", lines.append), lines

    return call


def test_the_largest_that_fits_lies_between_its_neighbours(search):
    found, lines = search(one={"memory_for": 500, "bytes_an_atom": 0.2 * MEGABYTE})
    (one,) = found["models"]
    assert 500 / 1.3 < one["largest"] <= 500 < one["limited_by"]["n_atoms"]
    assert one["limited_by"]["status"] == "oom"
    assert one["kb_per_atom"] == pytest.approx(200, rel=0.1)
    assert one["scaling"]["exponent"] == pytest.approx(1.0, abs=0.2)
    assert one["training_mb_per_sample"] == pytest.approx(32 * 0.2, rel=0.3)
    assert sum("step oom" in line for line in lines) >= 1


def test_a_search_may_end_without_a_failure_or_at_once(search):
    found, _ = search(most=100, easy={}, hopeless={"memory_for": 5}, whole={"split": False})
    easy, hopeless, whole = found["models"]
    assert easy["limited_by"] is None and 50 < easy["largest"] <= 100
    assert hopeless["largest"] is None and hopeless["training_mb_per_sample"] is None
    assert "own" in whole["training_reason"]
    assert [row[1] for row in memory_lines(found)][1] == "none"


def test_a_search_goes_on_and_is_written(search, tmp_path):
    first, lines = search(most=100, one={"memory_for": 60})
    second, again = search(most=100, one={"memory_for": 60})
    assert first["models"] == second["models"]
    assert lines and not again  # nothing was tried twice
    write_memory(tmp_path / "out", second)
    rows = (tmp_path / "out" / "memory.csv").read_text().splitlines()
    assert rows[0].startswith("model,task,n_atoms") and len(rows) == len(second["trials"]) + 1
    assert (tmp_path / "out" / "memory.pdf").stat().st_size > 1000
