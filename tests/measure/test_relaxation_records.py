"""Records on disk: what must not be mixed, what is missing or strange, and what the merged table says."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from alphanet.errors import UserError
from alphanet.journal import Journal
from alphanet.measure.relaxation.campaign import Campaign
from alphanet.measure.relaxation.energies import Corrections
from alphanet.measure.relaxation.job import Job
from alphanet.measure.relaxation.prediction import formation_of, summary_of, table_of, write_table
from alphanet.measure.relaxation.protocol import RelaxationProtocol
from alphanet.measure.relaxation.records import Conditions, Crystal, RelaxationRecord, failure
from alphanet.potentials.opening import LoadOptions

IDS = [f"wbm-{step}-{number}" for step in (1, 2) for number in range(1, 8)]
JOB = Job("fake", LoadOptions(dtype="float32"))
CONDITIONS = Conditions(model={"name": "fake"}, versions={"ase": "3.29.0"})


def record(identity: str, **changes) -> RelaxationRecord:
    values = {
        "status": "converged",
        "energy": -7.0,
        "energy_per_atom": -3.5,
        "n_sites": 2,
        "steps": 12,
        "fmax": 0.04,
        "volume_ratio": 1.0,
        "structure": Crystal([11, 17], [[0.0, 0.0, 0.0], [2.8, 2.8, 2.8]], [[5.6, 0.0, 0.0]] * 3),
    }
    return RelaxationRecord(id=identity, **values | changes)


@pytest.fixture
def campaign(tmp_path):
    """A campaign whose records are all there, in another order than that of the ids."""
    campaign = Campaign(JOB, dict.fromkeys(IDS, Atoms()), tuple(IDS), tmp_path)
    journal = Journal(campaign.path, campaign.header(CONDITIONS), RelaxationRecord)
    journal.extend([record(one) for one in reversed(IDS)])
    return campaign


def test_records_come_back_as_they_were(campaign):
    assert campaign.records() == [record(one) for one in reversed(IDS)]
    assert campaign.journal().header == campaign.header(CONDITIONS).model_copy(
        update={"when": campaign.journal().header.when}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"job": replace(JOB, model="other")}, r"other potential \(potential fake then, other now\)"),
        ({"job": Job("fake", LoadOptions(dtype="float64"))}, "other dtype"),
        ({"job": replace(JOB, engine="torch-sim")}, "other engine"),
        ({"job": replace(JOB, protocol=RelaxationProtocol(0.03))}, r"other protocol \(protocol: fmax 0\.05 then"),
        ({"ids": tuple(IDS[1:])}, "other structures"),
    ],
)
def test_records_of_another_campaign_are_refused(campaign, changes, said):
    with pytest.raises(UserError, match=said):
        replace(campaign, **changes).records()


def test_neither_threads_nor_the_order_of_ids_make_another_campaign(campaign):
    job = Job("fake", LoadOptions(dtype="float32", threads=2), batch=3)
    same = replace(campaign, ids=tuple(reversed(IDS)), job=job)
    assert same.records() == campaign.records()


def test_ids_are_sound(campaign):
    with pytest.raises(UserError, match="more than once, first wbm-1-3"):
        replace(campaign, ids=(*IDS, "wbm-1-3")).header()
    with pytest.raises(UserError, match="no structures"):
        replace(campaign, ids=()).header()


def test_files_that_were_put_together_are_refused(campaign):
    campaign.path.write_text(2 * campaign.path.read_text())
    with pytest.raises(UserError, match=r"relaxations\.jsonl cannot be read \(line 16, id: Field required"):
        campaign.records()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: [*lines, lines[1]], "two records of wbm-2-7"),
        (lambda lines: lines[:-1], "lacks 1 of its 14 records"),
        (lambda lines: [*lines, record("wbm-9-9").model_dump_json() + "\n"], "a record of wbm-9-9, which is no struct"),
        (lambda lines: [*lines, "rubbish\n"], "line 16"),
        (lambda lines: ["rubbish\n", *lines[1:]], "cannot be read"),
        (lambda lines: [*lines[:-1], lines[-1][:-20]], "lacks 1 of its 14 records"),
    ],
)
def test_duplicates_gaps_and_strangers_are_refused(campaign, change, said):
    lines = campaign.path.read_text().splitlines(keepends=True)
    campaign.path.write_text("".join(change(lines)))
    with pytest.raises(UserError, match=said):
        campaign.records()


def test_a_campaign_without_a_file_is_not_finished(campaign):
    campaign.path.unlink()
    with pytest.raises(UserError, match="lacks 14 of its 14 records"):
        campaign.records()


def test_the_table_has_formation_energies_and_no_energy_of_failures(campaign, tmp_path):
    records = {one.id: one for one in campaign.records()}
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
