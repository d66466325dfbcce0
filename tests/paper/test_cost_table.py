"""Table 7: days of training from measured steps; the arithmetic, what it rests on, and what is said of it."""

import json

import numpy as np
import pytest
from timed_potential import contestants
from typer.testing import CliRunner

from alphanet.cards import read_yaml, validate
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.speed import sweep as sweep_module
from alphanet.paper import cost as module
from alphanet.paper.benchmark import benchmark_file, read_benchmark
from alphanet.paper.cost import Options, Training, carried, measure_costs
from alphanet.paper.cost_cards import CostTable
from alphanet.paper.settings import settings_of
from alphanet.paper.speed_cards import SpeedTable

PRINTED = {"gpu_days": "training_cost", "training_memory_gb_per_sample": "training_memory"}


def silent(_line):
    pass


@pytest.fixture
def card():
    return read_benchmark("table7", CostTable)


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Potentials of known cost in the place of AlphaNet's."""
    kinds: dict[str, dict] = {}
    make = contestants(tmp_path, kinds)

    def contestant(name, setting):
        kinds.setdefault(name, {})
        return make(name, setting)

    monkeypatch.setattr(sweep_module, "contestant", contestant)
    return kinds


def test_the_card_holds_what_the_paper_prints(card, shared):
    tables = read_yaml(shared / "paper" / "tables.yaml")
    for column, values in tables["table7"].items():
        for name, metric in PRINTED.items():
            assert float(card.printed("AlphaNet", column, metric)) == values[name]
        assert float(card.printed("AlphaNet", column, "parameters")) == values["parameters"] / 1e6
    assert card.columns["OC2M"].samples == tables["splits"]["oc2m"]["train"]
    assert card.columns["MPtrj"].samples == tables["splits"]["mptrj"]["train_frames"]
    assert len(card.paper) == 6


def test_what_table_5_says_of_the_cost_is_computed_from_it(card):
    speed = float(read_benchmark("table5", SpeedTable).printed("AlphaNet", "oc20", "training_speed"))
    epochs = settings_of("oc20")["epochs"]
    days = Training(card.columns["OC2M"].samples, epochs, 1, 1.0).days(1 / speed)
    (said,) = card.contradictions("AlphaNet", "OC2M", "training_cost")
    assert round(days) == said.says == 73
    memory = read_benchmark("table5", SpeedTable).printed("AlphaNet", "oc20", "training_memory")
    assert [one.says for one in card.contradictions("AlphaNet", "OC2M", "training_memory")] == [memory]


def test_the_capacities_that_table_7_implies_are_those_of_the_erratum(card):
    for column, capacity in (("OC2M", 20), ("MPtrj", 121)):
        batch = settings_of(card.columns[column].dataset)["batch_size"]
        assert round(float(card.printed("AlphaNet", column, "training_memory")) * batch) == capacity


def test_a_training_by_hand():
    training = Training(samples=1000, epochs=10, batch=4, atoms=30.0)
    assert training.steps == 2500
    assert training.days(seconds=8.64) == pytest.approx(1.0)


def test_time_goes_on_in_a_straight_line():
    assert carried([66.0], [3.0], 73.3) == pytest.approx(3.0 * 73.3 / 66)
    assert carried([20.0, 40.0], [1.0, 1.5], 30.0) == pytest.approx(1.25)
    sizes = np.array([10.0, 20.0, 40.0])
    assert carried(sizes, (0.5 + 0.1 * sizes).tolist(), 100.0) == pytest.approx(10.5)


