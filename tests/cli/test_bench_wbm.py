"""`bench wbm`: what it prints of predictions, and what it says of mistakes."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
TRUTH = f"""material_id,formula,n_sites,{FORMATION},{HULL},unique_prototype
wbm-1-1,Ac6 U2,8,-0.5,0.0,True
wbm-1-2,Ac1 Th3,4,-0.2,0.1,True
wbm-1-3,Ac1 U3,4,-0.9,-0.1,False
wbm-1-4,Ag1 Cd1,2,,0.2,True
wbm-1-5,Ag1 Au2,3,-0.6,,True
wbm-1-6,Ag1 Au5,6,0.1,0.3,True
"""
PREDICTED = """material_id,fake_energy,e_form_per_atom_fake
wbm-1-3,-8.0,-0.95
wbm-1-1,-9.0,-0.6
wbm-1-6,-9.0,9.0
wbm-7-7,-9.0,-0.6
"""
RATES = ["f1", "daf", "precision", "recall", "accuracy", "tpr", "fpr", "tnr", "fnr"]
METRICS = [*RATES, "tp", "fp", "tn", "fn", "mae", "rmse", "r2"]


@pytest.fixture
def run(tmp_path):
    """A function that runs the command on tables of text."""

    def run(*arguments: str, predicted: str = PREDICTED, truth: str | None = TRUTH):
        (tmp_path / "predicted.csv").write_text(predicted)
        options = ["--predictions", str(tmp_path / "predicted.csv")]
        if truth is not None:
            (tmp_path / "truth.csv").write_text(truth)
            options += ["--truth", str(tmp_path / "truth.csv")]
        return CliRunner().invoke(app, ["bench", "wbm", *options, *arguments])

    return run


def test_json_of_a_subset(run):
    found = json.loads(run("--subset", "unique", "--json").stdout)
    assert list(found)[: 3 + len(METRICS) + 1] == ["subset", "n", "missing", *METRICS, "intervals"]
    assert (found["subset"], found["n"], found["missing"]) == ("unique", 3, 2)  # one not made, one 8.9 eV/atom off
    assert (found["tp"], found["fp"], found["tn"], found["fn"]) == (1, 0, 2, 0)
    assert found["daf"] == pytest.approx(215488 / 32942)
    assert (found["unlabeled"], found["unknown"], found["discarded"]) == (2, 1, 1)
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high
    assert json.loads(run("--subset", "full", "--max-error", "10", "--json").stdout)["missing"] == 1


def test_all_subsets(run):
    found = json.loads(run("--json").stdout)
    assert (found["subset"], found["n"]) == ("full", 4)
    assert {name: score["n"] for name, score in found["subsets"].items()} == {"unique": 3, "most-stable": 1}
    printed = run().stdout
    assert "| F1 " in printed and "most-stable" in printed
    assert "1 predictions further off than --max-error" in printed
    assert "labels of 4 of 256963 structures" in printed


def test_what_is_missing_is_said(run):
    plain = "\n".join(line.rpartition(",")[0] for line in TRUTH.splitlines())
    assert "no unique prototypes" in run(truth=plain).stdout
    with pytest.raises(UserError, match="no subset unique: the truth has no column unique_prototype"):
        raise run("--subset", "unique", truth=plain).exception
    with pytest.raises(UserError, match="alphanet data fetch wbm --scale full"):
        raise run(truth=None).exception
    with pytest.raises(UserError, match="--subset: unknown 'uniqe'; did you mean 'unique'"):
        raise run("--subset", "uniqe").exception


def test_figures(run, tmp_path):
    found = run("--figures", str(tmp_path / "figures"), "--json")
    assert json.loads(found.stdout)["subset"] == "full"  # stdout holds nothing else
    assert "parity, cumulative" in found.stderr
    assert "3 unique prototypes" in (tmp_path / "figures" / "elements.html").read_text()  # as on the leaderboard
