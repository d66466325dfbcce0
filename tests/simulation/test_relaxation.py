"""Relaxations: those of ASE, and nothing is computed twice."""

import json

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.optimize import BFGS, FIRE
from moving_atoms import Mortal, Springs, crystal, molecule, potential
from python_potentials import Deadly, NoStress

from alphanet.errors import UserError
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.simulation.relaxation import Relaxation, relax_structures

FILES = ("relaxed.extxyz", "trajectory.extxyz", "log.csv", "summary.json", "evaluations.jsonl")


@pytest.mark.parametrize(("name", "optimizer"), [("fire", FIRE), ("bfgs", BFGS)])
def test_it_is_ases_relaxation_bit_by_bit(tmp_path, name, optimizer):
    (found,) = relax_structures([molecule()], potential(), Relaxation(fmax=0.001, optimizer=name), tmp_path)
    atoms = molecule()
    atoms.calc = Springs()
    by_hand = optimizer(atoms, logfile=None)
    by_hand.run(fmax=0.001)
    relaxed = read(tmp_path / "relaxed.extxyz")
    assert np.array_equal(relaxed.positions, atoms.positions)
    assert found.status == "converged" and found.steps == by_hand.nsteps
    assert found.fmax_eV_per_A == np.linalg.norm(relaxed.get_forces(), axis=1).max() < 0.001
    assert len(read(tmp_path / "trajectory.extxyz", ":")) == found.steps + 1


def test_a_cell_relaxes_under_pressure_as_ase_does_it(tmp_path):
    copper = bulk("Cu", a=3.5)
    emt = CalculatorPotential("emt", EMT())
    (found,) = relax_structures([copper], emt, Relaxation(fmax=1e-3, cell=True, pressure=10), tmp_path)
    atoms = copper.copy()
    atoms.calc = EMT()
    FIRE(FrechetCellFilter(atoms, scalar_pressure=10 * units.GPa), logfile=None).run(fmax=1e-3)
    relaxed = read(tmp_path / "relaxed.extxyz")
    np.testing.assert_allclose(relaxed.cell.array, atoms.cell.array, rtol=1e-12)
    assert -relaxed.get_stress()[:3].mean() / units.GPa == pytest.approx(10, abs=0.1)
    assert found.volume_A3 == pytest.approx(atoms.get_volume(), rel=1e-12)


def test_an_interrupted_relaxation_takes_the_same_path_and_computes_only_the_rest(tmp_path):
    settings, whole = Relaxation(fmax=1e-2), Springs()
    second = molecule()
    second.rattle(0.2, seed=1)
    frames = [molecule(), second]
    relax_structures(frames, potential(whole), settings, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        relax_structures(frames, potential(Mortal(9, KeyboardInterrupt())), settings, tmp_path / "cut")
    assert len(read(tmp_path / "cut" / "trajectory.extxyz", ":")) == 8
    rest = Springs()
    relax_structures(frames, potential(rest), settings, tmp_path / "cut")
    assert rest.calls == whole.calls - 8
    for name in FILES:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_more_steps_and_smaller_forces_go_on(tmp_path):
    first = relax_structures([molecule()], potential(), Relaxation(steps=3), tmp_path)
    assert first[0].status == "unconverged" and first[0].steps == 3
    calculator = Springs()
    (found,) = relax_structures([molecule()], potential(calculator), Relaxation(fmax=0.01), tmp_path)
    assert found.status == "converged" and calculator.calls == found.steps + 1 - 4
    with pytest.raises(UserError, match=r"other settings \(settings: optimizer fire then, bfgs now\)"):
        relax_structures([molecule()], potential(), Relaxation(optimizer="bfgs"), tmp_path)
    relax_structures([molecule()], potential(), Relaxation(optimizer="bfgs"), tmp_path, restart=True)


def test_what_fails_has_its_reason_and_the_others_go_on(tmp_path):
    deadly = CalculatorPotential("deadly", Deadly())
    frames = [Atoms(name, cell=[4, 4, 4], pbc=True) for name in ("Li", "Ne", "Ar", "Na")]
    found = relax_structures(frames, deadly, Relaxation(), tmp_path)
    assert [one.status for one in found] == ["converged", "failed", "failed", "converged"]
    assert found[1].reason == "after step 0: deadly: the prediction for (Ne) is not finite"
    assert found[2].reason == "after step 0: diverged: a force of 1.73e+06 eV/Å"
    assert [str(atoms.symbols) for atoms in read(tmp_path / "relaxed.extxyz", ":")] == ["Li", "Na"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["structures"][1]["reason"] == found[1].reason


def test_what_has_no_meaning_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no optimizer 'fier'; did you mean 'fire'"):
        relax_structures([molecule()], potential(), Relaxation(optimizer="fier"), tmp_path)
    with pytest.raises(UserError, match="relaxing a cell needs a structure that is periodic"):
        relax_structures([molecule()], potential(), Relaxation(cell=True), tmp_path)
    with pytest.raises(UserError, match="gives no stress, which relaxing a cell needs"):
        relax_structures([crystal()], CalculatorPotential("bare", NoStress()), Relaxation(cell=True), tmp_path)
