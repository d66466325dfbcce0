"""The real slices, where the mirror of the shared folder is there."""

import pytest

from alphanet.data.cards import load_card
from alphanet.data.checks import check_dataset
from alphanet.data.fetching import fetch
from alphanet.data.prepare import prepare
from alphanet.data.store import FrameStore


@pytest.fixture
def mirror(shared):
    folder = shared / "data" / "mirror"
    if not folder.is_dir():
        pytest.skip("the shared folder has no mirror")
    return f"file://{folder}"


def test_formate(mirror):
    data = prepare("formate", "slice", mirror=mirror)
    assert data.counts["test"] == 200
    assert data.counts["train"] + data.counts["valid"] == 866  # 1066 distinct frames in all
    atoms = FrameStore(data.test)[0]
    assert atoms.get_potential_energy() == -63888.86096171671  # every digit of the source
    assert atoms.get_chemical_formula() == "CHCu48O2"
    findings = list(check_dataset("formate", "slice", None))
    assert {finding.verdict for finding in findings} == {"ok"}


def test_oc20_keeps_raw_forces_of_fixed_atoms(mirror):
    data = prepare("oc20", "slice", mirror=mirror)
    frames = FrameStore(data.train)
    held = [abs(frames[i].get_forces()[frames[i].arrays["fixed"]]).max() for i in range(0, len(frames), 50)]
    assert min(held) > 0
    findings = list(check_dataset("oc20", "slice", None))
    assert {finding.verdict for finding in findings} == {"ok"}


def test_mptrj_has_stress_and_no_untrained_element_in_the_test_frames(mirror):
    data = prepare("mptrj", "slice", mirror=mirror)
    assert sum(data.counts.values()) == 21
    assert all("stress" in atoms.calc.results for atoms in FrameStore(data.train))
    trained = {symbol for atoms in FrameStore(data.train) for symbol in atoms.symbols}
    assert {symbol for atoms in FrameStore(data.test) for symbol in atoms.symbols} <= trained


def test_zeolite_files_are_right(mirror):
    fetched = fetch(load_card("zeolite"), "slice", mirror=mirror)
    assert len(fetched) == 7
    from alphanet.data.formats import read_frames

    frames = read_frames(fetched[-1].path)
    assert next(frames).info["group"] == "tho"
    assert sum(1 for _ in frames) == 1605


def test_wbm_predictions(mirror):
    fetched = fetch(load_card("wbm"), "slice", mirror=mirror)
    assert sorted(file.source.group for file in fetched)[0] == "chgnet"
    assert len(fetched) == 8
