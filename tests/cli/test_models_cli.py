"""`alphanet init` and `alphanet predict` as a user runs them."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import read, write
from model_samples import alloy, answer, ethanol, slab
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.model.checkpoint import load_model

runner = CliRunner()


def run(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def model(tmp_path: Path) -> Path:
    run("init", "--preset", "fig3a", "--elements", "H,C,O,Cu", "--seed", 5, "-o", tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def test_init_states_what_it_wrote(tmp_path: Path) -> None:
    out = json.loads(
        run("init", "--preset", "mptrj-v1", "--reading", "official-v1", "-o", tmp_path / "m.safetensors", "--json")
    )
    assert out["parameters"] == load_model(tmp_path / "m.safetensors").n_parameters
    assert out["config"]["hidden_channels"] == 176


def test_init_is_reproducible(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run("init", "--preset", "fig3a", "--seed", 7, "-o", tmp_path / f"{name}.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


def test_predictions_keep_all_digits_and_are_where_ase_finds_them(model: Path, tmp_path: Path) -> None:
    frames = [alloy(), ethanol(), slab()]
    write(tmp_path / "in.traj", frames)
    run("predict", model, tmp_path / "in.traj", "-o", tmp_path / "out.extxyz", "--dtype", "float64", "--batch-size", 2)
    loaded = load_model(model, dtype="float64")
    for given, found in zip(frames, read(tmp_path / "out.extxyz", ":"), strict=True):
        expected = answer(loaded, given)
        assert found.get_potential_energy() == pytest.approx(float(expected.energy), rel=1e-14)
        np.testing.assert_allclose(found.get_forces(), expected.forces, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(found.positions, given.positions)
        np.testing.assert_allclose(found.arrays["atomic_energies"], expected.atomic_energies, rtol=1e-12)
        if given.pbc.any():
            np.testing.assert_allclose(found.get_stress(voigt=False), expected.stress[0], rtol=1e-12, atol=1e-14)
        else:
            assert "stress" not in found.calc.results


def test_unknown_elements_name_the_structure_and_write_nothing(model: Path, tmp_path: Path) -> None:
    odd = alloy()
    odd.symbols[2] = "Au"
    write(tmp_path / "in.extxyz", [alloy(), odd])
    with pytest.raises(UserError, match=r"frame 1: .*does not know Au"):
        run("predict", model, tmp_path / "in.extxyz", "-o", tmp_path / "out.extxyz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.extxyz", "m.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predict", "none.safetensors", "in.xyz", "-o", "out.extxyz"], "none.safetensors: no such file"),
        (["init", "--preset", "fig3", "-o", "m.safetensors"], "did you mean 'fig3a'"),
        (["init", "--preset", "fig3a", "-o", "m.pt"], "safetensors"),
        (["init", "--preset", "fig3a", "--elements", "Xq", "-o", "m.safetensors"], "'Xq' is not a chemical symbol"),
        (["export", "m.safetensors", "--lammps"], "LammpsForces gives it the forces of any model by `fix external`"),
        (["init", "--preset", "fig3a", "--reading", "papr", "-o", "m.safetensors"], "did you mean 'paper'"),
    ],
)
def test_mistakes(arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        run(*arguments)


def test_predict_on_public_checkpoint_matches_golden(shared: Path, tmp_path: Path) -> None:
    from ase import Atoms

    golden = shared / "official" / "golden"
    arrays = np.load(golden / "small.npz")
    names = sorted({key.split("/")[0] for key in arrays.files})
    frames = [
        Atoms(arrays[f"{n}/numbers"], arrays[f"{n}/positions"], cell=arrays[f"{n}/cell"], pbc=True) for n in names
    ]
    write(tmp_path / "in.traj", frames)
    run(
        "predict", golden / "small.ckpt", tmp_path / "in.traj", "-o", tmp_path / "out.extxyz",
        "--config", golden / "small.json", "--dtype", "float64",
    )  # fmt: skip
    for name, found in zip(names, read(tmp_path / "out.extxyz", ":"), strict=True):
        assert found.get_potential_energy() == pytest.approx(float(arrays[f"{name}/energy"]), rel=1e-8)
        np.testing.assert_allclose(found.get_forces(), arrays[f"{name}/forces"], rtol=1e-8, atol=1e-10)
