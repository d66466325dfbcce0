"""Stability metrics: definitions by hand and on the published leaderboard, tables and their mistakes, the package."""

import csv
import gzip

import numpy as np
import pytest

from alphanet.errors import UserError
from alphanet.measure.discovery import cross_check as module
from alphanet.measure.discovery import package as discovery_package
from alphanet.measure.discovery.cross_check import cross_check
from alphanet.measure.discovery.metrics import UNIQUE_PREVALENCE, Counts, discovery_metrics, hull_distance, rates
from alphanet.measure.discovery.package import load_tool, package_metrics
from alphanet.measure.discovery.tables import join
from alphanet.paths import resources

NAN = float("nan")
HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
TRUTH = f"""material_id,formula,e_above_hull_wbm,{FORMATION},{HULL},unique_prototype
wbm-1-1,Ac6 U2,9,-0.5,0.0,True
wbm-1-2,Ac1 Th3,9,-0.2,0.1,True
wbm-1-3,Ac1 U3,9,-0.9,-0.1,False
wbm-1-4,Ag1 Cd1,9,,0.2,True
wbm-1-5,Ag1 Au2,9,-0.6,,True
"""
PREDICTED = """material_id,fake_energy,e_form_per_atom_fake
wbm-1-3,-8.0,-0.7
wbm-1-1,-9.0,-0.6
wbm-7-7,-9.0,-0.6
"""


@pytest.fixture
def files(tmp_path):
    """A function that writes both tables and returns their paths."""

    def write(predicted: str = PREDICTED, truth: str = TRUTH):
        (tmp_path / "predicted.csv").write_text(predicted)
        with gzip.open(tmp_path / "truth.csv.gz", "wt") as stream:
            stream.write(truth)
        return tmp_path / "predicted.csv", tmp_path / "truth.csv.gz"

    return write


@pytest.fixture
def package(monkeypatch):
    """Stands for the package: its accuracy is divided by the predictions made."""

    def metrics(true, predicted, threshold):
        own = discovery_metrics(true, predicted, threshold)
        made = int((~np.isnan(predicted)).sum())
        return {**own, "accuracy": (own["tp"] + own["tn"]) / made}, {"package": "fake", "version": "0"}

    monkeypatch.setattr(module, "package_metrics", metrics)


def test_metrics_by_hand():
    #                 tp    tp   fn   fn(missing) fp    tn   tn(missing) tn   tn   tn
    true = np.array([0.00, -0.2, 0.0, -0.1, 0.1, 0.1, 0.3, 0.2, 0.4, 0.5])
    made = np.array([-0.1, 0.00, 0.1, NAN, -0.1, 0.1, NAN, 0.2, 0.4, 0.5])
    found = discovery_metrics(true, made)
    assert [found[name] for name in ("tp", "fp", "tn", "fn")] == [2, 1, 5, 2]
    expected = {
        "precision": 2 / 3,
        "recall": 2 / 4,
        "f1": 4 / 7,
        "accuracy": 7 / 10,  # of all ten, not of the eight that have a prediction
        "daf": (2 / 3) / (4 / 10),
        "tpr": 2 / 4,
        "fnr": 2 / 4,
        "fpr": 1 / 6,
        "tnr": 5 / 6,
        "mae": (0.1 + 0.2 + 0.1 + 0.2) / 8,
        "rmse": np.sqrt((0.01 + 0.04 + 0.01 + 0.04) / 8),
        "r2": 1 - 0.1 / (8 * np.var(true[~np.isnan(made)])),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-15)
    assert discovery_metrics(true, made, threshold=0.1)["tp"] == 5


def test_what_is_undefined_is_none():
    nothing_stable = discovery_metrics(np.array([0.1, 0.2]), np.array([0.3, NAN]))
    assert [nothing_stable[name] for name in ("f1", "daf", "precision", "recall", "fnr")] == [None] * 5
    assert nothing_stable["accuracy"] == 1
    assert nothing_stable["r2"] is None  # one prediction: no spread
    none_predicted = discovery_metrics(np.array([-0.1, 0.2]), np.array([NAN, NAN]))
    assert none_predicted["f1"] == 0
    assert [none_predicted[name] for name in ("precision", "daf", "mae", "rmse", "r2")] == [None] * 5


