"""AlphaNet in torch_sim: the interface's own validation, the calculator's numbers, and batched relaxation and MD."""

import numpy as np
import pytest
import torch
import torch_sim
from ase import Atoms
from ase.build import bulk, molecule
from torch_sim.models.interface import validate_model_outputs

from alphanet import AlphaNetCalculator
from alphanet.errors import UserError
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model
from alphanet.torch_sim_model import AlphaNetModel

SMALL = {"num_layers": 2, "hidden_channels": 8, "heads": 2, "num_basis": 4, "temporal_channels": 2, "cutoff": 4.0}


@pytest.fixture(scope="module")
def network():
    return create_model(AlphaNetConfig(elements=["H", "C", "O", "Si", "Fe", "Cu"], **SMALL), seed=1).double()


def rattled(seed: int) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=seed)
    return atoms


def test_the_interface_s_own_validation(network):
    validate_model_outputs(AlphaNetModel(network), torch.device("cpu"), torch.float64)


def test_a_batch_gives_what_the_calculator_gives(network):
    frames = [rattled(1), rattled(2).repeat((2, 1, 1))]
    answer = AlphaNetModel(network)(torch_sim.initialize_state(frames, "cpu", torch.float64))
    first = 0
    for index, atoms in enumerate(frames):
        atoms.calc = AlphaNetCalculator(network)
        assert float(answer["energy"][index]) == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
        forces = answer["forces"][first : first + len(atoms)].numpy()
        np.testing.assert_allclose(forces, atoms.get_forces(), atol=1e-9)
        np.testing.assert_allclose(answer["stress"][index].numpy(), atoms.get_stress(voigt=False), atol=1e-9)
        first += len(atoms)


def test_batched_relaxation_and_md(network):
    model = AlphaNetModel(network)
    frames = [rattled(3), rattled(4)]
    before = model(torch_sim.initialize_state(frames, "cpu", torch.float64))["energy"]
    relaxed = torch_sim.optimize(system=frames, model=model, optimizer=torch_sim.gradient_descent, max_steps=5)
    assert (model(relaxed)["energy"] < before).all()
    moved = torch_sim.integrate(
        system=frames, model=model, integrator=torch_sim.nve, n_steps=3, temperature=300, timestep=0.001
    )
    assert torch.isfinite(moved.positions).all()


def test_unknown_elements_are_refused(network):
    with pytest.raises(UserError, match="does not know N"):
        AlphaNetModel(network)(torch_sim.initialize_state([molecule("N2", vacuum=5)], "cpu", torch.float64))
