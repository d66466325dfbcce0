"""Geometries beside a reference: distances by hand, symmetries that are known."""

import numpy as np
import pytest
from ase.build import bulk

from alphanet.measure.relaxation.geometry import compare, summary


def test_equal_crystals_in_another_setting():
    salt = bulk("NaCl", "rocksalt", a=5.64)
    other = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    found = compare(other, salt)
    assert found["rmsd"] == pytest.approx(0, abs=1e-9)
    assert found["symmetry"]["0.01"]["relaxed"]["group"] == found["symmetry"]["0.01"]["reference"]["group"] == 225


def test_distance_in_units_of_the_spacing_and_lost_symmetry():
    silicon = bulk("Si", "diamond", a=5.43)
    moved = silicon.copy()
    moved.positions[1] += [0.02, 0.0, 0.0]
    found = compare(moved, silicon)
    spacing = (silicon.cell.volume / 2) ** (1 / 3)
    assert found["rmsd"] == pytest.approx(0.01 / spacing, rel=1e-3)  # both atoms are 0.01 Å off the best superposition
    symmetry = found["symmetry"]["1e-05"]
    assert symmetry["reference"] == {"group": 227, "operations": 48}
    assert symmetry["relaxed"]["operations"] < 48


def test_summary_counts_as_the_leaderboard():
    def row(rmsd, relaxed, reference):
        both = {"relaxed": dict(zip(("group", "operations"), relaxed, strict=True))}
        both["reference"] = dict(zip(("group", "operations"), reference, strict=True))
        return {"rmsd": rmsd, "symmetry": {"1e-05": both, "0.01": both}}

    rows = {
        "a": row(0.02, (225, 48), (225, 48)),
        "b": row(0.06, (1, 1), (225, 48)),
        "c": row(None, (225, 192), (225, 48)),  # the same group in a larger cell is no increase
        "d": row(0.04, (221, 48), (123, 16)),
    }
    found = summary(rows)
    assert found["unmatched"] == 1
    assert found["rmsd"] == pytest.approx(np.mean([0.02, 0.06, 1.0, 0.04]))
    assert found["symmetry_match_0.01"] == 0.5
    assert found["symmetry_decrease_0.01"] == found["symmetry_increase_0.01"] == 0.25
    assert found["n_sym_ops_mae_0.01"] == pytest.approx((0 + 47 + 144 + 32) / 4)
