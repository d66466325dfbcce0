"""`bench wbm`: what it prints of predictions, and what it says of mistakes."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.errors import UserError

pytestmark = pytest.mark.integration

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
METRICS = ["f1", "daf", "precision", "recall", "accuracy", "tpr", "fpr", "tnr", "fnr", "tp", "fp", "tn", "fn"]
ERRORS = ["mae", "rmse"]  # one structure alone has no R2


@pytest.fixture
def run(tmp_path):
    """A function that runs the command on tables of text."""

    def run(*arguments: str, predicted: str = PREDICTED, truth: str | None = TRUTH):
        (tmp_path / "predicted.csv").write_text(predicted)
        options = ["--predictions", str(tmp_path / "predicted.csv"), "--out", str(tmp_path / "runs" / "mine")]
        if truth is not None:
            (tmp_path / "truth.csv").write_text(truth)
            options += ["--truth", str(tmp_path / "truth.csv")]
        return CliRunner().invoke(app, ["bench", "wbm", *options, *arguments])

    return run


def the_record(result) -> dict:
    """The only record of a result that was printed as JSON."""
    (record,) = json.loads(result.stdout)["records"].values()
    return record


def test_the_score_of_a_subset(run, tmp_path):
    result = run("--subset", "unique", "--json")
    shown = json.loads(result.stdout)
    assert shown == json.loads((tmp_path / "runs" / "mine" / "results.json").read_text())
    assert (shown["schema"], shown["kind"], shown["name"]) == ("alphanet-results", "discovery", "mine")
    record = the_record(result)
    found = record["metrics"]
    assert {*METRICS, *ERRORS, "intervals"} <= found.keys()
    assert (record["data"]["subset"], found["n"], found["missing"]) == ("unique", 3, 2)  # not made; 8.9 eV/atom off
    assert (found["tp"], found["fp"], found["tn"], found["fn"]) == (1, 0, 2, 0)
    assert found["daf"] == pytest.approx(215488 / 32942)
    assert (record["data"]["unlabeled"], record["data"]["unknown"], record["data"]["discarded"]) == (2, 1, 1)
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high
    assert the_record(run("--subset", "full", "--max-error", "10", "--json"))["metrics"]["missing"] == 1


def test_all_subsets(run):
    scores = the_record(run("--json"))["metrics"]["scores"]
    assert {score["subset"]: score["n"] for score in scores} == {"full": 4, "unique": 3, "most-stable": 1}
    printed = run().stdout
    assert "| F1 " in printed and "most-stable" in printed
    assert "labels of 4 of 256963 structures" in printed


def test_the_threshold(run):
    assert the_record(run("--threshold", "0.2", "--subset", "full", "--json"))["metrics"]["tn"] < 2


def test_what_is_missing_is_said(run):
    plain = "\n".join(line.rpartition(",")[0] for line in TRUTH.splitlines())
    assert "duplicates of prototypes included" in run(truth=plain).stdout
    result = run("--subset", "unique", truth=plain)
    assert result.exit_code == 1 and "no subset unique: the truth has no column unique_prototype" in result.stderr
    result = run(truth=None)
    assert result.exit_code == 1 and "alphanet data fetch wbm --scale full" in result.stderr
    with pytest.raises(UserError, match="uniqe"):
        raise run("--subset", "uniqe").exception


def test_figures_are_in_the_folder(run, tmp_path):
    shown = json.loads(run("--json").stdout)
    assert {figure["name"].partition("_")[2] for figure in shown["figures"]} >= {"parity", "cumulative", "elements"}
    for figure in shown["figures"]:
        assert all((tmp_path / "runs" / "mine" / file).is_file() for file in figure["files"].values())


@pytest.mark.parametrize(
    "words",
    [["--cluster", "local:2"], ["--relax", "3"], ["--fmax", "0.1"], ["--device", "cpu"], ["--engine", "ase"],
     ["--structures", "a.xyz"], ["--seed", "1"], ["--trust"], ["--threads", "2"], ["--dtype", "float64"]],
)  # fmt: skip
def test_options_of_relaxations_are_refused(run, words):
    with pytest.raises(UserError, match=f"{words[0]} has no use here: it goes with models that relax structures"):
        raise run(*words).exception


def test_either_predictions_or_models(run):
    for words in ([], ["alphanet", "--predictions", "x.csv"]):
        result = CliRunner().invoke(app, ["bench", "wbm", *words])
        assert "give either models that relax structures, or --predictions FILE" in str(result.exception)
