"""Forces and stress are the derivatives of the energy, and the energy has no jump anywhere."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from model_samples import SAMPLES, alloy, answer, ethanol, paper_config, random_model
from scipy.integrate import simpson

from alphanet.graph import collate
from alphanet.model.base import InteratomicModel
from alphanet.model.prediction import predict

FORMS = [
    {},
    {"rotation": "exponential", "zbl": True},
    {"envelope": "cosine"},
    {"moments": 2, "temporal_residual": True, "transition_gate": False},
    {"envelope": "bump", "rope": False, "temporal": False, "frame_transition": False},
]


@pytest.fixture(scope="module", params=FORMS, ids=str)
def model(request: pytest.FixtureRequest) -> InteratomicModel:
    return random_model(paper_config(**request.param))


def fourth_order(function, step: float) -> float:
    """Derivative at 0 by central differences of fourth order."""
    near, far = function(step) - function(-step), function(2 * step) - function(-2 * step)
    return (8 * near - far) / (12 * step)


@pytest.mark.parametrize("sample", SAMPLES)
def test_forces_are_derivatives(model: InteratomicModel, sample: str) -> None:
    atoms = SAMPLES[sample]()
    forces = answer(model, atoms).forces.numpy()
    for atom, axis in ((0, 0), (1, 2), (len(atoms) - 1, 1)):

        def energy(x: float, atom: int = atom, axis: int = axis) -> float:
            moved = atoms.copy()
            moved.positions[atom, axis] += x
            return float(predict(model, model.graph(moved), forces=False, stress=False).energy)

        assert abs(-fourth_order(energy, 1e-3) - forces[atom, axis]) < 1e-6


def test_stress_is_the_derivative_by_strain_per_volume(model: InteratomicModel) -> None:
    atoms = alloy()
    stress = answer(model, atoms).stress[0].numpy()
    for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):

        def energy(x: float, a: int = a, b: int = b) -> float:
            strain = np.eye(3)
            strain[a, b] += x / 2
            strain[b, a] += x / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            return float(predict(model, model.graph(moved), forces=False, stress=False).energy)

        assert abs(fourth_order(energy, 1e-3) / atoms.get_volume() - stress[a, b]) < 1e-6


def test_nothing_jumps_when_a_neighbour_crosses_the_cutoff(model: InteratomicModel) -> None:
    """The edge that appears at the cutoff carries nothing: the change over it is that of a smooth function."""

    def at(distance: float) -> tuple[float, np.ndarray]:
        atoms = ethanol() + Atoms("H", positions=[ethanol().positions[0] + [distance, 0, 0]])
        found = answer(model, atoms)
        return float(found.energy), found.forces.numpy()

    cutoff, step = model.config.cutoff, 1e-7
    outer, inner = [at(cutoff + step), at(cutoff + 3 * step)], [at(cutoff - step), at(cutoff - 3 * step)]
    energy_jump = (outer[0][0] - inner[0][0]) - (outer[1][0] - inner[1][0]) / 3
    forces_jump = (outer[0][1] - inner[0][1]) - (outer[1][1] - inner[1][1]) / 3
    assert abs(energy_jump) < 1e-9
    # The cosine envelope's second derivative is not zero at the cutoff, so its forces have a kink there (no jump).
    kink = 1e-6 if model.config.envelope == "cosine" else 1e-9
    assert np.abs(forces_jump).max() < kink


def test_dimer_dissociates_into_isolated_atoms(model: InteratomicModel) -> None:
    apart = answer(model, Atoms("HO", positions=[[0, 0, 0], [model.config.cutoff - 1e-5, 0, 0]]))
    isolated = sum(float(answer(model, Atoms(symbol)).energy) for symbol in "HO")
    assert abs(float(apart.energy) - isolated) < 1e-9


@pytest.mark.parametrize("make", [ethanol, alloy])
@pytest.mark.parametrize("seed", [0, 1])
def test_energy_differences_are_the_work_of_the_forces(model: InteratomicModel, make, seed: int) -> None:
    """Along a random straight path of 0.3 Å at 600 steps: a jump anywhere on it would break the balance."""
    atoms = make()
    direction = np.random.default_rng(seed).normal(size=atoms.positions.shape)
    direction /= np.linalg.norm(direction, axis=1).max()
    distances = np.linspace(0, 0.3, 601)
    energies, powers = [], []
    for some in np.array_split(distances, 3):
        frames = [Atoms(atoms.numbers, atoms.positions + x * direction, cell=atoms.cell, pbc=atoms.pbc) for x in some]
        found = predict(model, collate([model.graph(frame) for frame in frames]), stress=False)
        energies.append(found.energy.numpy())
        powers.append((found.forces.numpy().reshape(len(some), -1, 3) * direction).sum(axis=(1, 2)))
    work = simpson(np.concatenate(powers), x=distances)
    energy = np.concatenate(energies)
    assert abs(energy[-1] - energy[0] + work) < 1e-7
    assert np.ptp(energy) > 1e-3  # the path is not flat


HARD = {
    "isolated atom": Atoms("H"),
    "isolated in a box": Atoms("Cu", cell=[20, 20, 20], pbc=True),
    "out of reach": Atoms("H2", positions=[[0, 0, 0], [9, 0, 0]]),
    "dimer": molecule("H2"),
    "collinear": molecule("CO2"),
    "inversion center": bulk("Cu"),
    "cubic": bulk("Si", cubic=True),
}


@pytest.mark.parametrize("name", HARD)
def test_high_symmetry_is_finite_to_second_derivatives(model: InteratomicModel, name: str) -> None:
    atoms = HARD[name]
    graph = model.graph(atoms)
    found = predict(model, graph, create_graph=True)
    assert torch.isfinite(found.energy).all()
    assert torch.isfinite(found.forces).all()
    assert torch.isfinite(found.stress).all()
    if graph.n_edges:
        (found.forces.square().sum() + found.stress.square().sum()).backward()
        for parameter in model.parameters():
            assert parameter.grad is None or torch.isfinite(parameter.grad).all()
        model.zero_grad()
    if name != "dimer" and name != "collinear":
        assert found.forces.abs().max() < 1e-10