def test_published_rows_follow_from_their_counts(shared):
    with (shared / "data/wbm/leaderboard.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 57
    for row in rows:
        counts = Counts(*(int(float(row[name])) for name in ("TP", "FP", "TN", "FN")))
        prevalence = None if row["block"] == "full_test_set" else UNIQUE_PREVALENCE
        found = rates(counts, prevalence)
        for name in ("F1", "DAF", "Precision", "Recall", "Accuracy", "TPR", "FPR", "TNR", "FNR"):
            assert round(found[name.lower()], 3) == float(row[name]), (row["model"], row["block"], name)


def test_formation_energies_become_hull_distances(files):
    joined = join(*files())
    assert joined.from_formation and joined.column == "e_form_per_atom_fake"
    assert list(joined.ids) == ["wbm-1-1", "wbm-1-2", "wbm-1-3"]  # the truth's order; the others lack a label
    np.testing.assert_array_equal(joined.true, [0.0, 0.1, -0.1])
    np.testing.assert_allclose(joined.predicted, [-0.1, NAN, 0.1], atol=1e-15)
    assert (joined.missing, joined.unlabeled, joined.unknown) == (1, 2, 1)
    assert hull_distance(np.array([0.1]), np.array([-0.5]), np.array([-0.5]))[0] == pytest.approx(0.1)


def test_hull_distances_are_taken_as_they_are(files):
    joined = join(*files("material_id,e_form_fake,e_above_hull_fake\nwbm-1-4,5,0.05\nwbm-1-1,5,\n"))
    assert not joined.from_formation and joined.column == "e_above_hull_fake"
    assert list(joined.ids) == ["wbm-1-1", "wbm-1-2", "wbm-1-3", "wbm-1-4"]  # needs no formation energy
    np.testing.assert_array_equal(joined.predicted, [NAN, NAN, NAN, 0.05])
    plain = "material_id,e_above_hull\nwbm-1-4,0.2\n"
    assert join(*files("material_id,each_pred\nwbm-1-4,0.1\n", plain)).true == [0.2]


def test_one_of_several_columns_is_named(files):
    paths = files("material_id,e_form_a,e_form_b\nwbm-1-1,-0.4,-0.3\n")
    with pytest.raises(UserError, match="e_form_a, e_form_b could all be the predictions; name the column"):
        join(*paths)
    assert join(*paths, column="e_form_b").predicted[0] == pytest.approx(0.2)
    with pytest.raises(UserError, match="no column 'e_form_c'; did you mean 'e_form_"):
        join(*paths, column="e_form_c")
    with pytest.raises(UserError, match="no column 'material_id'"):
        join(*paths, column="material_id")


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        ("material_id,eform_per_atom\nwbm-1-1,1\n", TRUTH, "predicted.csv: .* did you mean 'eform_per_atom'"),
        ("id,e_form\nwbm-1-1,1\n", TRUTH, "predicted.csv: no column 'material_id'"),
        (PREDICTED, TRUTH.replace(HULL, "e_hull_mp2020"), "truth.csv.gz: no column 'e_above_hull_mp2020.*did you mean"),
        (PREDICTED, TRUTH.replace(FORMATION, "x"), f"truth.csv.gz: no column '{FORMATION}'"),
        ("material_id,e_form\nmp-1,1\n", TRUTH, "no material_id in common .*1 such as mp-1 here, 3 such as wbm-1-1"),
        ("material_id,e_form\n", TRUTH, "no material_id in common .*none here"),
        (
            PREDICTED + "wbm-1-1,0,0\n",
            TRUTH,
            "predicted.csv: 1 material_ids occur more than once, the first is wbm-1-1",
        ),
        (PREDICTED, TRUTH + "wbm-1-2,,9,1,1,True\n", "truth.csv.gz: 1 material_ids .* the first is wbm-1-2"),
        ("material_id,e_form\nwbm-1-1,1\n,2\n", TRUTH, "predicted.csv: row 2 has no material_id"),
        ("material_id,e_form\nwbm-1-1,low\n", TRUTH, r"e_form of wbm-1-1 is not a finite number \(low\)"),
        ("material_id,e_form\nwbm-1-1,inf\n", TRUTH, r"e_form of wbm-1-1 is not a finite number \(inf\)"),
        ("", TRUTH, "predicted.csv is not a whole CSV file"),
    ],
)
def test_mistakes_are_one_line(files, predicted, truth, message):
    with pytest.raises(UserError, match=message) as caught:
        join(*files(predicted, truth))
    assert "\n" not in str(caught.value)


