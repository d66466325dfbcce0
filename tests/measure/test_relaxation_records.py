"""Files of records: what a killed writer leaves, what must not be mixed, and what the merged table says."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.energies import Corrections
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.prediction import formation_of, summary_of, table_of, write_table
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Crystal, Header, RecordFile, RelaxationRecord, failure
from alphanet.potentials.opening import LoadOptions

IDS = [f"wbm-{step}-{number}" for step in (1, 2) for number in range(1, 8)]
CONDITIONS = {"model": {"name": "fake"}, "versions": {"ase": "3.29.0"}, "gpu": None}
RUN = "0123456789abcdef"


def record(identity: str, **changes) -> RelaxationRecord:
    whole = RelaxationRecord(
        id=identity,
        status="converged",
        energy=-7.0,
        energy_per_atom=-3.5,
        n_sites=2,
        steps=12,
        fmax=0.04,
        volume_ratio=1.0,
        structure=Crystal([11, 17], [[0.0, 0.0, 0.0], [2.8, 2.8, 2.8]], [[5.6, 0.0, 0.0]] * 3),
    )
    return replace(whole, **changes)


def line(identity: str, folder) -> str:
    """A record's line in a file."""
    file = RecordFile(folder / "line.jsonl")
    file.add([record(identity)])
    return file.path.read_text()


@pytest.fixture
def written(tmp_path):
    """A whole file of records, in another order than that of the ids."""
    file = RecordFile(tmp_path / "records.jsonl")
    file.start(Header(RUN, CONDITIONS))
    file.add([record(one) for one in reversed(IDS)])
    return file


def test_runs_differ_in_model_protocol_and_ids_alone(tmp_path):
    def digest(ids=IDS, model="a", **settings) -> str:
        protocol = settings.pop("protocol", RelaxationProtocol())
        job = Job(model, LoadOptions(**settings), protocol)
        return Campaign(job, dict.fromkeys(IDS, Atoms()), tuple(ids), tmp_path).run_digest()

    assert digest() == digest(reversed(IDS)) == digest(threads=2)
    others = [
        digest(model="b"),
        digest(dtype="float64"),
        digest(protocol=RelaxationProtocol(0.03)),
        digest(IDS[1:]),
    ]
    assert len({digest(), *others}) == 5
    with pytest.raises(UserError, match="more than once, first wbm-1-3"):
        digest([*IDS, "wbm-1-3"])
    with pytest.raises(UserError, match="no structures"):
        digest([])


def test_records_come_back_as_they_were(written):
    assert written.header() == Header(RUN, CONDITIONS)
    assert next(written.records()) == record(IDS[-1])


def test_a_torn_last_line_is_cut_off_by_the_next_start(tmp_path):
    file = RecordFile(tmp_path / "records.jsonl")
    file.start(Header("x", {}))
    file.add([record("wbm-1-1"), record("wbm-1-2")])
    whole = file.path.read_bytes()
    file.path.write_bytes(whole[:-20])
    assert [one.id for one in file.records()] == ["wbm-1-1"]
    file.start(Header("y", {}))
    file.add([record("wbm-1-2")])
    assert file.path.read_bytes() == whole
    file.path.write_bytes(b'{"run": "x", "cond')
    assert file.header() is None
    file.start(Header("y", {}))
    assert file.header() == Header("y", {})


def test_a_damaged_line_is_named(written):
    with written.path.open("a") as stream:
        stream.write("rubbish\n")
    with pytest.raises(UserError, match=r"records\.jsonl:16 is no record"):
        list(written.records())
    written.path.write_text("rubbish\n")
    with pytest.raises(UserError, match="does not begin with a header"):
        written.header()


def test_a_full_disk_is_one_line_and_keeps_what_is_there(tmp_path, monkeypatch):
    file = RecordFile(tmp_path / "records.jsonl")
    file.start(Header("x", {}))
    before = file.path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device"):
        file.add([record("wbm-1-1")])
    assert file.path.read_bytes().startswith(before)


def test_files_that_were_put_together_are_refused(written):
    written.path.write_text(2 * written.path.read_text())
    with pytest.raises(UserError, match=r"records\.jsonl:16 is no record"):
        list(written.complete(RUN, IDS))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines, strange: [*lines, lines[1]], "two records of wbm-2-7"),
        (lambda lines, strange: lines[:-1], "lacks 1 of its 14 records"),
        (lambda lines, strange: [*lines, strange], "a record of wbm-9-9, which is no structure"),
        (lambda lines, strange: [lines[0].replace('"run":"', '"run":"0')], "another model, protocol or choice"),
        (lambda lines, strange: [], "is missing"),
    ],
)
def test_duplicates_gaps_and_strangers_are_refused(written, tmp_path, change, said):
    lines = written.path.read_text().splitlines(keepends=True)
    written.path.write_text("".join(change(lines, line("wbm-9-9", tmp_path))))
    with pytest.raises(UserError, match=said):
        list(written.complete(RUN, IDS))


def test_the_table_has_formation_energies_and_no_energy_of_failures(written, tmp_path):
    records = {one.id: one for one in written.complete(RUN, IDS)}
    records["wbm-1-4"] = failure("wbm-1-4", "diverged: a force of 2e+05 eV/Å", energy=-99.0, n_sites=2, steps=3)
    records["wbm-1-5"] = record("wbm-1-5", flags=["volume doubled"], energy=-8.0)
    formation = formation_of({"Na": -1.0, "Cl": -2.0}, Corrections(dict.fromkeys(IDS, -0.25)))
    table = table_of(records.values(), "e_form_per_atom_fake", formation)
    assert list(table.index) == IDS
    assert table.loc["wbm-1-1", "e_form_per_atom_fake"] == pytest.approx((-7.0 + 3.0) / 2 - 0.25)
    assert table.loc["wbm-1-5", "e_form_per_atom_fake"] == pytest.approx((-8.0 + 3.0) / 2 - 0.25)
    assert np.isnan(table.loc["wbm-1-4", ["e_form_per_atom_fake", "energy"]].astype(float)).all()
    summary = summary_of(table)
    assert (summary.converged, summary.failed) == (13, 1)
    assert summary.flags == {"volume doubled": 1}
    assert summary.reasons == {"diverged": 1}
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(tmp_path / name, table)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
