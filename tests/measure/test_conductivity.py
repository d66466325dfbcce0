"""Thermal conductivity: how it scales with the forces, the definition of κ_SRME, and published values by address."""

import gzip
import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import write

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.properties.adhoc import adhoc_card
from alphanet.benchmark.runner import run_benchmark
from alphanet.errors import UserError
from alphanet.measure.properties import phonondb
from alphanet.measure.properties.conductivity import conductivity_of, mode_conductivities
from alphanet.measure.properties.methods import SOFT, Softened, emt
from alphanet.measure.properties.registry import make_property
from alphanet.measure.properties.structures import structure_called, structure_digest

EMT = "alphanet.measure.properties.methods:emt"


def test_a_conductivity_scales_with_the_forces():
    """Without quanta, frequencies go as s^(1/2), lifetimes and velocities too: κ of heat that is kT goes as s^(3/2).

    Tetrahedra of a coarse grid decide by the last digits which modes of equal frequency scatter: 1 % at this grid.
    """
    pytest.importorskip("phono3py")
    task = make_property("conductivity", {"length": 5.0, "mesh": 9}, "test")
    stiff, soft = (task.compute(calculator, structure_called("Cu")) for calculator in (emt(), Softened()))
    assert (stiff.lowest, soft.lowest) == pytest.approx((0, 0), abs=1e-3)  # acoustic modes at Γ
    assert soft.conductivity / stiff.conductivity == pytest.approx(SOFT**1.5, rel=0.03)
    errors = task.compare(soft, stiff)
    known = 2 * (1 - SOFT**1.5) / (1 + SOFT**1.5)
    assert errors["conductivity_error"] == pytest.approx(known, abs=0.03)
    assert errors["srme"] == pytest.approx(known, abs=0.03)  # every mode by as much


def test_srme_is_that_of_its_definition():
    task = make_property("conductivity", {}, "test")
    frequencies = np.array([[0.0, 1.0], [2.0, 3.0]])
    true = conductivity_of(np.array([[0.0, 1.0], [2.0, 3.0]]), frequencies, 0.0)
    found = conductivity_of(np.array([[0.0, 2.0], [2.0, 2.0]]), frequencies, 0.0)
    # 2 Σ|κ - κ'| / (Σκ + Σκ'): as much heat in all, by other modes
    assert task.compare(found, true) == {"srme": pytest.approx(2 * 2 / 12), "conductivity_error": 0}
    nothing = type(true)(notes=("imaginary modes",))
    other = conductivity_of(np.ones((3, 2)), np.ones((3, 2)), 0.0)
    for worst in (nothing, other):
        assert task.compare(worst, true) == {"srme": 2, "conductivity_error": 2}
    assert task.compare(true, nothing) == {}
    pairs = np.zeros((1, 2, 2, 6))
    pairs[0, 0, 0, :3], pairs[0, 1, 1, :3] = 5.0, 7.0
    pairs[0, 0, 1, :3] = pairs[0, 1, 0, :3] = 1.0
    assert mode_conductivities(pairs, np.ones((1, 2)))[0].tolist() == [6, 8]  # a coherence is shared
    assert mode_conductivities(pairs, np.array([[1.0, 3]]))[0].sum() == 14
    assert mode_conductivities(pairs, np.zeros((1, 2)))[0].tolist() == [0, 0]


def test_crystals_that_conduct_nothing_say_why():
    pytest.importorskip("phono3py")
    task = make_property("conductivity", {"length": 3.0, "mesh": 2}, "test")
    slipping = LennardJones(sigma=2.2, epsilon=0.3, rc=6.6, smooth=True)
    crystal = bulk("Cu", "bcc", a=2.7)  # which pairs alone do not hold
    found = task.compute(slipping, crystal)
    assert found.conductivity is None and "imaginary" in found.notes[0] and found.lowest < 0
    assert "more than 12 atoms" in task.unfit(bulk("Cu").repeat(3))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Two copper crystals in the form of the published set, with the conductivity that EMT gives the first."""
    pytest.importorskip("phono3py")
    copper = bulk("Cu", cubic=True)
    copper.info = {"fc2_supercell": np.eye(3, dtype=int), "fc3_supercell": np.eye(3, dtype=int), "q_mesh": [4, 4, 4]}
    structures, values = tmp_path / "structures.extxyz", tmp_path / "kappas.json.gz"
    write(structures, [copper, bulk("Ag", cubic=True)])
    found = make_property("conductivity", {}, "test").compute(emt(), copper)
    modes = np.array(found.curves["modes"].y).reshape(-1, 3)
    weights = [2.0] * len(modes)
    columns = {
        "name": {"7": "Cu"},
        "symm.no": {"7": 225},
        "weights": {"7": weights},
        "frequencies": {"7": np.zeros(modes.shape).tolist()},
        "mode_kappa_TOT_ave": {"7": [(modes * sum(weights)).tolist()]},
    }
    values.write_bytes(gzip.compress(json.dumps(columns).encode()))
    monkeypatch.setattr(phonondb, "local_path", lambda source: structures if source.group == "structures" else values)
    return structures, values


def test_published_conductivities_are_a_reference(published, tmp_path):
    folder = tmp_path / "out" / "kappa"
    card = adhoc_card(folder, models=[EMT], reference="phonondb", tasks=[], structures=None, untrained=False,
                      preset=None, config=None, trust=False)  # fmt: skip
    assert list(card.columns) == ["conductivity"] and len(card.columns["conductivity"].structures) == 2
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=folder.parent))
    cells = {cell.metric: cell for cell in result.cells}
    assert cells["srme"].measured == pytest.approx(0, abs=1e-4)
    (reasons,) = (grid.rows for grid in result.grids if grid.id == "reasons")
    assert "phonondb has no Ag of space group 225" in reasons[0][3]


def test_published_files_that_cannot_be_had(published, monkeypatch):
    structures, values = published
    task, copper = make_property("conductivity", {}, "test"), structure_called(f"{structures}@0")
    assert copper.info["q_mesh"].tolist() == [4, 4, 4]
    assert structure_digest(copper) != structure_digest(bulk("Cu", cubic=True))
    with pytest.raises(UserError, match="at 300 K alone"):
        phonondb.published(make_property("conductivity", {"temperature": 400.0}, "test"), copper)
    phonondb._conductivities.cache_clear()
    values.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(UserError, match="fetch it again"):
        phonondb.published(task, copper)
    values.unlink()
    with pytest.raises(UserError, match="alphanet data fetch phonondb --scale full"):
        phonondb.published(task, copper)
