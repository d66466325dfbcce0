"""The repulsion of nuclei (zbl): its published numbers, its derivatives and its end, in models and in checkpoints."""

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from model_samples import answer, official_config, paper_config, random_model
from released_samples import PUBLIC_SETTINGS, public_state

from alphanet.graph import collate
from alphanet.model.checkpoint import load_model, save_model
from alphanet.model.config import AlphaNetConfig, OfficialConfig
from alphanet.model.prediction import predict
from alphanet.model.repulsion import Repulsion, fitted_repulsion, universal_repulsion

FORMS = {
    "universal": universal_repulsion(5.0, "polynomial"),
    "universal, bump": universal_repulsion(5.0, "bump"),
    "fitted": fitted_repulsion(5.0),
}
PAIRS = [("H", "H"), ("H", "O"), ("C", "O"), ("O", "Si"), ("Cu", "Cu"), ("Cs", "Pu")]
CONFIGS = {"paper": paper_config(), "official-v1": official_config()}


def crowded() -> Atoms:
    """Atoms that are nearer than any bond, also across the faces of a triclinic cell."""
    positions = [[0, 0, 0], [0.7, 0.2, 0], [0.3, 0.8, 0.1], [1.2, 1.0, 0.6]]
    return Atoms("CuOHC", positions, cell=[[2.0, 0, 0], [0.3, 2.2, 0], [0, 0.1, 2.4]], pbc=True)


def energies(form: Repulsion, pair: tuple[str, str], distances: np.ndarray) -> np.ndarray:
    vectors = torch.zeros(len(distances), 3, dtype=torch.float64)
    vectors[:, 1] = torch.as_tensor(distances)
    first, second = (torch.tensor([atomic_numbers[symbol]]) for symbol in pair)
    return form.pairs(vectors, first, second).numpy()


def end(form: Repulsion, pair: tuple[str, str]) -> float:
    """Å."""
    reach = sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)
    return 1.0 if form is FORMS["fitted"] else min(5.0, reach)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_universal_form_is_the_published_one(pair: tuple[str, str]) -> None:
    """Against the other published rounding of its constants, as LAMMPS documents it for `pair_style zbl`."""
    weights, exponents = (0.18175, 0.50986, 0.28022, 0.02817), (3.19980, 0.94229, 0.40290, 0.20162)
    first, second = (atomic_numbers[symbol] for symbol in pair)
    for distance in (0.05, 0.2, 0.4, 0.55):
        x = distance * (first**0.23 + second**0.23) / 0.46850
        screening = sum(w * math.exp(-b * x) for w, b in zip(weights, exponents, strict=True))
        part = distance / end(FORMS["universal"], pair)
        taper = 1 - 28 * part**6 + 48 * part**7 - 21 * part**8
        expected = 14.399645 * first * second / distance * screening * taper
        assert energies(FORMS["universal"], pair, np.array([distance]))[0] == pytest.approx(expected, rel=1e-3)


def test_the_fitted_form_has_the_public_numbers() -> None:
    """Of silicon and oxygen 0.6 Å apart, written out."""
    weights = (0.187, 0.3769, 0.189, 0.081, 0.003, 0.037, 0.0546, 0.0715)
    exponents = (3.20, 1.10, 0.102, 0.958, 1.28, 1.14, 1.69, 5.0)
    x = 0.6 * (14**0.6032 + 8**0.6032) / (1.001 * 0.8854 * 0.529177210903)
    screening = sum(w * math.exp(-b * x) for w, b in zip(weights, exponents, strict=True))
    expected = 14.399645478425 * 14 * 8 / 0.6 * screening * 0.5 * (math.cos(0.6 * math.pi) + 1)
    assert energies(FORMS["fitted"], ("Si", "O"), np.array([0.6]))[0] == pytest.approx(expected, rel=1e-12)
    assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize(("name", "pair"), list(product(FORMS, PAIRS)))
def test_nuclei_repel_each_other_up_to_a_smooth_end(name: str, pair: tuple[str, str]) -> None:
    form = FORMS[name]
    last = end(form, pair)
    curve = energies(form, pair, np.linspace(0.02, last, 400))
    assert (np.diff(curve) < 0).all() and abs(curve[-1]) < 1e-12
    assert (energies(form, pair, np.linspace(last, 6.0, 50)) == 0).all()
    step = 1e-4
    scale = energies(form, pair, np.array([0.5 * last]))[0]
    near = energies(form, pair, last - step * np.array([0, 1, 2]))
    # Energy and force end at zero; the curvature too, but for the cosine of the public code.
    assert near[1] / step < 1e-2 * scale
    if name != "fitted":
        assert abs(near[0] - 2 * near[1] + near[2]) / step**2 < 1e-1 * scale