def test_unreadable_files(files, tmp_path):
    predicted, truth = files()
    with pytest.raises(UserError, match=r"cannot read .*absent\.csv: No such file"):
        join(tmp_path / "absent.csv", truth)
    whole = truth.read_bytes()
    truth.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"truth\.csv\.gz is not a whole CSV file"):
        join(predicted, truth)
    truth.write_bytes(b"no gzip")
    with pytest.raises(UserError, match=r"cannot read .*truth\.csv\.gz: Not a gzipped file"):
        join(predicted, truth)


def test_accuracy_is_over_all_structures(files, package):
    joined = join(*files())
    check = cross_check(joined.true, joined.predicted)
    assert (joined.missing, check.own["tp"], check.own["tn"], check.own["fn"]) == (1, 1, 1, 1)
    assert check.package["accuracy"] == check.own["accuracy"] == pytest.approx(2 / 3)  # the package's own is 2/2
    assert check.version == "0" and check.differences == ()


def test_numbers_that_differ_by_more_than_rounding_are_named(files, package, monkeypatch):
    joined = join(*files())
    asked = module.package_metrics

    def wrong(true, predicted, threshold):
        metrics, source = asked(true, predicted, threshold)
        return metrics | {"mae": metrics["mae"] + 1e-5, "rmse": metrics["rmse"] + 1e-12, "r2": None}, source

    monkeypatch.setattr(module, "package_metrics", wrong)
    assert cross_check(joined.true, joined.predicted).differences == ("mae", "r2")


def test_the_package_is_not_asked_to_divide_by_zero(files, monkeypatch):
    monkeypatch.setattr(module, "package_metrics", None)
    joined = join(*files("material_id,e_form\nwbm-1-2,1\n"))
    check = cross_check(joined.true, joined.predicted)
    assert (check.own["tp"], check.own["precision"], check.own["f1"]) == (0, None, 0)
    assert check.package == {} and "no stable structure is predicted stable" in check.refused


def test_card_describes_an_environment_without_torch():
    card = load_tool(resources("benchmarks") / "discovery")
    pinned = {package.name: package.version for package in card.environment.packages}
    assert pinned["matbench-discovery"] == "1.3.1"
    assert "torch" not in pinned
    assert (card.places[0] / "worker.py").is_file()


def test_without_a_network_the_error_says_what_is_installed(monkeypatch):
    def fail(card):
        raise UserError("uv cannot install matbench-discovery==1.3.1: no network")

    monkeypatch.setattr(discovery_package, "install_if_missing", fail)
    with pytest.raises(UserError, match=r"1\.3\.1: no network \(the first score installs matbench-discovery"):
        package_metrics(np.array([0.0]), np.array([0.0]), 0.0)


@pytest.mark.slow
def test_package_and_definitions_agree():
    random = np.random.default_rng(0)
    true = random.normal(0.1, 0.15, 3000)
    predicted = true + random.normal(0, 0.05, 3000)
    for missing in (0, 40):
        predicted[:missing] = NAN
        for threshold in (0.0, 0.05):
            theirs, versions = package_metrics(true, predicted, threshold)
            own = discovery_metrics(true, predicted, threshold)
            own["accuracy"] = (own["tp"] + own["tn"]) / (len(true) - missing)  # what the package divides by
            assert theirs == pytest.approx(own, rel=1e-12)
    assert versions["version"] == "1.3.1"
    assert "torch" not in versions["packages"]
