"""The kind `data`: both readers do the same, and their ratio has an interval over passes."""

import pytest

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import data as data_kind
from alphanet.benchmark.kinds.data import Data, data_card
from alphanet.benchmark.runner import run_benchmark
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.measure.data_speed import (
    READERS,
    TASKS,
    DataRequest,
    TaskTime,
    made_up_frames,
    measured,
    measured_apart,
    write_large_store,
)


@pytest.fixture
def request_of(tmp_path):
    """A function that makes the request of a reader on small files."""
    from alphanet.data.formats import write_frames
    from alphanet.data.store import write_store

    write_frames(tmp_path / "a.extxyz", made_up_frames(7, 5))
    write_store(tmp_path / "a.aselmdb", made_up_frames(7, 5), {})
    write_large_store(tmp_path / "large.aselmdb", 40)

    def make(reader):
        return DataRequest(
            reader=reader, file=tmp_path / "a.extxyz", store=tmp_path / "a.aselmdb",
            large=tmp_path / "large.aselmdb", random_reads=11, seed=3,
        )  # fmt: skip

    return make


@pytest.mark.parametrize("reader", READERS)
def test_both_readers_do_all_of_the_work(reader, request_of):
    taken = measured(request_of(reader))
    assert {task: one.count for task, one in taken.items()} == {"open": 40, "random": 11, "read": 7, "ingest": 7}
    assert all(one.seconds > 0 and one.rate > 0 for one in taken.values())


def test_a_large_store_is_a_store(request_of):
    store = FrameStore(request_of("ASE").large)
    assert (
        len(store) == 40 and len(store[39]) == 2 and store[39].get_potential_energy() == store[0].get_potential_energy()
    )


def test_a_reader_is_measured_in_a_new_process_and_its_failure_is_one_line(request_of):
    request = request_of("alphanet")
    assert measured_apart(request)["read"].count == 7
    with pytest.raises(UserError, match=r"alphanet failed on .*gone.extxyz: .*"):
        measured_apart(request.model_copy(update={"file": request.file.with_name("gone.extxyz")}))


def test_ratios_and_resuming(tmp_path, monkeypatch):
    calls = []

    def fake(request):
        calls.append(request.reader)
        slow = 2.0 if request.reader == "ASE" else 1.0
        return {
            task: TaskTime(count=10, seconds=slow * (1 + 0.01 * request.seed), cpu_seconds=1.0, memory_mb=3.0)
            for task in TASKS
        }

    monkeypatch.setattr(data_kind, "measured_apart", fake)
    card = data_card("data", frames=5, atoms=3, large=10, passes=3)
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path))
    assert calls == ["alphanet", "ASE", "ASE", "alphanet", "alphanet", "ASE"]
    cells = {(cell.row, cell.column, cell.metric): cell for cell in result.cells}
    assert cells["alphanet", "read", "rate"].measured == pytest.approx(10 / 1.01, rel=1e-3)
    assert set(cells) == {
        (reader, task, metric)
        for reader in READERS
        for task in TASKS
        for metric in (("seconds", "memory") if task == "open" else ("rate",))
    }
    (grid,) = result.grids
    assert len(grid.rows) == 4 and all(row[-1].value == pytest.approx(2.0) for row in grid.rows)
    assert all(row[-1].interval is not None for row in grid.rows)
    run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path))
    assert len(calls) == 6


def test_a_file_that_is_not_there_and_an_unknown_task_are_refused(tmp_path):
    card = data_card("data", frames=5, atoms=3, large=10, passes=1)
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path, structures="gone.xyz"))
    assert any("no file 'gone.xyz'" in failure for failure in result.failures)
    with pytest.raises(ValueError, match="no task 'reed'; did you mean 'read'"):
        type(card).model_validate(card.model_dump(mode="json") | {"columns": {"reed": {"title": "x"}}})
    assert Data(card, RunOptions(scale="ad-hoc")).plan().minutes is not None
