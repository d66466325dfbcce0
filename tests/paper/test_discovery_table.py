"""Table 4: the card, rows computed from files that were fetched or are local, and what makes cells incomparable."""

import gzip
import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from alphanet.paper.benchmark import read_benchmark
from typer.testing import CliRunner

from alphanet.cli import app
from alphanet.data.cards import SourceFile
from alphanet.errors import UserError
from alphanet.measure.wbm import read_wbm
from alphanet.paper import discovery
from alphanet.paper.discovery import Options, measure_table
from alphanet.paper.discovery_cards import DiscoveryTable

HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
ROWS = ("CHGNet", "AlphaNet")


@pytest.fixture
def files(tmp_path):
    """A truth and predictions of two rows, published at two addresses; the card says so."""
    random = np.random.default_rng(0)
    ids, hull = [f"wbm-1-{place}" for place in range(300)], random.normal(0.1, 0.15, 300)
    truth = {FORMATION: random.normal(-0.5, 0.5, 300), HULL: hull, "unique_prototype": np.arange(300) % 5 > 0}
    pd.DataFrame({"material_id": ids, **truth}).to_csv(tmp_path / "summary.csv", index=False)
    sources = {}
    for row in ROWS:
        path = tmp_path / "mirror" / "example.org" / f"{row}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        predicted = truth[FORMATION] + random.normal(0, 0.03, 300)
        table = pd.DataFrame({"material_id": ids, "e_form": predicted}).to_csv(index=False)
        path.write_bytes(gzip.compress(table.encode()))
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        sources[row] = SourceFile(url=f"https://example.org/{row}.csv.gz", sha256=checksum)
    card = read_benchmark("table4", DiscoveryTable)
    rows = {row: card.rows[row].model_copy(update={"predictions": sources[row]}) for row in ROWS}
    values = tuple(value for value in card.paper if value.row in ROWS)
    return tmp_path, card.model_copy(update={"rows": rows, "paper": values})


def test_card_prints_the_papers_numbers(shared):
    card = read_benchmark("table4", DiscoveryTable)
    printed = yaml.safe_load((shared / "paper/tables.yaml").read_text())["table4"]
    assert set(card.rows) == set(printed) - {"units"}
    for value in card.paper:
        assert float(value.printed) == printed[value.row][value.metric], value
    assert len(card.paper) == 60


def test_every_row_has_an_address():
    rows = read_benchmark("table4", DiscoveryTable).rows
    sources = {name: row.source for name, row in rows.items()}
    assert len({source.url for source in sources.values()}) == 10
    assert [name for name, source in sources.items() if not (source.sha256 or source.md5)] == ["EScAIP-Small"]
    with pytest.raises(UserError, match="no group 'mace'; did you mean 'mace-mp-0'"):
        _ = rows["CHGNet"].model_copy(update={"predictions": "mace"}).source


def test_rows_are_computed_from_local_files(files, whole_records):
    folder, card = files
    options = Options(folder / "runs", folder / "summary.csv", folder / "mirror")
    outcome = measure_table(card, options, lambda _: None)
    found = {(cell.row, cell.metric): cell for cell in outcome.cells}
    wbm = read_wbm(folder / "mirror/example.org/AlphaNet.csv.gz", folder / "summary.csv", decimals=3)
    assert found["AlphaNet", "f1"].measured == wbm.score("unique")["f1"]
    assert found["AlphaNet", "f1"].verdict.startswith(
        "not comparable: not the paper's protocol: labels of 300 of 256963"
    )
    assert not outcome.failures
    measure_table(card, options, lambda _: None)
    assert len(whole_records(folder / "runs/records.jsonl")) == 2  # the same numbers are the same record


def test_published_labels_make_cells_comparable(files, monkeypatch):
    folder, card = files
    md5 = hashlib.md5((folder / "summary.csv").read_bytes()).hexdigest()
    summary = SourceFile(url="https://example.org/summary.csv", md5=md5)
    monkeypatch.setattr(discovery, "summary_file", lambda: summary)
    shutil.copy(folder / "summary.csv", folder / "mirror/example.org")
    outcome = measure_table(card, Options(folder / "runs", mirror=f"file://{folder}/mirror"), lambda _: None)
    assert {cell.comparable for cell in outcome.cells} == {True}
    assert {cell.verdict.partition(":")[0] for cell in outcome.cells} <= {
        "better (one seed)",
        "worse (one seed)",
        "reproduced (one seed)",
        "paper inconsistent (one seed)",
    }


