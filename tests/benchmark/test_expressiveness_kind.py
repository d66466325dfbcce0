"""The kind `expressiveness`: cells, a table of who fails where, a figure; resumed pair by pair."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.expressiveness import Expressiveness, expressiveness_card
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.expressiveness import testing
from alphanet.measure.expressiveness.pairs import MAKERS

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function that tests AlphaNet without training it."""
    folder = tmp_path_factory.mktemp("expressiveness")

    def go(**options):
        card = expressiveness_card("pairs", models=["alphanet"], untrained=True, steps=0)
        return run_benchmark(card, RunOptions(scale="ad-hoc", out=folder, **options)), folder / "pairs"

    return go


def test_cells_table_and_figure(run, rendered):
    result, folder = run()
    summary, numbers = result.grids
    states = dict(summary.rows)
    assert summary.columns == ("pair", "alphanet") and len(states) == len(MAKERS)
    assert states["square planar / tetrahedral"] == "alike"
    assert states["square planar / tetrahedral at bond length"] == "told apart"
    assert states["mirror images (control)"] == "alike, as it must be"
    assert numbers.folded and len(numbers.rows) == len(MAKERS)
    told = {cell.column: cell.measured for cell in result.cells if cell.metric == "told_apart"}
    assert (told["square"], told["square-bond"]) == (0.0, 1.0)
    assert {cell.reason for cell in result.cells if cell.metric == "learned"} == {"no steps of training were asked for"}
    assert all((folder / file).is_file() for file in result.figures[0].files.values())
    record = next(record for record in result.records.values() if record.data["pair"] == "square-bond")
    assert record.metrics["difference"] > record.metrics["limit"] > 0


def test_nothing_is_tested_twice(run, monkeypatch):
    first, _ = run()
    monkeypatch.setattr(testing, "difference", None)
    assert run()[0].records == first.records


def test_the_shipped_card_has_every_pair_and_both_frames():
    card = load_benchmark("expressiveness")
    assert {name: column.title for name, column in card.columns.items()} == {n: m.title for n, m in MAKERS.items()}
    plan = Expressiveness(card, RunOptions()).plan()
    assert [task.title for task in plan.tasks][:2] == ["AlphaNet", "AlphaNet, second moments"]
    assert all(set(task.keys) == set(task.places) for task in plan.tasks)


def test_a_column_that_is_no_pair_is_refused():
    card = load_benchmark("expressiveness")
    wrong = card.model_copy(update={"columns": {"hexagons": card.columns["hexagon"]}})
    with pytest.raises(UserError, match=r"no pair 'hexagons'.*'hexagon'"):
        Expressiveness(wrong, RunOptions()).plan()


def test_the_command_names_a_potential_of_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(
        app, ["bench", "expressiveness", "flawed_potentials:good", "--json"], catch_exceptions=False
    )
    shown = json.loads(answer.stdout)
    assert answer.exit_code == 0 and shown["kind"] == "expressiveness"
    assert (tmp_path / "runs" / "expressiveness" / "results.json").is_file()
