"""Names of released weights in every command that takes a model, without a network: from a mirror to numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from released_samples import serve
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.physics import audit
from alphanet.model.checkpoint import load_model

pytestmark = pytest.mark.integration

NAME = "made-up"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with labeled frames and a mirror; the weights are not fetched."""
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALPHANET_MIRROR", serve(tmp_path, monkeypatch, NAME))
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    frames = []
    for _ in range(8):
        positions = np.array([[0, 0, 0], [0, 0, 1.6], [1.6, 0, 0], [0.9, 0.9, 0.9]]) + random.normal(0, 0.05, (4, 3))
        atoms = Atoms("SiOHH", positions, cell=[4.2, 4.3, 4.4], pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=random.normal(-10, 0.1), forces=random.normal(size=(4, 3)))
        frames.append(atoms)
    write("frames.extxyz", frames)
    return tmp_path


def alphanet(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def fetched() -> Path:
    return Path(alphanet("models", "fetch", NAME).strip())


@pytest.mark.parametrize(
    "words",
    [
        ("predict", NAME, "frames.extxyz", "-o", "out.extxyz"),
        ("eval", NAME, "frames.extxyz"),
        ("export", NAME, "-o", "out.pt2"),
        ("train", "frames.extxyz", "--from", NAME, "epochs=1", "--device", "cpu"),
    ],
    ids=lambda words: words[0],
)
def test_without_the_file_one_line_says_what_to_fetch(here: Path, words: tuple[str, ...]) -> None:
    said = rf"put https://example.org/{NAME}.ckpt .* as .*{NAME}\.ckpt; or get them with: alphanet models fetch {NAME}"
    with pytest.raises(UserError, match=said):
        alphanet(*words)
    assert not list(here.glob("out.*"))


@pytest.mark.parametrize("words", [("physics",), ("speed", "--sizes", "24"), ("memory",)], ids=lambda words: words[0])
def test_benchmarks_say_it_too(here: Path, words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["bench", words[0], NAME, *words[1:], "--out", "b"], catch_exceptions=False)
    assert result.exit_code == 1 and f"alphanet models fetch {NAME}" in result.stderr


def test_predict_and_eval(here: Path) -> None:
    fetched()
    alphanet("predict", NAME, "frames.extxyz", "-o", "out.extxyz", "--dtype", "float64")
    model = load_model(NAME, dtype="float64")
    first = read("out.extxyz", 0)
    assert first.get_potential_energy() == pytest.approx(float(model(model.graph(first)).sum().detach()), rel=1e-10)
    shown = json.loads(alphanet("eval", NAME, "frames.extxyz", "--json"))
    assert shown["n_structures"] == 8 and shown["model"]["settings"]["zbl"] is True


def test_physics(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched()
    monkeypatch.setattr(audit, "CHECKS", {"permutation": audit.CHECKS["permutation"]})
    shown = json.loads(alphanet("bench", "physics", NAME, "--out", "b", "--json"))
    (record,) = shown["records"].values()
    assert record["model"]["settings"]["reading"] == "official-v1"


@pytest.mark.long
def test_speed(here: Path) -> None:
    """As a model of its own, and as the weights of `alphanet`."""
    fetched()
    words = ("--weights", "released", "--alphanet", NAME, "--sizes", "24", "--rounds", "1", "--passes", "1")
    shown = json.loads(alphanet("bench", "speed", NAME, "alphanet", *words, "--budget", "30s", "--out", "b", "--json"))
    assert len(shown["records"]) == 2 and not shown["failures"]
    first, second = (record["model"]["versions"]["weights"] for record in shown["records"].values())
    assert first == second


def test_wbm(here: Path) -> None:
    fetched()
    silica = read("frames.extxyz", 0)
    silica.calc = None
    silica.info["material_id"] = "wbm-1-1"
    write("initial.extxyz", silica)
    columns = "e_form_per_atom_mp2020_corrected,e_above_hull_mp2020_corrected_ppd_mp,e_correction_per_atom_mp2020"
    Path("truth.csv").write_text(
        f"material_id,formula,n_sites,{columns},unique_prototype\nwbm-1-1,Si1 O1 H2,4,-1,0,0,True\n"
    )
    words = ("--structures", "initial.extxyz", "--truth", "truth.csv", "--steps", 2, "--cluster", "local:1")
    alphanet("bench", "wbm", NAME, *words, "--out", "b")
    assert list(Path("b").rglob("predictions.csv.gz"))


def test_fine_tuning(here: Path) -> None:
    fetched()
    alphanet("train", "frames.extxyz", "--from", NAME, "epochs=1", "--device", "cpu", "--out", "run")
    tuned, start = load_model("run/model.safetensors"), load_model(NAME)
    assert tuned.config == start.config and tuned.config.zbl
    assert tuned.repulsion.weights.equal(start.repulsion.weights)


def test_torch_sim(here: Path) -> None:
    torch_sim = pytest.importorskip("torch_sim")
    import torch

    from alphanet.torch_sim_model import AlphaNetModel

    fetched()
    frames = read("frames.extxyz", ":2")
    state = torch_sim.initialize_state(frames, "cpu", torch.float64)
    found = AlphaNetModel(NAME, dtype="float64")(state)["energy"]
    model = load_model(NAME, dtype="float64")
    expected = [float(model(model.graph(atoms)).sum().detach()) for atoms in frames]
    assert found.tolist() == pytest.approx(expected, rel=1e-10)
