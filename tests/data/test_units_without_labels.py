"""Frames that are read for a computation: units that the file names hold for what stays beside its results."""

import numpy as np
import pytest
from ase import units
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.cards import LabelKeys
from alphanet.data.formats import read_frames, write_frames
from alphanet.errors import UserError

UNITS = "energy_unit=Ha forces_unit=Ha/bohr stress_unit=kbar"


@pytest.fixture
def write(tmp_path):
    def write(comment):
        head = '2\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3:forces:R:3:dft_forces:R:3'
        rows = "Cu 0 0 0 0.1 0 0 0.2 0 0\nO 1.8 0 0 -0.1 0 0 -0.2 0 0\n"
        path = tmp_path / "frames.extxyz"
        path.write_text(f"{head} {comment}\n{rows}")
        return path

    return write


def test_what_stays_is_in_our_units(write):
    (atoms,) = read_frames(write(f"energy=-1 dft_energy=-2 energy_kcal=3 {UNITS}"), labeled=False, labels=None)
    assert atoms.get_potential_energy() == pytest.approx(-units.Ha)
    assert atoms.info["dft_energy"] == pytest.approx(-2 * units.Ha)
    assert atoms.info["energy_kcal"] == 3  # says its unit itself
    assert atoms.arrays["dft_forces"][0, 0] == pytest.approx(0.2 * units.Ha / units.Bohr)
    assert not [key for key in atoms.info if "unit" in key]


def test_positions_are_in_angstroms(write):
    (atoms,) = read_frames(write("energy=-1 length_unit=bohr"), labeled=False, labels=None)
    assert atoms.get_distance(0, 1) == pytest.approx(1.8 * units.Bohr)
    with pytest.raises(UserError, match=r"'length_unit' names a unit of length that is not known: 'cubit'"):
        list(read_frames(write("energy=-1 length_unit=cubit"), labeled=False, labels=None))


def test_results_in_our_units_are_not_converted_when_they_are_read_again(write, tmp_path):
    """As `predict` and simulations do it: the results take the place of the file's labels."""
    (atoms,) = read_frames(write(f"energy=-1 dft_energy=-2 {UNITS}"), labeled=False, labels=None)
    atoms.calc = SinglePointCalculator(atoms, energy=-7.0, forces=np.ones((2, 3)), stress=np.ones(6))
    write_frames(tmp_path / "computed.extxyz", [atoms])
    (again,) = read_frames(tmp_path / "computed.extxyz")
    assert again.get_potential_energy() == -7.0
    np.testing.assert_allclose(again.get_forces(), 1)
    np.testing.assert_allclose(again.get_stress(), 1)
    (other,) = read_frames(tmp_path / "computed.extxyz", labels=LabelKeys(energy="dft_energy"))
    assert other.get_potential_energy() == pytest.approx(-2 * units.Ha)


def test_predict_writes_what_it_says(write, tmp_path):
    frames, out = write(f"energy=-1 {UNITS}"), tmp_path / "out.extxyz"
    options = ["--untrained", "--preset", "mini", "--mode", "eager"]
    outcome = CliRunner().invoke(app, ["predict", "alphanet", str(frames), "--out", str(out), *options])
    assert outcome.exit_code == 0, outcome.output
    assert "energy_unit" not in out.read_text()
    assert next(read_frames(out)).get_potential_energy() == float(out.read_text().split(" energy=")[1].split()[0])
