"""WBM scores: the published predictions against an independent computation, subsets, intervals, units, file formats."""

import csv
import gzip
import json
import math
import sys

import numpy as np
import pandas as pd
import pytest

from alphanet.errors import UserError
from alphanet.measure.discovery.intervals import bootstrap_intervals
from alphanet.measure.discovery.metrics import discovery_metrics
from alphanet.measure.discovery.wbm import MOST_STABLE, published_summary, read_wbm

HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
PUBLISHED = {  # file -> predictions of the 32,582 labeled structures that are not made or too far off
    "2023-12-21-chgnet-0.3.0-wbm-IS2RE": 2,
    "2023-12-11-mace-mp-0-wbm-IS2RE-FIRE": 16,
    "2024-11-21-MP_GRACE_2L_r6_11Nov2024-wbm-IS2RE-FIRE": 67,
    "2024-07-11-sevennet-0-preds": 2,
    "2024-12-10-sevennet-l3l5-preds": 3,
    "orbff-mptrj-only-v2-20241014": 2,
    "2025-01-10-dpa3-mptrj-discovery": 9,
    "eqV2-s-dens-mp-ori": 66,
}


@pytest.fixture
def write(tmp_path):
    """A function that writes tables of n structures and returns the paths of predictions and truth."""

    def write(n: int = 200, unit=lambda formation, sites: formation, name: str = "e_form_per_atom_fake"):
        random = np.random.default_rng(1)
        formation, hull = random.normal(-0.6, 0.8, n), random.normal(0.1, 0.15, n)
        sites = random.integers(2, 20, n)
        ids = [f"wbm-1-{place}" for place in range(n)]
        truth = {FORMATION: formation, HULL: hull, "n_sites": sites, "unique_prototype": np.arange(n) % 4 > 0}
        predicted = unit(formation + random.normal(0, 0.05, n), sites)
        pd.DataFrame({"material_id": ids, **truth}).to_csv(tmp_path / "truth.csv", index=False)
        pd.DataFrame({"material_id": ids, name: predicted}).to_csv(tmp_path / "predicted.csv", index=False)
        return tmp_path / "predicted.csv", tmp_path / "truth.csv"

    return write


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_predictions(shared, name):
    (predictions,) = (shared / "data/mirror").rglob(f"{name}.csv.gz")
    truth = shared / "data/wbm/wbm_truth_partial.csv.gz"
    found = read_wbm(predictions, truth).score("full")
    expected = _independent(predictions, truth)
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-12, rel=1e-12)
    assert (found["n"], found["missing"]) == (32582, PUBLISHED[name])


def _independent(predictions, truth) -> dict[str, float]:
    """The metrics from sets of ids and exact sums."""
    with gzip.open(predictions, "rt", newline="") as stream:
        _, *rows = csv.reader(stream)
    formation = {row[0]: float(row[2]) for row in rows if row[2]}
    with gzip.open(truth, "rt", newline="") as stream:
        labels = {
            row["material_id"]: (float(row[FORMATION]), float(row[HULL]))
            for row in csv.DictReader(stream)
            if row[FORMATION] and row[HULL]
        }
    made = {key for key in labels.keys() & formation.keys() if not abs(formation[key] - labels[key][0]) > 5}
    stable = {key for key, (_, hull) in labels.items() if not hull > 0}
    called = {key for key in made if not labels[key][1] + formation[key] - labels[key][0] > 0}
    hits, errors = len(stable & called), [formation[key] - labels[key][0] for key in made]
    mean = math.fsum(labels[key][1] for key in made) / len(made)
    squares = math.fsum(error**2 for error in errors)
    unstable = len(labels) - len(stable)
    precision, recall = hits / len(called), hits / len(stable)
    return {
        "tp": hits,
        "fp": len(called - stable),
        "fn": len(stable - called),
        "tn": len(labels.keys() - stable - called),
        "precision": precision,
        "recall": recall,
        "tpr": recall,
        "fnr": 1 - recall,
        "fpr": len(called - stable) / unstable,
        "tnr": 1 - len(called - stable) / unstable,
        "f1": 2 / (1 / precision + 1 / recall),
        "accuracy": 1 - len(called ^ stable) / len(labels),
        "daf": precision * len(labels) / len(stable),
        "mae": math.fsum(map(abs, errors)) / len(made),
        "rmse": math.sqrt(squares / len(made)),
        "r2": 1 - squares / math.fsum((labels[key][1] - mean) ** 2 for key in made),
    }


def test_subsets(write):
    predictions, truth = write(3 * MOST_STABLE)
    found = read_wbm(predictions, truth)
    unique, stable = found.select("unique"), found.select("most-stable")
    assert (len(unique.ids), len(stable.ids)) == (22500, 10000)
    assert stable.predicted.max() <= np.sort(unique.predicted)[MOST_STABLE]
    assert set(stable.ids) < set(unique.ids) and stable.unique.all()
    scores = {name: found.score(name) for name in ("full", "unique", "most-stable")}
    assert scores["full"]["daf"] == pytest.approx(scores["full"]["precision"] / np.mean(found.joined.true <= 0))
    for name in ("unique", "most-stable"):
        assert scores[name]["daf"] == pytest.approx(scores[name]["precision"] * 215488 / 32942)


