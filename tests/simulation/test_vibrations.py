"""Phonons: those of phonopy by hand, and nothing is computed twice."""

import logging

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from moving_atoms import molecule, potential

from alphanet.errors import UserError
from alphanet.measure.force_constants import crystal_of
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.simulation import vibrations
from alphanet.simulation.outputs import columns_of
from alphanet.simulation.vibrations import Phonons, phonons_of

SETTINGS = Phonons(supercell=(3, 3, 3), mesh=(5, 5, 5))


def emt() -> CalculatorPotential:
    return CalculatorPotential("emt", EMT())


def copper():
    return bulk("Cu", a=3.58984)  # relaxed


def test_copper_is_as_phonopy_has_it(tmp_path):
    phonopy = pytest.importorskip("phonopy")
    from phonopy.structure.atoms import PhonopyAtoms

    found = phonons_of(copper(), emt(), SETTINGS, tmp_path)
    atoms = copper()
    cell = PhonopyAtoms(symbols=["Cu"], cell=atoms.cell.array, scaled_positions=[[0, 0, 0]], masses=[63.546])
    by_hand = phonopy.Phonopy(cell, np.diag([3, 3, 3]))
    by_hand.generate_displacements(distance=0.01)
    forces = []
    for one in by_hand.supercells_with_displacements:
        displaced = crystal_of(one)
        displaced.calc = EMT()
        forces.append(displaced.get_forces())
    by_hand.forces = forces
    by_hand.produce_force_constants()
    by_hand.symmetrize_force_constants()
    by_hand.run_mesh([5, 5, 5], is_gamma_center=True)
    frequencies = by_hand.mesh.frequencies
    assert found["lowest_frequency_THz"] == pytest.approx(frequencies.min(), abs=1e-6)
    assert found["highest_frequency_THz"] == pytest.approx(frequencies.max(), abs=1e-9)
    assert found["stable"] and found["imaginary_fraction"] == 0 and found["primitive_atoms"] == 1
    assert found["heat_capacity_J_per_K_per_mol"] == pytest.approx(3 * 8.314, rel=0.1)
    bands = columns_of(tmp_path / "bands.csv")
    assert max(bands[f"frequency {one} [THz]"].max() for one in (1, 2, 3)) == pytest.approx(8.1, abs=0.2)
    dos = columns_of(tmp_path / "dos.csv")
    steps = np.diff(dos["frequency [THz]"]).mean()
    assert dos["density of states [1/THz]"].sum() * steps == pytest.approx(3, rel=0.05)
    kept = phonopy.load(tmp_path / "phonopy.yaml", log_level=0)
    np.testing.assert_allclose(kept.force_constants, by_hand.force_constants[:1], atol=1e-10)


def test_nothing_is_computed_twice(tmp_path):
    pytest.importorskip("phonopy")
    found = phonons_of(copper(), emt(), SETTINGS, tmp_path)

    class Spent(CalculatorPotential):
        def predict(self, frames, *, batch_size=8):
            raise AssertionError("computed again")

    finer = SETTINGS.model_copy(update={"mesh": (5, 5, 5), "temperature": 100.0})
    again = phonons_of(copper(), Spent("emt", EMT()), finer, tmp_path)
    assert again["highest_frequency_THz"] == found["highest_frequency_THz"]
    assert again["free_energy_kJ_per_mol"] > found["free_energy_kJ_per_mol"]
    with pytest.raises(UserError, match=r"displacement 0.01 then, 0.02 now"):
        phonons_of(copper(), emt(), SETTINGS.model_copy(update={"displacement": 0.02}), tmp_path)


def test_what_is_not_relaxed_is_told_and_shows_imaginary_modes(tmp_path, caplog):
    pytest.importorskip("phonopy")
    square = bulk("Cu", "sc", a=2.6)
    with caplog.at_level(logging.WARNING, "alphanet"):
        found = phonons_of(square * (2, 1, 1), emt(), SETTINGS.model_copy(update={"supercell": (2, 3, 3)}), tmp_path)
    assert not found["stable"] and found["lowest_frequency_THz"] < -0.1 and found["imaginary_fraction"] > 0
    shifted = bulk("Cu", cubic=True)
    shifted.positions[0] += 0.1
    with caplog.at_level(logging.WARNING, "alphanet"):
        phonons_of(shifted, emt(), Phonons(supercell=(1, 1, 1), mesh=(2, 2, 2)), tmp_path / "shifted")
    assert "Cu4 (4 atoms) is not relaxed" in caplog.text


def test_supercells_are_large_enough_if_nobody_chose_them():
    assert Phonons().repeats(bulk("Cu", a=3.6, cubic=True)) == (3, 3, 3)
    assert Phonons().repeats(bulk("Cu", a=3.6, cubic=True) * (3, 1, 1)) == (1, 3, 3)


def test_what_has_no_phonons_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="a calculation of phonons needs a structure that is periodic"):
        phonons_of(molecule(), potential(), Phonons(), tmp_path)
    monkeypatch.setattr(vibrations, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"phonons need phonopy: pip install 'alphanet-suite\[phonons\]'"):
        phonons_of(copper(), emt(), Phonons(), tmp_path)
