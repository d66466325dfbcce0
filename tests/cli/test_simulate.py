"""`alphanet md`, `relax`, `neb` and `phonons`: words in, one table or JSON object out, mistakes in one line."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from committees import write_committee
from moving_atoms import crystal, molecule
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

SPRINGS = "moving_atoms:springs"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("si.extxyz", crystal())
    write("molecule.xyz", molecule())
    write("two.extxyz", [molecule(), crystal()])
    return tmp_path


def run(*words):
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def shown(*words):
    return json.loads(run(*words, "--json"))


def test_md(here):
    found = shown("md", SPRINGS, "si.extxyz", "--steps", 20, "--ensemble", "nvt", "--seed", 1, "--out", "a")
    assert found["schema"] == "alphanet-md" and found["steps"] == 20 and found["folder"] == "a"
    assert json.loads((here / "a" / "summary.json").read_text()) == {
        key: value for key, value in found.items() if key not in ("schema", "folder")
    }
    assert len(read("a/trajectory.extxyz", ":")) == 3
    assert "temperature mean K" in run("md", SPRINGS, "si.extxyz", "--steps", 4)
    assert (here / "runs" / "md" / "log.csv").read_text().startswith("step,time [ps],potential energy [eV],")
    other = shown(
        "md", SPRINGS, "two.extxyz", "--frame", -1, "--steps", 20, "--ensemble", "nvt", "--seed", 1, "-o", "b"
    )
    assert other["temperature_mean_K"] == found["temperature_mean_K"]


def test_md_with_a_committee_of_alphanet(here):
    folder = write_committee(here / "committee", seeds=(1, 2))
    words = ("md", folder, "si.extxyz", "--mode", "eager", "--dtype", "float64", "--out", "c", "--steps", 5)
    assert shown(*words)["force_deviation_max_eV_per_A"] > 0
    assert shown(*words, "--restart", "--max-spread", 1e-6)["status"] == "uncertain"
    (kept,) = read("c/uncertain.extxyz", ":")
    assert kept.info["step"] == 0 and kept.info["forces_spread_max"] > 1e-6


def test_relax(here):
    found = shown("relax", SPRINGS, "molecule.xyz", "molecule.xyz", "--fmax", 0.01, "--out", "a")
    assert found["schema"] == "alphanet-relax" and [one["status"] for one in found["structures"]] == ["converged"] * 2
    assert np.linalg.norm(read("a/relaxed.extxyz").get_forces(), axis=1).max() < 0.01
    assert "| CSi2      |     3 | unconverged |     2 |" in run("relax", SPRINGS, "molecule.xyz", "--steps", 2)
    write("copper.xyz", bulk("Cu"))
    with pytest.raises(UserError, match=r"1 of 2 structures failed: structure 1 \(CSi2\): after step 0"):
        run("relax", "ase.calculators.emt:EMT", "copper.xyz", "molecule.xyz", "--out", "b")


def test_neb(here):
    end = molecule()
    end.positions[1] = [-2.1, 1.3, 0.4]
    write("end.extxyz", end)
    found = shown("neb", SPRINGS, "molecule.xyz", "end.extxyz", "--images", 3, "--fmax", 0.02, "--out", "a")
    assert found["schema"] == "alphanet-neb" and found["barrier_eV"] > 0 and found["images"] == 5
    assert "barrier eV" in run("neb", SPRINGS, "a/path.extxyz", "--keep-ends", "--no-climb", "--fmax", 1)


def test_phonons(here):
    pytest.importorskip("phonopy")
    write("copper.cif", bulk("Cu", a=3.58984))
    words = ("phonons", "ase.calculators.emt:EMT", "copper.cif", "--supercell", "2,2,2", "--mesh", "3,3,3")
    found = shown(*words, "--temperature", 500, "--out", "a")
    assert found["schema"] == "alphanet-phonons" and found["stable"] and found["temperature_K"] == 500
    with pytest.raises(UserError, match="--supercell 2,2: give three whole numbers above 0, as 2,2,2"):
        run(*words[:3], "--supercell", "2,2")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["md", SPRINGS, "none.cif"], "none.cif does not exist"),
        (["md", SPRINGS, "two.extxyz"], "two.extxyz has 2 structures; choose one by its place, 0 to 1, or -1"),
        (["md", SPRINGS, "two.extxyz", "--frame", "2"], "two.extxyz has 2 structures, and none at place 2"),
        (["md", SPRINGS, "molecule.xyz", "--ensemble", "npt"], "npt needs a structure that is periodic"),
        (["md", SPRINGS, "si.extxyz", "--mode", "blocked"], "mode blocked is an option which moving_atoms:springs"),
        (["md", "moving_atoms:none", "si.extxyz"], "moving_atoms:none cannot be imported as module:callable"),
        (["md", "ase.calculators.emt:EMT", "si.extxyz"], "ase.calculators.emt:EMT: frame 0 .*Si"),
        (["relax", SPRINGS, "si.extxyz", "--pressure", "1"], "--pressure has no use here: it goes with --cell"),
        (["relax", SPRINGS, "molecule.xyz", "--cell"], "relaxing a cell needs a structure that is periodic"),
        (["neb", SPRINGS, "molecule.xyz"], "a path needs two structures"),
        (["neb", SPRINGS, "two.extxyz"], "image 1 has 8 atoms, and image 0 has 3"),
    ],
)
def test_mistakes_are_one_line(here, words, said):
    with pytest.raises(UserError, match=said) as raised:
        run(*words)
    assert "\n" not in str(raised.value)


def test_an_element_that_alphanet_does_not_know_is_one_line(here):
    run("init", "--preset", "fig3a", "--elements", "C,O", "--out", "m.safetensors")
    with pytest.raises(UserError, match="Si"):
        run("md", "m.safetensors", "si.extxyz", "--mode", "eager", "--steps", 1)


def test_values_without_a_meaning_are_mistakes_of_usage(here):
    for words in (["--steps", "0"], ["--timestep", "-1"], ["--temperature", "-3"], ["--interval", "0"]):
        assert CliRunner().invoke(app, ["md", SPRINGS, "si.extxyz", *words]).exit_code == 2


@pytest.mark.integration
def test_baselines_simulate_too(here, installed):
    """Of harmonic wells: the end is at their minimum, and dynamics go on."""
    installed()
    write("h.extxyz", Atoms("HC", [[0.1, 0, 0], [0, 0.2, 0]]))
    words = ("fake", "h.extxyz", "--untrained")
    (relaxed,) = shown("relax", *words, "--fmax", 1e-3, "--out", "a")["structures"]
    assert relaxed["status"] == "converged" and relaxed["energy_eV"] == pytest.approx(0, abs=1e-5)
    assert shown("md", *words, "--steps", 5, "--out", "b")["steps"] == 5
    assert shown("md", *words, "--steps", 9, "--out", "b")["steps"] == 9
    write("si.extxyz", crystal())
    with pytest.raises(UserError, match="does not know Si"):
        run("md", "fake", "si.extxyz", "--untrained", "--out", "c")