@pytest.mark.parametrize("name", FORMS)
def test_forces_and_stress_are_derivatives(name: str) -> None:
    form, atoms, step = FORMS[name], crowded(), 1e-5
    model = random_model(paper_config())

    def energy(moved: Atoms) -> float:
        return float(predict(form, model.graph(moved), forces=False, stress=False).energy)

    found = predict(form, model.graph(atoms))
    for atom, axis in product(range(4), range(3)):
        values = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[atom, axis] += sign * step
            values.append(energy(moved))
        assert -(values[0] - values[1]) / (2 * step) == pytest.approx(
            float(found.forces[atom, axis]), rel=1e-6, abs=1e-5
        )
    for a, b in ((0, 0), (1, 2)):
        values = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * step / 2
            strain[b, a] += sign * step / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            values.append(energy(moved))
        slope = (values[0] - values[1]) / (2 * step) / atoms.get_volume()
        assert slope == pytest.approx(float(found.stress[0, a, b]), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("reading", CONFIGS)
def test_a_model_adds_every_pair_once(reading: str) -> None:
    """In eV whatever the scale of the network, images included, and half of each pair to each of its atoms."""
    config = CONFIGS[reading]
    without, with_it = (random_model(config.model_copy(update={"zbl": zbl})) for zbl in (False, True))
    graph = collate([with_it.graph(crowded()), with_it.graph(Atoms("Cu"))])
    form = fitted_repulsion(4.0) if reading == "official-v1" else universal_repulsion(4.0, "polynomial")
    expected = np.zeros(5)
    atoms = crowded()
    for i, j in product(range(4), range(4)):
        for shift in product((-2, -1, 0, 1, 2), repeat=3):
            vector = atoms.positions[j] + shift @ atoms.cell.array - atoms.positions[i]
            if (distance := float(np.linalg.norm(vector))) > 1e-9:
                pair = (atoms.symbols[i], atoms.symbols[j])
                expected[i] += 0.5 * energies(form, pair, np.array([distance]))[0]
    added = predict(with_it, graph).atomic_energies - predict(without, graph).atomic_energies
    np.testing.assert_allclose(added.numpy(), expected, rtol=1e-10, atol=1e-10)
    assert expected.sum() > 1 and expected[4] == 0
    assert without.repulsion is None


@pytest.mark.parametrize("reading", CONFIGS)
def test_constants_keep_their_precision_and_travel_with_the_file(reading: str, tmp_path: Path) -> None:
    model = random_model(CONFIGS[reading].model_copy(update={"zbl": True}))
    exact = answer(model, crowded()).energy
    single = model.float()
    assert {value.dtype for name, value in single.state_dict().items() if name.startswith("repulsion")} == {
        torch.float64
    }
    assert float(answer(single, crowded()).energy) == pytest.approx(float(exact), abs=1e-3)
    with torch.no_grad():
        model.repulsion.coulomb.mul_(2)
    save_model(model, tmp_path / "m.safetensors")
    again = load_model(tmp_path / "m.safetensors")
    assert again.config.zbl and torch.equal(answer(again, crowded()).energy, answer(model, crowded()).energy)


def test_public_checkpoints_carry_the_constants(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torch.save(public_state(zbl=True), tmp_path / "m.ckpt")
    model = load_model(tmp_path / "m.ckpt", PUBLIC_SETTINGS | {"zbl": True}, "float64")
    assert "the public PyTorch code since v0.1.2 leaves it out" in caplog.text
    usual = fitted_repulsion(4.0)
    for name, value in usual.state_dict().items():
        np.testing.assert_allclose(model.repulsion.state_dict()[name], value, rtol=1e-7)
    caplog.clear()
    without = load_model(tmp_path / "m.ckpt", PUBLIC_SETTINGS, "float64")
    assert without.repulsion is None and not caplog.text
    graph = model.graph(crowded())
    added = predict(model, graph).energy - predict(without, graph).energy
    assert float(added) == pytest.approx(float(predict(usual, graph).energy), rel=1e-6)


def test_other_constants_in_a_checkpoint_are_used(tmp_path: Path) -> None:
    torch.save(public_state(zbl=True, fzbl_gamma=2.0, fzbl_E2=7.0), tmp_path / "m.ckpt")
    model = load_model(tmp_path / "m.ckpt", PUBLIC_SETTINGS | {"zbl": True}, "float64")
    assert float(model.repulsion.length) == pytest.approx(2.0 * 0.8854 * 0.529177210903, rel=1e-7)
    assert float(model.repulsion.coulomb) == 7.0


def test_a_checkpoint_without_the_constants_has_those_of_the_code(tmp_path: Path) -> None:
    torch.save(public_state(), tmp_path / "m.ckpt")
    model = load_model(tmp_path / "m.ckpt", PUBLIC_SETTINGS | {"zbl": True})
    assert torch.equal(model.repulsion.weights, fitted_repulsion(4.0).weights)


def test_it_is_off_by_default() -> None:
    assert not AlphaNetConfig(elements=("H",)).zbl and not OfficialConfig().zbl