def test_cells_follow_from_the_timed_points(card, stand_ins, tmp_path):
    outcome = measure_costs(card, Options("mini", tmp_path / "table7", minutes=1), silent)
    cells = {(cell.column, cell.metric): cell for cell in outcome.cells}
    assert set(stand_ins) == {"alphanet@oc2m", "alphanet@mptrj"} and outcome.failures == []
    for name, column in card.columns.items():
        points = outcome.summaries[name]["points"]
        assert [point["n_atoms"] for point in points] == list(card.scale("mini").steps[name].sizes)
        seconds = [point["train_ms"]["median"] / 1e3 for point in points]
        settings = settings_of(column.dataset)
        sample = seconds[0] * column.atoms / points[0]["n_atoms"]
        cost = cells[name, "training_cost"]
        assert cost.measured == pytest.approx(column.samples * settings["epochs"] * sample / 86400)
        assert (
            cost.verdict.startswith("not comparable: ") and "one core" in cost.reason and "not GPU-days" in cost.reason
        )
        assert cost.inconsistent == (name == "OC2M")
        assert cells[name, "parameters"].measured == pytest.approx(settings["parameters_paper"] / 1e6)
        assert cells[name, "training_memory"].measured > 0
    again = measure_costs(card, Options("mini", tmp_path / "table7", minutes=1), silent)
    assert [cell.records for cell in again.cells] == [cell.records for cell in outcome.cells]  # nothing is new


def test_cores_count_each(card, stand_ins, tmp_path):
    found = {}
    for threads in (1, 2):
        options = Options("mini", tmp_path / str(threads), threads=threads, minutes=1)
        outcome = measure_costs(card, options, silent)
        (point,) = outcome.summaries["OC2M"]["points"]
        cost = next(cell for cell in outcome.cells if (cell.column, cell.metric) == ("OC2M", "training_cost"))
        found[threads] = cost.measured / point["train_ms"]["median"]
    assert found[2] == pytest.approx(2 * found[1])


def test_what_the_cost_rests_on_is_told(card, stand_ins, tmp_path):
    told = measure_costs(card, Options("mini", tmp_path, minutes=1), silent).assumptions
    for column, words in zip(card.columns.values(), told, strict=True):
        for part in (str(column.samples), column.samples_from, f"{column.atoms} atoms", column.atoms_from, "epochs"):
            assert part in words
    assert "6.5e+07 steps" in told[0] and "one core" in told[0]


def test_steps_that_fail_cost_their_column_alone(card, stand_ins, tmp_path):
    stand_ins["alphanet@mptrj"] = {"memory_for": 10}
    outcome = measure_costs(card, Options("mini", tmp_path, minutes=1), silent)
    cells = {(cell.column, cell.metric): cell for cell in outcome.cells}
    assert cells["MPtrj", "training_cost"].verdict.startswith("not run: ")
    assert "unable to allocate" in outcome.failures[0]
    assert cells["OC2M", "training_cost"].measured > 0


def test_a_column_without_steps_is_named(tmp_path):
    values = read_yaml(benchmark_file("table7"))
    del values["scales"]["mini"]["steps"]["MPtrj"]
    with pytest.raises(UserError, match="steps has no column 'MPtrj'"):
        measure_costs(validate(values, CostTable, "card"), Options("mini", tmp_path, minutes=1), silent)


def test_the_command_writes_everything_and_the_page_shows_it(stand_ins, tmp_path):
    command = ["repro", "table7", "--out", str(tmp_path / "runs"), "--budget", "1", "--json"]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    found = json.loads(result.stdout)
    assert len(found["assumptions"]) == 2 and len(found["cells"]) == 6
    assert (tmp_path / "runs" / "table7" / "MPtrj" / "speed.svg").is_file()
    CliRunner().invoke(app, ["report", str(tmp_path / "runs"), "-o", str(tmp_path / "report")], catch_exceptions=False)
    (run,) = json.loads((tmp_path / "report" / "results.json").read_text())["runs"]
    assert run["problems"] == [] and run["name"] == "table7"
    assert set(found["assumptions"]) <= set(run["notes"])
    assert {grid["id"] for grid in run["grids"]} >= {"table7/OC2M/points", "table7/MPtrj/points"}
    page = (tmp_path / "report" / "index.html").read_text()
    assert "training (device-days)" in page and "2000000 samples" in page


def test_on_a_gpu_the_days_are_of_it(card, monkeypatch):
    monkeypatch.setattr(module, "hardware", lambda: {"cpu": "x", "gpus": ["NVIDIA A100"]})
    said = module._saying(card, Options("full", None, device="cuda")).scale("full").reason
    assert "days of NVIDIA A100" in said and "not GPU-days" not in said
