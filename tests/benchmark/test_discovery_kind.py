"""Tables of stability: rows from published, given and relaxed predictions, files that are missing, ad-hoc cards."""

import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from ase.io import write
from crystals_to_relax import strained_crystals

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import discovery
from alphanet.benchmark.kinds.discovery import DiscoveryCard, predictions_card, relaxation_card
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.data.cards import SourceFile
from alphanet.errors import UserError
from alphanet.measure.discovery import cross_check
from alphanet.measure.discovery.metrics import discovery_metrics
from alphanet.measure.discovery.wbm import read_wbm
from alphanet.potentials.forms import row_label

pytestmark = pytest.mark.integration

HULL, FORMATION = "e_above_hull_mp2020_corrected_ppd_mp", "e_form_per_atom_mp2020_corrected"
ROWS = ("First", "Second")
MODEL = "python_potentials:Settled"


@pytest.fixture
def card(tmp_path, cards):
    """The card of the tests; labels and predictions of its rows are published on a mirror."""
    random = np.random.default_rng(0)
    ids, hull = [f"wbm-1-{place}" for place in range(300)], random.normal(0.1, 0.15, 300)
    truth = {FORMATION: random.normal(-0.5, 0.5, 300), HULL: hull, "unique_prototype": np.arange(300) % 5 > 0}
    folder = tmp_path / "mirror" / "example.org"
    folder.mkdir(parents=True)
    pd.DataFrame({"material_id": ids, **truth}).to_csv(tmp_path / "summary.csv", index=False)
    loaded = load_benchmark("crystals")
    rows = {}
    for row in ROWS:
        predicted = truth[FORMATION] + random.normal(0, 0.03, 300)
        table = pd.DataFrame({"material_id": ids, "e_form": predicted}).to_csv(index=False)
        (folder / f"{row}.csv.gz").write_bytes(gzip.compress(table.encode()))
        checksum = hashlib.sha256((folder / f"{row}.csv.gz").read_bytes()).hexdigest()
        source = SourceFile(url=f"https://example.org/{row}.csv.gz", sha256=checksum)
        rows[row] = loaded.rows[row].model_copy(update={"predictions": source})
    return loaded.model_copy(update={"rows": rows})


@pytest.fixture
def run(tmp_path):
    """A function that runs a card at scale full unless told otherwise."""

    def go(card, **options):
        return run_benchmark(card, RunOptions(**({"scale": "full", "out": tmp_path / "runs"} | options)))

    return go


@pytest.fixture
def local(tmp_path):
    """Options that name the labels and the folder of predictions."""
    return {"truth": tmp_path / "summary.csv", "predictions": tmp_path / "mirror"}


def cells_of(result):
    return {(cell.row, cell.metric): cell for cell in result.cells}


def test_rows_are_computed_from_local_files_once(card, run, local, tmp_path, whole_records, monkeypatch):
    result = run(card, **local)
    wbm = read_wbm(tmp_path / "mirror/example.org/Second.csv.gz", tmp_path / "summary.csv", decimals=3)
    cell = cells_of(result)["Second", "f1"]
    score = wbm.score("unique")
    assert cell.measured == score["f1"] and cell.interval == pytest.approx(score["intervals"]["f1"])
    assert cell.verdict.startswith("not comparable: not the paper's protocol: labels of 300 of 256963")
    assert result.failures == () and not result.comparable
    monkeypatch.setattr(discovery, "read_wbm", lambda *_, **__: pytest.fail("scored again"))
    assert run(card, **local).cells == result.cells
    assert len(whole_records(tmp_path / "runs/crystals/records.jsonl")) == 2


@pytest.mark.usefixtures("card")
def test_a_second_papers_card_runs_as_it_is(run, local):
    result = run(load_benchmark("crystals"), **local)
    assert result.failures == () and all(cell.measured is not None for cell in result.cells)


def test_published_labels_make_cells_comparable(card, run, tmp_path, monkeypatch):
    content = (tmp_path / "summary.csv").read_bytes()
    (tmp_path / "mirror/example.org/summary.csv").write_bytes(content)
    md5 = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(discovery, "summary_file", lambda: SourceFile(url="https://example.org/summary.csv", md5=md5))
    result = run(card, mirror=f"file://{tmp_path}/mirror")
    assert result.comparable and {cell.comparable for cell in result.cells} == {True}
    assert {cell.outcome for cell in result.cells} <= {"better", "worse", "reproduced"}


def test_missing_and_changed_files_cost_their_row(card, run, local, tmp_path):
    (tmp_path / "mirror/example.org/First.csv.gz").unlink()
    changed = tmp_path / "mirror/example.org/Second.csv.gz"
    changed.write_bytes(gzip.compress(b"material_id,e_form\nwbm-1-1,0\n"))
    result = run(card, **local)
    verdicts = {cell.row: cell.verdict for cell in result.cells}
    assert "has no First.csv.gz; it is published at https://example.org/First.csv.gz" in verdicts["First"]
    assert "Second.csv.gz is not the published file: its sha256 is" in verdicts["Second"]
    assert len(result.failures) == 2


