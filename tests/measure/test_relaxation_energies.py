"""Formation energies against the published numbers of the correction scheme."""

import gzip
import json

import pytest
from ase.build import bulk

from alphanet.errors import UserError
from alphanet.measure.relaxation.energies import Corrections, formation_energy, read_references
from alphanet.measure.relaxation.protocol import protocol_of, settings_of


def entry(energy: float, **composition: float) -> dict:
    return {"@class": "ComputedEntry", "energy": energy, "composition": composition, "correction": 0.0}


def test_references_are_rounded_as_the_leaderboard_does(tmp_path):
    path = tmp_path / "refs.json.gz"
    entries = {"Na": entry(-2.62457, Na=2.0), "O": {**entry(-9.9, O=2.0), "correction": 0.2}}
    with gzip.open(path, "wt") as stream:
        json.dump(entries, stream)
    assert read_references(path) == {"Na": -1.3123, "O": -4.85}
    path.write_bytes(b"not gzip")
    with pytest.raises(UserError, match="cannot be read"):
        read_references(path)
    (tmp_path / "other.json").write_text('{"Na": 3}')
    with pytest.raises(UserError, match="mp-elemental-reference-entries"):
        read_references(tmp_path / "other.json")


def test_formation_energy_is_per_atom():
    assert formation_energy([11, 17], -7.0, {"Na": -1.0, "Cl": -2.0}) == pytest.approx(-2.0)
    with pytest.raises(UserError, match="no elemental reference energy of Cl"):
        formation_energy([11, 17], -7.0, {"Na": -1.0})


@pytest.mark.parametrize(
    ("atoms", "correction"),  # eV per cell, from Table 1 of doi:10.1038/s41598-021-94550-5
    [
        (bulk("MgO", "rocksalt", a=4.2), -0.687),
        (bulk("NaCl", "rocksalt", a=5.6), -0.614),
        (bulk("FeO", "rocksalt", a=4.3), -0.687 - 2.256),
        (bulk("Cu"), 0.0),
        (bulk("FeAl", "cesiumchloride", a=2.9), 0.0),
    ],
)
def test_corrections_are_those_of_mp2020(atoms, correction):
    assert Corrections().correction("wbm-1-1", atoms) == pytest.approx(correction, abs=2e-3)


def test_published_corrections_come_first_and_corrected_potentials_get_none():
    oxide = bulk("MgO", "rocksalt", a=4.2)
    published = Corrections({"wbm-1-1": -0.1})
    assert published.correction("wbm-1-1", oxide) == pytest.approx(-0.2)
    assert published.source() == "MP2020, published summary"
    assert Corrections(included=True).correction("wbm-1-1", oxide) == 0.0


def test_cards_say_what_their_published_entries_used(tmp_path):
    assert settings_of("chgnet").corrected
    assert settings_of("chgnet:0.2.0").corrected
    assert not settings_of("sevennet-0").corrected
    assert settings_of("mace-mp-0").dtype == "float64"
    assert protocol_of("orb-mptrj").fmax == 0.02
    assert (protocol_of("grace-2l-mptrj").fmax, protocol_of("grace-2l-mptrj").max_steps) == (0.03, 300)
    own = tmp_path / "model.safetensors"
    own.touch()
    assert (protocol_of(str(own)).fmax, protocol_of(str(own)).max_steps) == (0.05, 500)
    assert protocol_of("orb-mptrj", fmax=0.01).fmax == 0.01
    assert protocol_of("orb-mptrj").digest != protocol_of("chgnet").digest