def test_rounding_comes_first(tmp_path):
    (tmp_path / "truth.csv").write_text(f"material_id,{FORMATION},{HULL}\nwbm-1-1,-0.5,0.0004\nwbm-1-2,-0.5,0.0006\n")
    (tmp_path / "predicted.csv").write_text("material_id,e_form\nwbm-1-1,-0.4996\nwbm-1-2,-0.5\n")
    paths = tmp_path / "predicted.csv", tmp_path / "truth.csv"
    as_given, rounded = read_wbm(*paths).score("full"), read_wbm(*paths, decimals=3).score("full")
    assert [as_given[name] for name in ("tp", "tn")] == [0, 2]
    assert [rounded[name] for name in ("tp", "tn")] == [1, 1]


def test_intervals_are_those_of_resampled_structures():
    random = np.random.default_rng(2)
    true = random.normal(0.1, 0.15, 6000)
    predicted = true + random.standard_t(4, 6000) * 0.05
    predicted[:100] = np.nan
    found = bootstrap_intervals(true, predicted)
    draws = [discovery_metrics(true[rows], predicted[rows]) for rows in random.integers(0, 6000, (400, 6000))]
    for name, (low, high) in found.items():
        low_again, high_again = np.quantile([draw[name] for draw in draws], [0.025, 0.975])
        assert high - low == pytest.approx(high_again - low_again, rel=0.2), name
        assert low < discovery_metrics(true, predicted)[name] < high
    assert bootstrap_intervals(true, predicted) == found  # the same numbers every time
    assert bootstrap_intervals(np.array([0.1]), np.array([0.2]))["precision"] is None


def test_wrong_units_are_named(write):
    units = {
        "look like meV/atom": lambda formation, _: 1000 * formation,
        "look like eV of the whole cell": lambda formation, sites: sites * formation,
        "look like meV of the whole cell": lambda formation, sites: 1000 * sites * formation,
        "total energies": lambda formation, sites: sites * (formation - 7),
    }
    for said, unit in units.items():
        with pytest.raises(UserError, match=rf"predicted\.csv: e_form_per_atom_fake: half of the values .* {said}"):
            read_wbm(*write(unit=unit))


def test_hull_distances_called_formation_energies_are_named(write):
    predictions, truth = write()
    labels = pd.read_csv(truth)
    labels.assign(e_form=labels[HULL] + 0.01)[["material_id", "e_form"]].to_csv(predictions, index=False)
    with pytest.raises(UserError, match="look like energies above hull"):
        read_wbm(predictions, truth)


def test_poor_predictions_are_no_mistake_of_units(write):
    constant = read_wbm(*write(unit=lambda formation, _: np.full_like(formation, -0.6))).score("full")
    assert constant["mae"] > 0.5


def test_structures_without_either_label_are_left_out(write):
    predictions, truth = write(name="e_above_hull_fake")
    labels = pd.read_csv(truth)
    labels.loc[0, FORMATION] = labels.loc[1, HULL] = np.nan
    labels.to_csv(truth, index=False)
    found = read_wbm(predictions, truth)
    assert len(found.joined.ids) == 198 and found.joined.unlabeled == 2


def test_json_lines_are_the_same_table(write):
    predictions, truth = write()
    lines = pd.read_csv(predictions).to_dict("records")
    other = predictions.with_name("predicted.jsonl.gz")
    with gzip.open(other, "wt") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    assert read_wbm(other, truth).score("full") == read_wbm(predictions, truth).score("full")
    other.write_bytes(gzip.compress(b'{"material_id": "wbm-1-1", \n'))
    with pytest.raises(UserError, match=r"predicted\.jsonl\.gz is not a whole JSON lines file"):
        read_wbm(other, truth)


def test_parquet_needs_a_reader(write, monkeypatch):
    predictions, truth = write()
    parquet = predictions.with_name("predicted.parquet")
    parquet.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(UserError, match="no Parquet reader is installed here; pip install pyarrow"):
        read_wbm(parquet, truth)


def test_column_of_any_name(write):
    predictions, truth = write(name="mine")
    with pytest.raises(UserError, match=r"name the column of the predictions: no column is called .*; known: mine"):
        read_wbm(predictions, truth)
    assert read_wbm(predictions, truth, "mine").joined.from_formation


def test_truth_that_was_not_fetched():
    with pytest.raises(UserError, match=r"2023-12-13-wbm-summary\.csv\.gz.*alphanet data fetch wbm --scale full"):
        published_summary()