def test_without_labels_every_cell_says_what_it_needs(card, run, tmp_path):
    result = run(card, mirror=f"file://{tmp_path}/mirror")
    assert all(
        cell.verdict.startswith("not run: needs the published labels: the mirror has no file") for cell in result.cells
    )
    assert len(result.failures) == 1  # told once, not for every row


def test_a_scale_that_fetches_nothing_takes_what_is_here(card, run, tmp_path):
    mirror, truth = f"file://{tmp_path}/mirror", tmp_path / "summary.csv"
    nothing = run(card, mirror=mirror, scale="mini")
    assert not nothing.failures and all(
        "alphanet data fetch wbm --scale full" in cell.verdict for cell in nothing.cells
    )
    run(card, truth=truth, mirror=mirror)  # at full, which leaves the predictions here
    for published in (tmp_path / "mirror").rglob("*.gz"):
        published.unlink()
    here = run(card, truth=truth, mirror=mirror, scale="mini")
    assert not here.failures and not any(cell.comparable for cell in here.cells)
    assert all(cell.measured is not None for cell in here.cells)


def test_a_file_of_predictions_is_scored_subset_by_subset_and_drawn(card, run, tmp_path):
    file, truth = tmp_path / "mirror/example.org/First.csv.gz", tmp_path / "summary.csv"
    result = run(predictions_card("mine", file, decimals=3), scale="ad-hoc", truth=truth)
    (grid,) = result.grids
    assert grid.columns == ("metric", "full", "unique", "most-stable") and result.cells == ()
    numbers = {row[0]: row[1:] for row in grid.rows}
    score = read_wbm(file, truth, decimals=3).score("unique")
    assert numbers["F1"][1].value == score["f1"] and numbers["F1"][1].interval == pytest.approx(
        score["intervals"]["f1"]
    )
    assert numbers["structures"][1].value == 240 and numbers["F1"][1].origin in result.origins
    names = [figure.name for figure in result.figures]
    assert names == ["First_parity", "First_cumulative", "First_rolling_mae", "First_roc"]  # no formulas, no elements
    for figure in result.figures:
        assert all((tmp_path / "runs/mine" / path).is_file() for path in figure.files.values())
    assert any("labels of 300 of 256963" in note for note in result.notes)
    one = run(predictions_card("one", file, subset="full"), scale="ad-hoc", truth=truth)
    assert one.grids[0].columns == ("metric", "full")


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_the_package_stands_beside_and_a_difference_is_a_failure(card, run, tmp_path, monkeypatch, shift):
    def package(true, predicted, threshold):
        own = discovery_metrics(true, predicted, threshold)
        return own | {"f1": own["f1"] + shift}, {"version": "1.3"}

    monkeypatch.setattr(cross_check, "package_metrics", package)
    file, truth = tmp_path / "mirror/example.org/First.csv.gz", tmp_path / "summary.csv"
    asked = predictions_card("mine", file, cross_check=True)
    for _ in range(2):  # a difference is told again
        result = run(asked, scale="ad-hoc", truth=truth)
        grid = next(grid for grid in result.grids if grid.id == "cross-check/First")
        verdicts = {row[0]: row[3] for row in grid.rows}
        assert grid.columns[2] == "matbench-discovery 1.3" and verdicts["MAE (eV/atom)"] == "same"
        assert verdicts["F1"] == ("differs" if shift else "same")
        assert bool(result.failures) == bool(shift)
    if shift:
        assert "the numbers differ: f1" in result.failures[0]


@pytest.fixture
def crystals(tmp_path):
    """Options of a run that relaxes: structures, reference entries and labels."""
    structures = strained_crystals()
    for identity, atoms in structures.items():
        atoms.info["material_id"] = identity
    write(tmp_path / "initial.extxyz", list(structures.values()))
    elements = {symbol for atoms in structures.values() for symbol in atoms.get_chemical_symbols()}
    entries = {symbol: {"energy": -1.0, "composition": {symbol: 1}} for symbol in elements}
    (tmp_path / "references.json").write_text(json.dumps(entries))
    return list(structures), {
        "structures": str(tmp_path / "initial.extxyz"),
        "references": tmp_path / "references.json",
    }


@pytest.mark.long
def test_a_model_is_relaxed_scored_and_resumed(crystals, run, tmp_path, cluster):
    ids, options = crystals
    rows = [f"{identity},A,-0.5,{0.1 * place - 0.1},0.0,True" for place, identity in enumerate(ids)]
    header = f"material_id,formula,{FORMATION},{HULL},e_correction_per_atom_mp2020,unique_prototype"
    (tmp_path / "truth.csv").write_text("\n".join([header, *rows]) + "\n")
    options |= {"truth": tmp_path / "truth.csv", "cluster": cluster, "scale": "ad-hoc"}
    asked = relaxation_card("relaxing", models=[MODEL])
    result = run(asked, **options)
    grids = {grid.id: grid for grid in result.grids}
    counts = {row[0]: row[1] for row in grids["relaxations"].rows}
    assert result.failures == () and counts["structures"].value == counts["converged"].value == len(ids)
    assert f"scores/{MODEL}" in grids
    again = run(asked, **options)
    assert again.grids == result.grids


