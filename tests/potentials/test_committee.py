"""A committee wherever a model is named: means and spreads of its members, and one line for what is wrong with it."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch_sim
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.io import read, write
from committees import write_committee, write_run
from model_samples import alloy, ethanol, paper_config, random_model, slab
from typer.testing import CliRunner

from alphanet import AlphaNetCalculator, LoadOptions, open_potential
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.committee import CommitteePotential
from alphanet.potentials.local import AlphaNetPotential
from alphanet.potentials.runs import COMMITTEE, RESULT
from alphanet.potentials.specification import specified
from alphanet.torch_sim_model import AlphaNetModel

DOUBLE = LoadOptions(dtype="float64")


@pytest.fixture(scope="module")
def committee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_committee(tmp_path_factory.mktemp("runs") / "committee")


def members(committee: Path) -> list[AlphaNetPotential]:
    return [AlphaNetPotential(committee / f"member-{place}", dtype="float64") for place in range(3)]


def test_a_committee_gives_mean_and_spread_of_its_members(committee: Path) -> None:
    frames = [alloy(), ethanol(), slab()]
    whole = open_potential(str(committee), DOUBLE)
    single = [member.predict(frames) for member in members(committee)]
    for found, *of_members in zip(whole.predict(frames, batch_size=2), *single, strict=True):
        assert found.spread is not None and found.spread.members == 3
        for name in ("energy", "forces", "stress", "energies"):
            values = [getattr(member, name) for member in of_members]
            if values[0] is None:
                assert getattr(found, name) is None and getattr(found.spread, name) is None
                continue
            np.testing.assert_allclose(getattr(found, name), np.mean(values, axis=0), atol=1e-10)
            np.testing.assert_allclose(getattr(found.spread, name), np.std(values, axis=0), atol=1e-10)
        forces = np.array([member.forces for member in of_members])
        squares = ((forces - forces.mean(axis=0)) ** 2).sum(axis=-1)  # DP-GEN's deviation
        np.testing.assert_allclose(found.spread.of_atoms, np.sqrt(squares.mean(axis=0)), atol=1e-10)
    about = whole.provenance()
    digests = [sha256_of(committee / f"member-{place}" / "model.safetensors") for place in range(3)]
    assert about["members"] == 3 and about["weights_sha256"] == digests
    assert specified(str(committee)).digest == " ".join(digests)
    assert specified(str(committee)).run == committee / "member-0"  # whose settings say what it was trained on


def test_members_of_any_kind_make_the_same_committee(committee: Path) -> None:
    frames = [alloy(), ethanol()]
    made = CommitteePotential(members(committee))
    for one, other in zip(made.predict(frames), open_potential(str(committee), DOUBLE).predict(frames), strict=True):
        assert one.energy == pytest.approx(other.energy, abs=1e-10)
        np.testing.assert_allclose(one.spread.forces, other.spread.forces, atol=1e-10)
    assert made.name == "committee of 3 alphanet" and len(made.provenance()["members"]) == 3
    made.close()


def test_identical_members_agree_exactly() -> None:
    model = random_model(paper_config())
    (answer,) = AlphaNetPotential([model, model, model]).predict([alloy()])
    (alone,) = AlphaNetPotential(model).predict([alloy()])
    assert answer.spread.energy == 0 and not answer.spread.forces.any() and not answer.spread.stress.any()
    assert answer.energy == alone.energy and np.array_equal(answer.forces, alone.forces)
    assert alone.spread is None


def test_the_calculator_and_torch_sim_have_the_same_numbers(committee: Path) -> None:
    atoms = alloy()
    (expected,) = open_potential(str(committee), DOUBLE).predict([atoms])
    calculators = [AlphaNetCalculator(committee, dtype="float64")]
    calculators += [copy.deepcopy(calculators[0]), pickle.loads(pickle.dumps(calculators[0]))]
    calculators += [AlphaNetCalculator(committee, dtype="float64", mode="blocked")]
    folders = [committee / f"member-{place}" for place in range(3)]
    calculators += [AlphaNetCalculator(folders, dtype="float64")]
    calculators += [PotentialCalculator(open_potential(str(committee), DOUBLE))]
    for calculator in calculators:
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(expected.energy, abs=1e-9)
        np.testing.assert_allclose(atoms.get_forces(), expected.forces, atol=1e-9)
        spread = calculator.get_property("forces_spread", atoms)
        np.testing.assert_allclose(spread, expected.spread.of_atoms, atol=1e-9)
        assert calculator.get_property("energy_spread", atoms) == pytest.approx(expected.spread.energy, abs=1e-9)
        assert calculator.get_property("stress_spread", atoms).shape == (6,)
    answer = AlphaNetModel(committee, dtype="float64")(torch_sim.initialize_state([atoms, atoms], "cpu", torch.float64))
    assert answer["energy_spread"].tolist() == pytest.approx([expected.spread.energy] * 2)
    np.testing.assert_allclose(answer["forces_spread"][: len(atoms)], expected.spread.of_atoms, atol=1e-9)
    np.testing.assert_allclose(answer["stress_spread"][1], expected.spread.stress, atol=1e-9)


def test_a_single_model_has_no_spread(committee: Path) -> None:
    atoms = bulk("Cu")
    atoms.calc = AlphaNetCalculator(committee / "member-0")  # the folder of an ordinary run
    assert "energy_spread" not in (atoms.get_potential_energy() and atoms.calc.results)
    with pytest.raises(PropertyNotImplementedError):
        atoms.calc.get_property("forces_spread", atoms)
    model = AlphaNetModel(committee / "member-0")
    assert "forces_spread" not in model(torch_sim.initialize_state([atoms], "cpu", torch.float32))


def test_predict_writes_the_spreads(committee: Path, tmp_path: Path) -> None:
    write(tmp_path / "in.extxyz", [alloy(), ethanol()])
    words = ["predict", str(committee), str(tmp_path / "in.extxyz"), "--out", str(tmp_path / "out.extxyz")]
    answer = json.loads(
        CliRunner().invoke(app, [*words, "--dtype", "float64", "--json"], catch_exceptions=False).stdout
    )
    assert answer["members"] == 3
    expected = open_potential(str(committee), DOUBLE).predict([alloy(), ethanol()])
    for atoms, one in zip(read(tmp_path / "out.extxyz", ":"), expected, strict=True):
        assert atoms.info["energy_spread"] == pytest.approx(one.spread.energy, rel=1e-6)
        np.testing.assert_allclose(atoms.arrays["forces_spread"], one.spread.of_atoms, atol=1e-7)
        assert atoms.info["forces_spread_max"] == pytest.approx(one.spread.of_atoms.max(), rel=1e-6)
        assert {"atomic_energies", "atomic_energies_spread"} <= atoms.arrays.keys()
        assert ("stress_spread" in atoms.info) == (one.stress is not None)


def test_a_committee_of_baselines(installed, tmp_path: Path) -> None:
    installed()
    folder = tmp_path / "springs"
    for place, stiffness in enumerate((1.0, 3.0)):
        run = folder / f"member-{place}"
        run.mkdir(parents=True)
        (run / "w.txt").write_text(str(stiffness))
        values = {"name": "fake", "model": "w.txt", "sha256": sha256_of(run / "w.txt"), "elements": ["H", "C"]}
        (run / RESULT).write_text(json.dumps(values))
    (folder / COMMITTEE).write_text(json.dumps({"members": ["member-0", "member-1"]}))
    atoms = ethanol()[[0, 1, 3]]  # C, C, H
    potential = open_potential(str(folder))
    try:
        (answer,) = potential.predict([atoms])
        assert potential.name == "committee of 2 fake"
    finally:
        potential.close()
    squares = float((atoms.positions**2).sum())
    assert answer.energy == pytest.approx(0.5 * 2.0 * squares) and answer.energies is None
    assert answer.spread.energy == pytest.approx(0.5 * squares)
    np.testing.assert_allclose(answer.spread.of_atoms, np.linalg.norm(atoms.positions, axis=1))
    with pytest.raises(UserError, match=r"is a training of fake, not of AlphaNet; use alphanet\.open_potential"):
        AlphaNetCalculator(folder)


def break_member(folder: Path, how: str) -> None:
    """Spoil the last member of a committee of three."""
    last = folder / "member-2"
    if how == "damaged":
        (last / "model.safetensors").write_bytes(b"nothing")
        return
    for file in last.iterdir():
        file.unlink()
    last.rmdir()
    if how == "untrained":
        last.mkdir()
    if how == "elements":
        write_run(last, 3).joinpath(RESULT)
        values = json.loads((last / RESULT).read_text())
        (last / RESULT).write_text(json.dumps(values | {"elements": ["H", "He"]}))
    if how == "cutoff":
        write_run(last, 3, cutoff=5.0)
    if how == "other":
        write_run(last, 3)
        values = json.loads((last / RESULT).read_text())
        (last / RESULT).write_text(json.dumps(values | {"name": "mace"}))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "is a committee of 3, of which member-2 is missing; the command that began it"),
        ("untrained", "of which member-2 is not trained yet"),
        ("damaged", r"member-2/model\.safetensors is not what the training wrote"),
        ("elements", "member-2 knows H, He, and member-0 knows C, Cu, H, O, Si; members of a committee are alike"),
        ("other", "member-2 is mace, and member-0 is alphanet"),
        ("cutoff", r"member-2\S* has cutoff 5.0, and \S*member-0\S* has 4.0"),
    ],
)
def test_a_broken_committee_is_one_line(tmp_path: Path, how: str, said: str) -> None:
    folder = write_committee(tmp_path / "committee")
    break_member(folder, how)
    for use in (lambda: open_potential(str(folder)), lambda: AlphaNetCalculator(folder)):
        with pytest.raises(UserError, match=said):
            use()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"members": ["member-0"]}', "members: Tuple should have at least 2 items"),
        ('{"member": []}', "unknown key 'member'"),
        ("nothing", "is not valid JSON"),
    ],
)
def test_a_wrong_committee_file_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    write_run(tmp_path / "member-0", 1)
    (tmp_path / COMMITTEE).write_text(content)
    with pytest.raises(UserError, match=rf"{COMMITTEE}.*{said}"):
        open_potential(str(tmp_path))


def test_models_that_make_no_committee_are_refused(tmp_path: Path) -> None:
    model = random_model(paper_config())
    with pytest.raises(UserError, match="a committee needs two members or more; for a single model name member 0"):
        AlphaNetPotential([model])
    with pytest.raises(UserError, match="one member has no spread"):
        CommitteePotential([AlphaNetPotential(model)])
    with pytest.raises(UserError, match=r"without a trained model \(result.json\) and without a committee"):
        AlphaNetCalculator(tmp_path)
    fewer = random_model(paper_config(elements=("H", "C")))
    with pytest.raises(UserError, match="member 1 knows H, C, and member 0 knows H, C, O, Si, Cu"):
        AlphaNetCalculator([model, fewer])
