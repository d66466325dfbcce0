"""Files of records: what a killed writer leaves, what must not be mixed, and what the merged table says."""

import json

import numpy as np
import pytest

from alphanet.errors import UserError
from alphanet.measure.relaxation.energies import Corrections
from alphanet.measure.relaxation.merging import formation_of, records_of, summary_of, table_of, write_table
from alphanet.measure.relaxation.records import RecordFile, failure
from alphanet.measure.relaxation.shards import shards

IDS = [f"wbm-{step}-{number}" for step in (1, 2) for number in range(1, 8)]
CONDITIONS = {"model": {"name": "fake"}, "versions": {"ase": "3.29.0"}, "gpu": None}


def record(identity: str, **changes) -> dict:
    return {
        **failure(identity, ""),
        "status": "converged",
        "reason": None,
        "energy": -7.0,
        "energy_per_atom": -3.5,
        "n_sites": 2,
        "steps": 12,
        "fmax": 0.04,
        "volume_ratio": 1.0,
        "structure": {"numbers": [11, 17], "positions": [[0, 0, 0], [2.8, 2.8, 2.8]], "cell": [[5.6, 0, 0]] * 3},
        **changes,
    }


@pytest.fixture
def written(tmp_path):
    """A function that writes a run of two shards and returns them; `conditions` of the second may differ."""

    def write(second=CONDITIONS):
        parts = shards({"name": "fake"}, "protocol", IDS, size=10)
        for part, found in zip(parts, (CONDITIONS, second), strict=True):
            file = RecordFile(tmp_path / part.file_name)
            file.start({"run": part.run, "conditions": found})
            file.add([record(one) for one in part.ids])
        return parts

    return write


def test_shards_depend_on_model_protocol_and_ids_alone():
    parts = shards({"name": "a"}, "p", IDS, size=5)
    assert parts == shards({"name": "a"}, "p", reversed(IDS), size=5)
    assert [len(part.ids) for part in parts] == [5, 5, 4]
    assert parts[0].ids == tuple(IDS[:5])
    others = [shards({"name": "b"}, "p", IDS), shards({"name": "a"}, "q", IDS), shards({"name": "a"}, "p", IDS[1:])]
    assert len({parts[0].run, *(other[0].run for other in others)}) == 4
    with pytest.raises(UserError, match="more than once, first wbm-1-3"):
        shards({}, "p", [*IDS, "wbm-1-3"])
    with pytest.raises(UserError, match="no structures"):
        shards({}, "p", [])


def test_a_torn_last_line_is_cut_off_by_the_next_record(tmp_path):
    file = RecordFile(tmp_path / "00000.jsonl")
    file.start({"run": "x"})
    file.add([record("wbm-1-1"), record("wbm-1-2")])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-20])
    assert [one["id"] for one in file.records()] == ["wbm-1-1"]
    file.add([record("wbm-1-2")])
    assert file.path.read_bytes() == whole
    file.path.write_bytes(b'{"header": {"ru')
    assert file.header() is None
    file.start({"run": "y"})
    assert file.header() == {"run": "y"}


def test_a_damaged_line_is_named(tmp_path):
    file = RecordFile(tmp_path / "00000.jsonl")
    file.start({"run": "x"})
    with file.path.open("a") as stream:
        stream.write("rubbish\n")
    with pytest.raises(UserError, match=r"00000\.jsonl:2 is no record"):
        list(file.records())


def test_a_full_disk_is_one_line_and_keeps_what_is_there(tmp_path, monkeypatch):
    file = RecordFile(tmp_path / "00000.jsonl")
    file.start({"run": "x"})
    before = file.path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device"):
        file.add([record("wbm-1-1")])
    assert file.path.read_bytes().startswith(before)


def test_merging_refuses_what_does_not_belong_together(written, tmp_path):
    parts = written({**CONDITIONS, "versions": {"ase": "3.28.0"}})
    with pytest.raises(UserError, match="different versions, models or hardware"):
        list(records_of(parts, tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines, lines[1]], "two records of wbm-1-1"),
        (lambda lines: lines[:-1], "lacks 1 of its 10 records"),
        (lambda lines: [*lines, json.dumps(record("wbm-9-9")) + "\n"], "a record of wbm-9-9, which is no structure"),
        (lambda lines: [lines[0].replace('"run": "', '"run": "0')], "another model, protocol or choice"),
        (lambda lines: [], "is missing"),
    ],
)
def test_merging_refuses_duplicates_gaps_and_strangers(written, tmp_path, change, said):
    parts = written()
    file = tmp_path / parts[0].file_name
    file.write_text("".join(change(file.read_text().splitlines(keepends=True))))
    with pytest.raises(UserError, match=said):
        list(records_of(parts, tmp_path))


def test_the_table_has_formation_energies_and_no_energy_of_failures(written, tmp_path):
    parts = written()
    records = list(records_of(parts, tmp_path))
    records[3] = failure("wbm-1-4", "diverged: a force of 2e+05 eV/Å", energy=-99.0, n_sites=2, steps=3)
    records[4] = record("wbm-1-5", flags=["volume doubled"], energy=-8.0)
    formation = formation_of({"Na": -1.0, "Cl": -2.0}, Corrections(dict.fromkeys(IDS, -0.25)))
    table = table_of(records, "e_form_per_atom_fake", formation)
    assert list(table.index) == IDS
    assert table.loc["wbm-1-1", "e_form_per_atom_fake"] == pytest.approx((-7.0 + 3.0) / 2 - 0.25)
    assert table.loc["wbm-1-5", "e_form_per_atom_fake"] == pytest.approx((-8.0 + 3.0) / 2 - 0.25)
    assert np.isnan(table.loc["wbm-1-4", ["e_form_per_atom_fake", "energy"]].astype(float)).all()
    summary = summary_of(table)
    assert (summary["converged"], summary["failed"]) == (13, 1)
    assert summary["flags"] == {"volume doubled": 1}
    assert summary["reasons"] == {"diverged": 1}
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(tmp_path / name, table)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
