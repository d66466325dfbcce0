import numpy as np
import pytest
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st

from alphanet.errors import UserError
from alphanet.measure.speed.structures import NAMED, quartz, supercell, unit_cell, water

DENSITY = {  # atoms/Å^3
    "zeolite": 0.052,
    "quartz": 0.0797,
    "diamond": 0.176,
    "cu": 0.0847,
    "water": 0.1003,
    "perovskite": 0.084,
    "slab": 0.0249,
    "si": 0.04997,
}


@pytest.mark.parametrize("name", NAMED)
def test_materials_have_their_density_and_no_close_pair(name):
    atoms = unit_cell(name)
    assert atoms.pbc.all()
    assert len(atoms) / atoms.get_volume() == pytest.approx(DENSITY[name], rel=0.01)
    distances = supercell(atoms, max(100, len(atoms))).get_all_distances(mic=True)
    assert distances[~np.eye(len(distances), dtype=bool)].min() > 0.9


def test_quartz_and_water_have_the_right_composition():
    assert quartz().get_chemical_formula() == "O12Si6"
    assert water().get_chemical_formula() == "H128O64"
    oxygen, hydrogen = water().positions[0], water().positions[1]
    assert np.linalg.norm(oxygen - hydrogen) == pytest.approx(0.9572, abs=0.002)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(NAMED)), st.integers(1, 20_000))
def test_supercells_come_near_to_the_size_and_stay_compact(name, n_atoms):
    unit = unit_cell(name)
    atoms = supercell(unit, n_atoms)
    assert abs(len(atoms) - n_atoms) <= max(len(unit), 0.25 * n_atoms)
    if n_atoms > 500:
        assert atoms.cell.lengths().max() / atoms.cell.lengths().min() < 4.1


def test_a_file_is_a_structure_too(tmp_path):
    write(tmp_path / "mine.xyz", unit_cell("cu"), format="extxyz")
    assert len(unit_cell(str(tmp_path / "mine.xyz"))) == 4
    lone = unit_cell("cu")
    lone.pbc = False
    write(tmp_path / "molecule.xyz", lone, format="extxyz")
    with pytest.raises(UserError, match="not periodic in three directions"):
        unit_cell(str(tmp_path / "molecule.xyz"))
    with pytest.raises(UserError, match="did you mean 'water'"):
        unit_cell("watr")
    (tmp_path / "broken.xyz").write_text("nonsense")
    with pytest.raises(UserError, match="cannot read"):
        unit_cell(str(tmp_path / "broken.xyz"))