def test_missing_and_changed_files_cost_their_row(files):
    folder, card = files
    (folder / "mirror/example.org/CHGNet.csv.gz").unlink()
    changed = folder / "mirror/example.org/AlphaNet.csv.gz"
    changed.write_bytes(gzip.compress(b"material_id,e_form\nwbm-1-1,0\n"))
    outcome = measure_table(card, Options(folder / "runs", folder / "summary.csv", folder / "mirror"), lambda _: None)
    verdicts = {cell.row: cell.verdict for cell in outcome.cells}
    assert "has no CHGNet.csv.gz; it is published at https://example.org/CHGNet.csv.gz" in verdicts["CHGNet"]
    assert "AlphaNet.csv.gz is not the published file: its sha256 is" in verdicts["AlphaNet"]
    assert len(outcome.failures) == 2


def test_without_labels_every_cell_says_what_it_needs(files):
    folder, card = files
    outcome = measure_table(card, Options(folder / "runs", mirror=f"file://{folder}/mirror"), lambda _: None)
    assert all(
        cell.verdict.startswith("not run: needs the published labels: the mirror has no file") for cell in outcome.cells
    )
    assert len(outcome.failures) == 1  # told once, not for every row


def test_command_prints_errata_and_writes_the_table(tmp_path, shared):
    options = ["--truth", str(shared / "data/wbm/wbm_truth_partial.csv.gz")]
    options += ["--predictions-dir", str(shared / "data/mirror"), "--models", "CHGNet,EScAIP-Small"]
    run = CliRunner().invoke(app, ["repro", "table4", *options, "--out", str(tmp_path)])
    assert run.exit_code == 1  # EScAIP-Small's file is not there
    assert "5.634 is not the DAF" in run.stdout and "32582 of 256963" in run.stdout
    results = json.loads((tmp_path / "table4/results.json").read_text())
    measured = {cell["row"]: cell["measured"] for cell in results["cells"] if cell["metric"] == "f1"}
    assert measured["CHGNet"] == pytest.approx(0.65, abs=0.01) and measured["EScAIP-Small"] is None
    assert (tmp_path / "table4/table.md").is_file()
    with pytest.raises(UserError, match="--models: no row 'CHGnet'; did you mean 'CHGNet'"):
        raise CliRunner().invoke(app, ["repro", "table4", "--models", "CHGnet", "--out", str(tmp_path)]).exception


def test_mini_takes_what_is_here_and_fetches_nothing(files):
    folder, card = files
    mirror = f"file://{folder}/mirror"
    nothing = measure_table(card, Options(folder / "runs", mirror=mirror, scale="mini"), lambda _: None)
    assert not nothing.failures and all("--scale full fetches it" in cell.verdict for cell in nothing.cells)
    options = Options(folder / "runs", folder / "summary.csv", mirror=mirror)
    measure_table(card, options, lambda _: None)  # at full, which leaves the predictions here
    for published in (folder / "mirror").rglob("*.gz"):
        published.unlink()
    here = measure_table(
        card, Options(folder / "runs", folder / "summary.csv", mirror=mirror, scale="mini"), lambda _: None
    )
    assert not here.failures and not any(cell.comparable for cell in here.cells)
    assert all(cell.measured is not None for cell in here.cells)


def test_no_row_begins_after_the_budget(files, monkeypatch):
    folder, card = files
    times = iter([0.0, 0.0, 100.0])
    monkeypatch.setattr(discovery.time, "monotonic", lambda: next(times))
    options = Options(folder / "runs", folder / "summary.csv", folder / "mirror", minutes=1)
    outcome = measure_table(card, options, lambda _: None)
    said = {cell.row: cell.verdict for cell in outcome.cells}
    assert "no time left of --budget 1 minutes" in said["AlphaNet"] and not said["CHGNet"].startswith("not run")
