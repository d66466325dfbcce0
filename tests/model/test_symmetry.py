"""The paper's reading is invariant: rotation, reflection, translation, wrapping, permutation, choice of supercell."""

import numpy as np
import pytest
import torch
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st
from model_samples import REFERENCE_ONLY, SAMPLES, alloy, answer, paper_config, random_model
from scipy.spatial.transform import Rotation

from alphanet.model.base import InteratomicModel

RELATIVE = 1e-10


@pytest.fixture(scope="module")
def model() -> InteratomicModel:
    return random_model(paper_config())


def assert_equal(found: torch.Tensor | np.ndarray, expected: torch.Tensor | np.ndarray) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    scale = max(np.abs(expected).max(), 1.0)
    assert np.abs(found - expected).max() < RELATIVE * scale


@pytest.mark.parametrize("sample", SAMPLES)
@settings(max_examples=5, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31), mirror=st.booleans())
def test_rotation_and_reflection(model: InteratomicModel, sample: str, seed: int, mirror: bool) -> None:
    atoms = SAMPLES[sample]()
    turn = Rotation.random(random_state=seed).as_matrix() @ np.diag([1, 1, -1 if mirror else 1])
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array @ turn.T)
    turned.positions = atoms.positions @ turn.T
    one, other = answer(model, atoms), answer(model, turned)
    assert_equal(other.energy, one.energy)
    assert_equal(other.forces, one.forces @ turn.T)
    assert_equal(other.stress, turn @ one.stress.numpy() @ turn.T)


@pytest.mark.parametrize("sample", SAMPLES)
def test_translation_wrapping_and_permutation(model: InteratomicModel, sample: str) -> None:
    atoms = SAMPLES[sample]()
    order = np.random.default_rng(0).permutation(len(atoms))
    moved = atoms[order]
    moved.positions += [3.7, -8.1, 0.9]
    moved.wrap()
    one, other = answer(model, atoms), answer(model, moved)
    assert_equal(other.energy, one.energy)
    assert_equal(other.forces, one.forces[order])
    assert_equal(other.stress, one.stress)


def test_choice_of_supercell(model: InteratomicModel) -> None:
    atoms = alloy()
    skewed = atoms.copy()
    skewed.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ atoms.cell.array)
    repeated = atoms.repeat((2, 1, 2))
    one, other, four = (answer(model, a) for a in (atoms, skewed, repeated))
    assert_equal(other.energy, one.energy)
    assert_equal(other.forces, one.forces)
    assert_equal(four.energy / 4, one.energy)
    assert_equal(four.forces[: len(atoms)], one.forces)
    assert_equal(four.stress, one.stress)


def test_batch_equals_single(model: InteratomicModel) -> None:
    from alphanet.graph import collate
    from alphanet.model.prediction import predict

    samples = [make() for make in SAMPLES.values()]
    together = predict(model, collate([model.graph(a) for a in samples]))
    singles = [answer(model, a) for a in samples]
    assert_equal(together.energy, torch.cat([s.energy for s in singles]))
    assert_equal(together.forces, torch.cat([s.forces for s in singles]))
    assert_equal(together.stress, torch.cat([s.stress for s in singles]))


def test_elements_matter(model: InteratomicModel) -> None:
    atoms = alloy()
    changed = atoms.copy()
    changed.symbols[0] = "Si"
    assert abs(answer(model, atoms).energy - answer(model, changed).energy) > 1e-3


@pytest.mark.parametrize("switch", ["rope", "temporal", "frame_transition"])
def test_each_component_of_table_8_can_be_switched_off_and_matters(switch: str) -> None:
    full, without = random_model(paper_config()), random_model(paper_config(**{switch: False}))
    assert without.n_parameters < full.n_parameters
    assert_equal(answer(without, rotated(alloy())).energy, answer(without, alloy()).energy)
    assert abs(answer(full, alloy()).energy - answer(without, alloy()).energy) > 1e-6


@pytest.mark.parametrize("name", REFERENCE_ONLY)
def test_each_other_form_is_invariant_and_matters(name: str) -> None:
    usual, other = random_model(paper_config()), random_model(REFERENCE_ONLY[name])
    for make in SAMPLES.values():
        assert_equal(answer(other, rotated(make())).energy, answer(other, make()).energy)
    mirrored = alloy()
    mirrored.set_cell(-mirrored.cell.array, scale_atoms=True)
    assert_equal(answer(other, mirrored).energy, answer(other, alloy()).energy)
    assert abs(answer(usual, alloy()).energy - answer(other, alloy()).energy) > 1e-6


def rotated(atoms: Atoms) -> Atoms:
    turn = Rotation.random(random_state=7).as_matrix()
    atoms.set_cell(atoms.cell.array @ turn.T, scale_atoms=True)
    return atoms
