"""A trained model is audited on structures of its own data, and what was used is told."""

import json

import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.physics import physics_card
from alphanet.benchmark.runner import run_benchmark
from alphanet.data.own import OwnData
from alphanet.data.own_stores import prepare_own
from alphanet.files import sha256_of
from alphanet.measure.physics import audit as module
from alphanet.measure.physics.own_structures import own_structures
from alphanet.model.checkpoint import save_model
from alphanet.model.config import preset
from alphanet.model.create import create_model


def labeled(atoms: Atoms, energy: float) -> Atoms:
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=0 * atoms.positions)
    return atoms


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The folder of a training of AlphaNet on crystals of two sizes and a molecule, all of which are test frames."""
    monkeypatch.chdir(tmp_path)
    crystals = [labeled(bulk("NaCl", "rocksalt", a=5.6 + 0.01 * step, cubic=True), -step) for step in range(4)]
    small = [labeled(bulk("NaCl", "rocksalt", a=5.6 + 0.01 * step), -0.1 * step) for step in range(2)]
    write("train.extxyz", crystals)
    write("test.extxyz", [*crystals[:1], *small, labeled(molecule("NaCl"), -7.0)])
    folder = tmp_path / "run"
    folder.mkdir()
    model = create_model(preset("fig3a", elements=["Na", "Cl"], num_layers=1, hidden_channels=8, heads=2), 0)
    save_model(model, folder / "model.safetensors")
    own = OwnData(train=["train.extxyz"], test="test.extxyz", valid=0.25)
    result = {
        "name": "alphanet",
        "model": "model.safetensors",
        "sha256": sha256_of(folder / "model.safetensors"),
        "elements": ["Na", "Cl"],
        "sources": prepare_own(own).sources,
    }
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "config.yaml").write_text(json.dumps({"dataset": "train", "data": own.model_dump(mode="json")}))
    return folder


def test_the_smallest_test_frames_are_taken(run):
    crystal, small = own_structures(run)
    assert (str(crystal.atoms.symbols), len(crystal.atoms), str(small.atoms.symbols)) == ("NaCl", 2, "NaCl")
    assert crystal.origin == f"frame 1 of the test frames of {run}" and crystal.atoms.calc is None
    assert small.origin == f"frame 3 of the test frames of {run}"


def test_the_frames_outlive_the_files_and_without_both_others_are_used(run, tmp_path, monkeypatch, caplog):
    (tmp_path / "train.extxyz").unlink()
    assert len(own_structures(run)) == 2
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "another-home"))
    crystal, _ = own_structures(run)  # what is left of the files
    assert crystal.origin == "frame 1 of the frames in test.extxyz"
    (tmp_path / "test.extxyz").unlink()
    caplog.set_level("INFO", "alphanet")
    assert own_structures(run) == [] and "others are used" in caplog.text
    (run / "config.yaml").write_text("data: 3")
    assert own_structures(run) == [] and "cannot be had" in caplog.text
    assert own_structures(None) == []


@pytest.mark.integration
def test_every_check_names_its_structure_in_the_result(run, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "alphanet")
    few = {name: module.CHECKS[name] for name in ("pbc-wrap", "conservative", "dimers")}
    monkeypatch.setattr(module, "CHECKS", few)
    result = run_benchmark(physics_card("own", models=["run"]), RunOptions(scale="ad-hoc", out=tmp_path / "out"))
    (record,) = result.records.values()
    crystal, small = record.data["structures"]
    assert crystal == {"part": "crystal", "formula": "NaCl", "origin": "frame 1 of the test frames of run"}
    assert small["origin"] == "frame 3 of the test frames of run"
    used = {check["group"]: check["structure"] for check in record.metrics["checks"]}
    assert used == {"pbc-wrap": "crystal NaCl", "conservative": "molecule NaCl", "dimers": "dimers of Cl and Na"}
    assert "run: crystal NaCl: frame 1 of the test frames of run" in caplog.text
    _, checks = result.grids
    assert {row[-1] for row in checks.rows} == set(used.values())


def test_a_model_without_si_and_o_says_which_crystal_it_got(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "alphanet")
    monkeypatch.setattr(module, "CHECKS", {"pbc-wrap": module.CHECKS["pbc-wrap"]})
    save_model(create_model(preset("fig3a", elements=["H", "Cu"]), 0), tmp_path / "m.safetensors")
    card = physics_card("none", models=[str(tmp_path / "m.safetensors")])
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path / "out"))
    (record,) = result.records.values()
    crystal = record.data["structures"][0]
    assert crystal["formula"] == "Cu3H6"
    assert crystal["origin"].startswith("quartz with Cu in place of Si and H in place of O, its bonds")
    assert "crystal Cu3H6: quartz with Cu" in caplog.text
