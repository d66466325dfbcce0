"""The ASE calculator."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.md.velocitydistribution import thermalize_momenta
from ase.md.verlet import VelocityVerlet
from model_samples import alloy, answer, ethanol, paper_config, random_model, slab

from alphanet import AlphaNetCalculator
from alphanet.errors import UserError
from alphanet.model.checkpoint import save_model


def test_gives_what_the_model_gives_in_ases_terms() -> None:
    model, atoms = random_model(paper_config()), alloy()
    atoms.calc = AlphaNetCalculator(model)
    expected = answer(model, atoms)
    assert atoms.get_potential_energy() == pytest.approx(float(expected.energy))
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_forces(), expected.forces, atol=1e-12)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), expected.stress[0], atol=1e-12)
    np.testing.assert_allclose(atoms.get_potential_energies().sum(), atoms.get_potential_energy())


def test_molecules_have_no_stress() -> None:
    atoms = ethanol()
    atoms.calc = AlphaNetCalculator(random_model(paper_config()))
    assert np.isfinite(atoms.get_forces()).all()
    assert "stress" not in atoms.calc.results


def test_from_a_file(tmp_path) -> None:
    model, atoms = random_model(paper_config()), slab()
    save_model(model, tmp_path / "m.safetensors")
    atoms.calc = AlphaNetCalculator(tmp_path / "m.safetensors", dtype="float64")
    assert atoms.get_potential_energy() == pytest.approx(float(answer(model, atoms).energy))


def test_unknown_elements_and_overlaps_are_refused() -> None:
    calculator = AlphaNetCalculator(random_model(paper_config()))
    with pytest.raises(UserError, match="does not know Au"):
        Atoms("Au", calculator=calculator).get_potential_energy()
    with pytest.raises(UserError, match="overlap"):
        Atoms("H2", calculator=calculator).get_potential_energy()


def test_molecular_dynamics_conserves_energy_while_atoms_leave_the_cell() -> None:
    """NVE over 200 steps of 1 fs with a reused neighbor list; wrapping in between must not heat."""
    atoms = bulk("Cu", cubic=True) * (2, 1, 1)
    atoms.calc = AlphaNetCalculator(random_model(paper_config(), spread=0.02), skin=0.6)
    thermalize_momenta(atoms, temperature_K=600, rng=np.random.default_rng(0))
    atoms.positions += 1.7  # some atoms lie outside the cell from the start
    dynamics = VelocityVerlet(atoms, timestep=1 * units.fs)
    totals = []
    for _ in range(20):
        dynamics.run(10)
        atoms.wrap()
        totals.append(atoms.get_total_energy())
    assert np.ptp(totals) < 1e-3 * len(atoms)
    assert atoms.calc.neighbors.searches < 100


@pytest.mark.parametrize("max_memory", [None, 0])
def test_blocked_gives_the_same_and_other_modes_are_refused(max_memory) -> None:
    model = random_model(paper_config())
    found, expected = alloy(), alloy()
    found.calc = AlphaNetCalculator(model, mode="blocked", max_memory=max_memory)
    expected.calc = AlphaNetCalculator(model)
    assert (found.calc.mode, expected.calc.mode) == ("blocked", "eager")
    np.testing.assert_allclose(found.get_forces(), expected.get_forces(), atol=1e-10)
    np.testing.assert_allclose(found.get_stress(), expected.get_stress(), atol=1e-10)
    with pytest.raises(UserError, match=r"unknown mode 'compield'; choose one of .*did you mean 'compiled'"):
        AlphaNetCalculator(model, mode="compield")