def test_a_published_row_is_relaxed_anew_and_compared_structure_by_structure(card, crystals, run, tmp_path, cluster):
    ids, options = crystals
    published = tmp_path / "mirror/example.org/anew.csv.gz"

    def publish(values):
        table = pd.DataFrame({"material_id": list(values), "e_form_per_atom": list(values.values())})
        published.write_bytes(gzip.compress(table.to_csv(index=False).encode()))

    publish(dict.fromkeys(ids, 0.0))
    source = SourceFile(url="https://example.org/anew.csv.gz")
    rows = {
        "First": card.rows["First"].model_copy(update={"model": MODEL, "predictions": source}),
        "AlphaNet": card.rows["Second"].model_copy(update={"model": "alphanet"}),
    }
    asked = card.model_copy(update={"rows": rows, "paper": {}})
    options |= {"predictions": tmp_path / "mirror", "relax": 3, "cluster": cluster}
    labels = "".join(f"{identity},-0.5,{0.1 * place},True\n" for place, identity in enumerate(ids))
    (tmp_path / "truth.csv").write_text(f"material_id,{FORMATION},{HULL},unique_prototype\n{labels}")
    options["truth"] = tmp_path / "truth.csv"
    result = run(asked, **options)
    grid = next(grid for grid in result.grids if grid.id == "relaxed-anew")
    rows = {row[0]: row[1:] for row in grid.rows}
    assert rows["First"][0].value == 3 and rows["First"][1].origin in result.origins
    assert rows["AlphaNet"][-1].startswith("alphanet comes without weights")
    (folder,) = (tmp_path / "runs/crystals/relaxed").iterdir()
    table = pd.read_csv(folder / "predictions.csv.gz", index_col=0)
    ours = table[next(name for name in table if name.startswith("e_form_per_atom"))].to_dict()
    assert rows["First"][1].value == pytest.approx(1e3 * sum(map(abs, ours.values())) / 3, rel=1e-5)

    publish(ours | {next(iter(ours)): next(iter(ours.values())) + 0.005})
    again = next(grid for grid in run(asked, **options).grids if grid.id == "relaxed-anew")
    numbers = {row[0]: row[1:] for row in again.rows}["First"]
    assert (numbers[3].value, numbers[4].value) == (2, 3)  # within 1 and 10 meV/atom


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"model": "x"}, "exactly one of predictions, file and relaxation"),
        ({"model": "x", "file": "a.csv", "relaxation": {}}, "exactly one"),
    ],
)
def test_a_row_has_one_source(row, message):
    values = {"kind": "discovery", "name": "x", "title": "x", "rows": {"x": row}}
    with pytest.raises(ValueError, match=message):
        DiscoveryCard.model_validate(values | {"scales": {"full": {"comparable": True, "protocol": "some"}}})


def test_table_4_prints_the_papers_numbers_and_every_row_has_an_address(shared):
    card = load_benchmark("table4")
    printed = yaml.safe_load((shared / "paper/tables.yaml").read_text())["table4"]
    assert set(card.rows) == set(printed) - {"units"}
    for row, columns in card.paper.items():
        for metric, value in columns["wbm"].items():
            assert float(value) == printed[row][metric], (row, metric)
    sources = {name: row.source for name, row in card.rows.items()}
    assert len({source.url for source in sources.values()}) == 10
    assert [name for name, source in sources.items() if not (source.sha256 or source.md5)] == ["EScAIP-Small"]
    with pytest.raises(UserError, match="no group 'mace'; did you mean 'mace-mp-0'"):
        _ = card.rows["CHGNet"].model_copy(update={"predictions": "mace"}).source


def test_table_4_from_a_part_of_the_labels(run, shared):
    result = run(
        load_benchmark("table4"),
        truth=shared / "data/wbm/wbm_truth_partial.csv.gz",
        predictions=shared / "data/mirror",
        only=("CHGNet", "EScAIP-Small"),
    )
    cells = cells_of(result)
    assert cells["CHGNet", "f1"].measured == pytest.approx(0.65, abs=0.01)
    assert "32582 of 256963" in cells["CHGNet", "f1"].verdict
    assert cells["EScAIP-Small", "f1"].measured is None and len(result.failures) == 1  # its file is not there
    assert any("not with precision 0.712" in text for text in cells["EScAIP-Small", "daf"].errata)


def test_models_of_one_name_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    models = ["first/model.safetensors", "second/model.safetensors"]
    for model in map(Path, models):
        model.parent.mkdir()
        model.touch()
    rows = relaxation_card("wbm", models=models).rows
    assert [row_label(row) for row in rows] == ["first-model", "second-model"]
