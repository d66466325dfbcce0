"""`bench wbm MODEL`: from structures to predictions and their score, and what it says where something is missing."""

import json

import pandas as pd
import pytest
from ase.io import write
from crystals_to_relax import REFERENCES, TRUTH, publish, strained_crystals
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

pytestmark = pytest.mark.integration

MODEL = "python_potentials:Settled"


@pytest.fixture
def files(tmp_path):
    """Structures, labels and references, as options."""
    crystals = strained_crystals()
    for identity, atoms in crystals.items():
        atoms.info["material_id"] = identity
    write(tmp_path / "initial.extxyz", list(crystals.values()))
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "references.json").write_text(json.dumps(REFERENCES))
    return {
        "--structures": str(tmp_path / "initial.extxyz"),
        "--truth": str(tmp_path / "truth.csv"),
        "--references": str(tmp_path / "references.json"),
        "--out": str(tmp_path / "out"),
    }


def run(options: dict[str, str], *arguments: str):
    words = [word for pair in options.items() for word in pair]
    return CliRunner().invoke(app, ["bench", "wbm", MODEL, *words, *arguments])


def the_record(result) -> dict:
    """The only record of a result that was printed as JSON."""
    assert result.exit_code == 0, result.output
    (record,) = json.loads(result.stdout)["records"].values()
    return record


def test_relaxes_and_scores_what_was_relaxed(files, cluster, tmp_path):
    metrics = the_record(run({**files, "--cluster": cluster}, "--json"))["metrics"]
    (predictions,) = (tmp_path / "out").rglob("predictions.csv.gz")
    table = pd.read_csv(predictions, index_col="material_id")
    silicon = strained_crystals()["wbm-1-3"]
    energy = -0.1 * 28 - 1e-3 * silicon.get_volume()
    assert table.loc["wbm-1-3", "energy"] == pytest.approx(energy, abs=1e-6)
    assert table.loc["wbm-1-3", "e_form_per_atom_python_potentials-Settled"] == pytest.approx(energy / 2 + 1.0)
    sizes = {score["subset"]: score["n"] for score in metrics["scores"]}
    assert (sizes["full"], sizes["unique"]) == (4, 3)
    again = run({**files, "--cluster": cluster})
    assert again.exit_code == 0 and "converged" in again.stdout


def test_samples_and_geometries(files, cluster, tmp_path):
    result = run({**files, "--cluster": cluster, "--relax": "2", "--geometry": files["--structures"]}, "--json")
    assert the_record(result)["metrics"]
    assert list((tmp_path / "out").rglob("geometry.json"))


def test_published_files_are_taken_from_where_fetch_puts_them(files, cluster, tmp_path):
    publish(tmp_path)
    result = run({"--out": files["--out"], "--cluster": cluster, "--relax": "3"}, "--json")
    assert the_record(result)["metrics"]["n"] == 3


def test_says_what_to_fetch():
    result = run({"--relax": "20", "--cluster": "local:2"})
    assert result.exit_code == 1
    assert "alphanet data fetch wbm --scale full" in result.stderr


def test_without_references_there_are_energies_and_a_note(files, cluster, tmp_path):
    del files["--references"]
    result = run({**files, "--cluster": cluster})
    assert result.exit_code == 0
    assert "no formation energies" in result.output
    (predictions,) = (tmp_path / "out").rglob("predictions.csv.gz")
    assert "energy_per_atom" in pd.read_csv(predictions).columns


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--engine", "gpu"], "engine"),
        (["--dtype", "float16"], "dtype"),
        (["--subset", "unique"], "--subset has no use here: relax first"),
        (["--cross-check"], "--cross-check has no use here: relax first"),
    ],
)
def test_mistakes(files, arguments, said):
    result = run(files, *arguments)
    assert isinstance(result.exception, UserError)
    assert said in str(result.exception)
