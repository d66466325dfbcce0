"""Records: content hashes, append-only writing, tolerant reading."""

import json
import multiprocessing
from pathlib import Path

import pytest

from alphanet.errors import UserError
from alphanet.results.records import Record, RecordLog


def record(seed: int = 0, **metrics: float) -> Record:
    return Record(
        metrics={"energy_mae": 0.00123456789012345, **metrics},
        data={"dataset": "formate", "split": "test"},
        model={"name": "alphanet"},
        protocol={"seed": seed},
        environment={"hardware": {"cpu": "Å-chip"}},
        when="2026-01-01T00:00:00+00:00",
    )


def test_a_record_survives_its_line_with_all_digits():
    assert Record.from_line(record().to_line()) == record()
    assert json.loads(record().to_line())["id"] == record().id


def test_the_id_is_the_content():
    assert record(seed=0).id == record(seed=0).id
    assert record(seed=0).id != record(seed=1).id


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="alphanet"):
        record(force_mae=float("nan")).to_line()


def test_records_come_back_in_order(tmp_path, whole_records):
    log = tmp_path / "new" / "records.jsonl"
    for seed in range(3):
        RecordLog(log).add(record(seed))
    assert [found.protocol["seed"] for found in whole_records(log)] == [0, 1, 2]


def test_no_file_is_no_records(tmp_path, whole_records):
    assert whole_records(tmp_path / "records.jsonl") == []


def test_a_line_cut_off_by_a_kill_is_reported_and_the_next_record_is_whole(tmp_path, caplog):
    log = tmp_path / "records.jsonl"
    RecordLog(log).add(record(0))
    RecordLog(log).add(record(1))
    log.write_bytes(log.read_bytes()[:-20])
    RecordLog(log).add(record(2))
    caplog.clear()
    found = RecordLog(log)
    assert [record.protocol["seed"] for record in found.records] == [0, 2]
    assert len(found.problems) == 1 and "records.jsonl:2" in found.problems[0]
    assert [entry.message for entry in caplog.records if entry.levelname == "WARNING"] == found.problems


def test_a_changed_number_is_reported(tmp_path):
    log = tmp_path / "records.jsonl"
    RecordLog(log).add(record())
    log.write_text(log.read_text().replace("0.00123456789012345", "0.00023456789012345"))
    found = RecordLog(log)
    assert found.records == []
    assert record().id in found.problems[0]


@pytest.mark.parametrize("line", ["[]", "{}", '{"id": 1, "metrics": {}}', "nonsense"])
def test_lines_that_are_no_records_are_reported(tmp_path, line):
    log = tmp_path / "records.jsonl"
    log.write_text(line + "\n")
    found = RecordLog(log)
    assert found.records == []
    assert len(found.problems) == 1


def append_many(log: Path, first: int) -> None:
    for seed in range(first, first + 20):
        RecordLog(log).add(record(seed))


def test_writers_at_the_same_time_do_not_mix_their_lines(tmp_path, whole_records):
    log = tmp_path / "records.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=append_many, args=(log, first)) for first in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    seeds = sorted(found.protocol["seed"] for found in whole_records(log))
    assert seeds == [*range(20), *range(100, 120)]


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        RecordLog(tmp_path / "file" / "records.jsonl").add(record())


def test_the_same_measurement_is_kept_once_and_another_one_is_added(tmp_path, whole_records):
    log = RecordLog(tmp_path / "records.jsonl")
    first = log.add(record())
    later = record().model_copy(update={"when": "2026-02-02T00:00:00+00:00", "environment": {}})
    assert RecordLog(log.path).add(later) == first
    log.add(record(force_mae=1.0))
    assert len(whole_records(log.path)) == 2
