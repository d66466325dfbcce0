"""The kind `properties`: cells, ranks and reasons; what fails costs only itself; nothing is computed twice."""

import json
import sys
from decimal import Decimal

import pandas as pd
import pytest
from ase.build import bulk, molecule
from ase.io import write
from model_samples import paper_config, random_model
from typer.testing import CliRunner

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.properties import Properties, column_of, properties_card
from alphanet.benchmark.kinds.properties.adhoc import adhoc_card
from alphanet.benchmark.kinds.properties.show import rank_words
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.properties import references, running
from alphanet.measure.properties.registry import PROPERTIES, property_class
from alphanet.model.checkpoint import save_model

METHODS = "alphanet.measure.properties.methods"
MODELS = [f"{METHODS}:emt", f"{METHODS}:Softened", "python_potentials:copper_only"]
EXACT, SOFT, FOREIGN = MODELS


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that measures two properties of three potentials; the cache is that of the module."""
    folder, home = tmp_path_factory.mktemp("properties"), tmp_path_factory.mktemp("cache")

    def go(monkeypatch, **options):
        monkeypatch.setenv("ALPHANET_HOME", str(home))
        card = properties_card("few", models=MODELS, reference="emt", tasks=["forces", "eos"], elements=["Al", "Cu"])
        return run_benchmark(card, RunOptions(scale="ad-hoc", out=folder, **options)), folder / "few"

    return go


def test_cells_ranks_reasons_and_figures(run, rendered, monkeypatch):
    result, folder = run(monkeypatch)
    cells = {(cell.row, cell.column, cell.metric): cell for cell in result.cells}
    assert cells[EXACT, "eos", "bulk_modulus_error"].measured == pytest.approx(0, abs=1e-4)
    assert cells[SOFT, "eos", "bulk_modulus_error"].measured == pytest.approx(10, abs=1e-3)  # %
    assert cells[SOFT, "forces", "force_error"].measured > 1  # meV/Å
    assert cells[SOFT, "eos", "bulk_modulus_error"].spread is None  # structures are no seeds
    assert {cell.metric for cell in result.cells if cell.column == "eos"} == set(property_class("eos").quantities)
    assert len(cells[SOFT, "eos", "bulk_modulus_error"].records) == 2

    grids = {grid.id: grid for grid in result.grids}
    ranks = {line[0]: [getattr(field, "text", field) for field in line[2:]] for line in grids["ranks"].rows}
    assert [text.split(", ")[1] for text in ranks["equation of state"]] == ["exact", "2nd of 3", "last"]
    assert [getattr(field, "rank", None) for field in grids["ranks"].rows[1][2:]] == [0, 0.5, 1]
    reasons = {(line[0], line[1], line[2]): line[3] for line in grids["reasons"].rows}
    assert set(reasons) == {
        (FOREIGN, title, structure)
        for title, structure in (
            ("forces of displaced atoms", "Al"),
            ("equation of state", "Al"),
        )
    }
    assert all("copper alone" in why for why in reasons.values())
    assert len(result.failures) == 2
    assert cells[FOREIGN, "eos", "bulk_modulus_error"].measured is not None  # of copper, which it knows
    assert len(grids["numbers/eos"].rows) == 5 and grids["correlations"].rows[0][3] in ("0.50", "1.00")
    assert {figure.name for figure in result.figures} == {"plane", "curves"}
    assert all((folder / file).is_file() for figure in result.figures for file in figure.files.values())
    points = pd.read_csv(folder / "plane.csv").set_index("potential")
    assert points.loc[SOFT, "error"] == pytest.approx(cells[SOFT, "eos", "bulk_modulus_error"].measured, rel=1e-6)
    curves = pd.read_csv(folder / "curves.csv")
    assert set(curves["potential"]) == {EXACT, SOFT, "emt"} and curves["y"].notna().all()


def test_nothing_is_computed_twice(run, monkeypatch):
    first, _ = run(monkeypatch)
    calls = []
    compute = running.computed
    monkeypatch.setattr(running, "computed", lambda task, *rest: calls.append(task.name) or compute(task, *rest))
    monkeypatch.setattr(references, "computed", None)
    again, _ = run(monkeypatch)
    assert {record.id for record in again.records.values()} == {record.id for record in first.records.values()}
    assert sorted(calls) == ["eos", "forces"]  # what failed is tried again


def test_without_the_reference_only_own_measures_are_left(tmp_path):
    values = column_of("diatomics", ["Ar2"])
    card = properties_card("own", models=["python_potentials:lennard_jones"], reference="emt", tasks=["diatomics"],
                           elements=["Ar"])  # fmt: skip
    assert values[0]["structures"] == ["Ar2"]
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path))
    cells = {cell.metric: cell for cell in result.cells}
    assert cells["curve_error"].measured is None and "emt does not know Ar" in cells["curve_error"].reason
    assert cells["force_flips"].measured == 1


def test_a_missing_package_is_a_reason_and_no_failure(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tblite", None)
    monkeypatch.setattr("alphanet.measure.properties.task.find_spec", lambda name: None)
    card = properties_card("no-package", models=[EXACT], reference="tblite", tasks=["eos", "phonons"], elements=["Cu"])
    result = run_benchmark(card, RunOptions(scale="ad-hoc", out=tmp_path))
    assert not result.failures and not result.records
    reasons = {line[1]: line[3] for grid in result.grids if grid.id == "reasons" for line in grid.rows}
    assert "package tblite is not installed" in reasons["equation of state"]
    assert "package phonopy is not installed" in reasons["phonons"]


def test_a_printed_error_is_judged_by_the_mean_over_structures(tmp_path, monkeypatch):
    monkeypatch.setattr("alphanet.figures.properties.save_figure", lambda *_: [])
    card = properties_card("printed", models=[SOFT], reference="emt", tasks=["eos"], elements=["Al", "Cu"])
    (scale,) = card.scales.values()
    judged = card.model_copy(
        update={
            "scales": {"ad-hoc": scale.model_copy(update={"comparable": True, "reason": ""})},
            "paper": {SOFT: {"eos": {"bulk_modulus_error": Decimal("10.0"), "volume_error": Decimal("5.0")}}},
        }
    )
    result = run_benchmark(judged, RunOptions(scale="ad-hoc", out=tmp_path))
    outcomes = {cell.metric: cell.outcome for cell in result.cells if cell.printed}
    assert outcomes == {"bulk_modulus_error": "reproduced", "volume_error": "better"}


def test_ranks_in_words():
    assert rank_words({"a": 1.0, "b": 2.0, "c": 3.0, "d": None, "e": 0.0}, 1e-6) == {
        "a": "2nd of 4", "b": "3rd of 4", "c": "last", "d": "no number", "e": "exact",
    }  # fmt: skip
    assert rank_words({"a": 1.0}, 0.0) == {"a": "the only one"}


def test_the_shipped_card_has_the_metrics_of_its_properties():
    card = load_benchmark("properties")
    assert {column.task for column in card.columns.values()} == set(PROPERTIES)
    metrics = {}
    for name, column in card.columns.items():
        kept, own = column_of(column.task, column.structures)
        metrics |= own
        assert (column.title, name) == (kept["title"], column.task)
    assert {name: (one.title, one.unit, one.better) for name, one in card.metrics.items()} == {
        name: (one["title"], one["unit"], one["better"]) for name, one in metrics.items()
    }
    assert all(card.metrics[name].factor == pytest.approx(one["factor"]) for name, one in metrics.items())
    plan = Properties(card, RunOptions()).plan()
    assert {task.work.row for task in plan.tasks} == {"EMT", "EMT x 0.9"} and plan.minutes < 3
    assert "measured if it is selected" in set(plan.on_demand.values())


def test_wrong_cards_are_refused(tmp_path):
    with pytest.raises(UserError, match="no structure has the property bilayer"):
        properties_card("x", models=[EXACT], reference="emt", tasks=["bilayer"], elements=["Cu"])
    with pytest.raises(UserError, match="no property has a structure"):
        properties_card("x", models=[EXACT], reference="emt", tasks=[], elements=[])


@pytest.mark.parametrize(
    ("elements", "structures"),
    [((["Al", "Cu"], ["Cu", "Au"]), ("Cu",)), ((["Cu"], ["Au"]), ("Cu", "Au")), ((["Cu"], ["H"]), ("Cu",))],
)
def test_structures_are_of_elements_that_all_know_if_there_are_any(tmp_path, elements, structures):
    models = []
    for place, known in enumerate(elements):
        models.append(str(tmp_path / f"{place}.safetensors"))
        save_model(random_model(paper_config().model_copy(update={"elements": tuple(known)})), models[-1])
    card = adhoc_card(tmp_path / "x", models=models, reference="emt", tasks=["eos"], structures=None, untrained=False)
    assert card.columns["eos"].structures == structures


def test_the_frames_of_a_file_are_the_path_of_a_reaction(tmp_path):
    file = tmp_path / "path.extxyz"

    def chosen(task, frames, elements):
        write(file, frames)
        card = properties_card("x", models=[EXACT], reference="emt", tasks=[task], structures=file, elements=elements)
        return [*card.columns[task].structures]

    same, stretched = [[bulk("Cu", a=3.6 + image * step) for image in range(8)] for step in (0, 0.1)]
    assert chosen("reaction", same, []) == [f"{file}@0-7"]
    assert chosen("eos", same, []) == [f"{file}@{frame}" for frame in range(8)]
    assert chosen("reaction", stretched, ["H", "C", "O", "Cu"]) == ["mini/formate.extxyz.xz@0-12"]
    with pytest.raises(UserError, match="no structure has the property reaction"):
        chosen("reaction", stretched, ["Cu"])


def test_the_command_takes_a_file_and_names_what_is_wrong(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("both.extxyz", [bulk("Cu"), molecule("C2H6")])
    words = ["bench", "properties", EXACT, "--reference", "emt", "--tasks", "eos,dihedral", "--json"]
    answer = CliRunner().invoke(app, [*words, "--structures", "both.extxyz"], catch_exceptions=False)
    shown = json.loads(answer.stdout)
    assert answer.exit_code == 0 and shown["kind"] == "properties"
    assert {record["data"]["formula"] for record in shown["records"].values()} == {"Cu", "C2H6"}
    for words, message in (
        (["--tasks", "eso"], "no property 'eso'"),
        (["--structures", "none.xyz"], "no such file"),
        (["--reference", "no-method"], "no-method"),
    ):
        with pytest.raises(UserError, match=message):
            CliRunner().invoke(app, ["bench", "properties", EXACT, *words], catch_exceptions=False)
