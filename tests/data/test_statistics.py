"""Statistics against NumPy on everything at once, and the verdicts of `check`."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphanet.data.checks import check_file
from alphanet.data.formats import write_frames
from alphanet.data.labels import labels_of
from alphanet.data.statistics import Moments, fingerprint, statistics_of


@given(st.lists(st.floats(-1230, -1220), min_size=1, max_size=50))
def test_moments_agree_with_numpy(values):
    moments = Moments()
    for value in values:
        moments.add(value)
    assert moments.mean == pytest.approx(np.mean(values), rel=1e-12)
    assert moments.std == pytest.approx(np.std(values), abs=1e-9)
    assert (moments.low, moments.high) == (min(values), max(values))


def test_statistics(frame):
    frames = [frame(seed) for seed in range(6)]
    found = statistics_of([*frames, frames[0]]).as_dict()
    forces = np.concatenate([atoms.get_forces().ravel() for atoms in [*frames, frames[0]]])
    assert found["frames"] == 7
    assert found["duplicates"] == 1
    assert found["elements"] == {"Au": 7, "Cu": 21}
    assert found["force_rms_eV_per_A"] == pytest.approx(np.sqrt((forces**2).mean()))
    shortest = min(np.sort(atoms.get_all_distances(mic=True), axis=None)[4] for atoms in frames)
    assert found["shortest_distance_A"] == pytest.approx(shortest)
    assert found["stress_frames"] == 7
    assert found["neighbors_mean"] == pytest.approx(42, abs=3)  # fcc copper within 5 Å


def test_a_fingerprint_survives_shifts_and_fewer_digits(frame):
    atoms, other = frame(0), frame(0)
    other.positions += 1.0
    other.wrap()
    other.calc = atoms.calc
    other.calc.results["forces"] = other.calc.results["forces"].round(8)
    assert fingerprint(atoms, labels_of(atoms)) == fingerprint(other, labels_of(other))
    assert fingerprint(atoms, labels_of(atoms)) != fingerprint(frame(1), labels_of(frame(1)))
    assert fingerprint(atoms, {}) == fingerprint(frame(0), {})


def test_check_of_a_file(tmp_path, frame):
    path = tmp_path / "a.extxyz"
    calm = frame(0)
    calm.calc.results["forces"] -= calm.calc.results["forces"].mean(axis=0)
    write_frames(path, [calm])
    assert {finding.verdict for finding in check_file(path)} == {"ok"}
    calm.positions *= 0.1
    calm.cell *= 0.1  # nanometres
    write_frames(path, [calm, calm])
    found = {finding.subject: finding for finding in check_file(path)}
    assert found["frames: units"].detail.endswith("are these eV and Å?")
    assert found["frames: repeats"].detail == "1 frames repeat another"
    calm.calc.results["forces"][:, 0] += 1.0
    write_frames(path, [calm])
    found = {finding.subject: finding for finding in check_file(path)}
    assert found["frames: net force"].verdict == "warning"
    path.write_text("1\n\nHe 0 0 nan\n")
    (finding,) = check_file(path)
    assert finding.verdict == "failed"
