"""One's own model everywhere: a callable, a file, a training's folder and a card mean the same to every command."""

import json
from pathlib import Path

import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.files import sha256_of
from alphanet.model.checkpoint import save_model
from alphanet.model.config import preset
from alphanet.model.create import create_model

pytestmark = pytest.mark.integration

RELEASED = {"first": {"source": "package", "name": "one", "trained_on": "nothing"}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that calls the command line in a folder with frames, weights, and the folder of a training."""
    monkeypatch.chdir(tmp_path)
    frames = []
    for step in range(2):
        atoms = bulk("Cu", a=3.6 + 0.02 * step, cubic=True)
        atoms.info["material_id"] = f"wbm-1-{step}"
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=0 * atoms.positions)
        frames.append(atoms)
    write("cu.extxyz", frames)
    model = create_model(preset("fig3a", elements=["Cu"], num_layers=1, hidden_channels=8, heads=2), 1)
    Path("trained").mkdir()
    for file in ("m.safetensors", "trained/model.safetensors"):
        save_model(model, tmp_path / file)
    values = {
        "name": "alphanet",
        "model": "model.safetensors",
        "sha256": sha256_of(Path("m.safetensors")),
        "elements": ["Cu"],
    }
    Path("trained/result.json").write_text(json.dumps(values))

    def call(*words):
        result = CliRunner().invoke(app, [*words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def card(installed, tmp_path, monkeypatch):
    """The folder of a card that no variable names; it knows H and C."""
    made = installed(checkpoints=RELEASED)
    monkeypatch.delenv("ALPHANET_BASELINES")
    return made.places[0]


def test_predict_and_eval(run, card):
    energies = {}
    for model in ("m.safetensors", "trained", "trained/", "python_potentials:lennard_jones"):
        run("predict", model, "cu.extxyz", "-o", "out.extxyz")
        energies[model] = json.loads(run("eval", model, "cu.extxyz", "--json").stdout)["energy_mae"]
    assert energies["m.safetensors"] == energies["trained"] == energies["trained/"] > 0
    write("h.extxyz", [bulk("H", "sc", a=2.0)])
    for text in (card, card / "card.yaml", f"{card}:first"):
        about = json.loads(run("predict", str(text), "h.extxyz", "-o", "out.extxyz", "--json").stdout)
        assert about["weights"] == {"package": "first"}


def test_train_by_the_path_of_a_card(run, card):
    frames = []
    for step in range(8):
        atoms = bulk("H", "sc", a=2.0 + 0.1 * step)
        atoms.calc = SinglePointCalculator(atoms, energy=float(step), forces=0 * atoms.positions)
        frames.append(atoms)
    write("h.extxyz", frames)
    run("train", "h.extxyz", "--model", str(card), "--valid", "0.25", "--test", "0.25", "--seed", "3")
    (folder,) = Path("runs/train").iterdir()
    assert folder.name == "fake-h-mini-seed3"
    assert json.loads(run("eval", str(folder), "h.extxyz", "--json").stdout)["n_structures"] == 8
    assert json.loads(Path(folder, "results.json").read_text())["records"]  # it was evaluated, too


def test_speed_of_everything_that_has_a_name(run, card):
    models = ["python_potentials:lennard_jones", "m.safetensors", "trained", str(card)]
    words = ["--structures", "cu.extxyz", "--sizes", "4", "--rounds", "1", "--passes", "1", "--budget", "1m"]
    result = run("bench", "speed", *models, *words, "--out", "speed", "--json")
    shown = json.loads(result.stdout)
    points = {point["model"]: point for point in json.loads(Path("speed/speed.json").read_text())["points"]}
    for model in models[:3]:
        assert points[model]["status"] == "ok" and points[model]["times_ms"]["step"]["median"] > 0, points[model]
    assert points["trained"]["parameters"] == points["m.safetensors"]["parameters"] > 0
    assert "neighbor list" in points[models[0]]["unsupported"]["forward"]
    assert "fake: this model does not know Cu" in points[str(card)]["reason"]
    assert result.exit_code == 0 and shown["kind"] == "speed"


@pytest.mark.long
def test_memory_of_a_file_in_a_folder(run):
    words = ["--structures", "cu.extxyz", "--smallest", "4", "--largest", "4", "--sample-atoms", "4", "--json"]
    result = run("bench", "memory", "trained/model.safetensors", *words, "--out", "memory")
    assert result.exit_code == 0, result.output
    (record,) = json.loads(result.stdout)["records"].values()
    assert record["model"]["name"] == "trained/model.safetensors"
    (journal,) = Path("memory").glob("trials_*")
    assert journal.name.startswith("trials_model-")


def test_speed_of_what_cannot_be_had(run, caplog):
    words = ["--structures", "cu.extxyz", "--sizes", "4", "--rounds", "1", "--passes", "1", "--budget", "1m"]
    result = run("bench", "speed", "python_potentials:nothing_at_all", "nomodule:x", *words)
    assert result.exit_code == 1 and "nothing could be measured" in caplog.text
    assert "python_potentials:nothing_at_all: returned NoneType, neither an ASE calculator" in caplog.text
    assert "no module named 'nomodule'" in caplog.text


def test_checks(run):
    told = json.loads(
        run("baselines", "check", "m.safetensors", "trained", "python_potentials:lennard_jones", "--json").stdout
    )["baselines"]
    assert [one["passed"] for one in told] == [True, True, True], told
    refused = {one["name"] for one in told if "unknown element refused" in {check["check"] for check in one["checks"]}}
    assert refused == {"m.safetensors", "trained"}


def test_checks_of_what_is_wrong(run):
    result = run("baselines", "check", "flawed_potentials:direction", "python_potentials:something_else", "--json")
    wrong, nothing = json.loads(result.stdout)["baselines"]
    assert result.exit_code == 1 and "returned int" in nothing["error"]
    assert [check["check"] for check in wrong["checks"] if not check["passed"]] == ["rotation"]
    picky = run("baselines", "check", "python_potentials:copper_only", "--json")
    assert "name others with --elements" in json.loads(picky.stdout)["baselines"][0]["error"]
    assert run("baselines", "check", "python_potentials:copper_only", "--elements", "Cu").exit_code == 0


def test_expressiveness(run):
    result = run("bench", "expressiveness", "python_potentials:lennard_jones", "--json")
    cells = json.loads(result.stdout)["cells"]
    assert result.exit_code == 0 and any(cell["measured"] == 1.0 for cell in cells)


@pytest.mark.long
def test_wbm_of_a_folder_and_a_callable(run, cluster):
    words = ["--structures", "cu.extxyz", "--steps", "1", "--cluster", cluster, "--json"]
    result = run("bench", "wbm", "trained", "python_potentials:Settled", *words, "--out", "wbm")
    records = json.loads(result.stdout)["records"].values()
    assert len(records) == 2 and {place.name for place in Path("wbm/relaxed").iterdir()} == {
        "trained",
        "python_potentials-Settled",
    }
