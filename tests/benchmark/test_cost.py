"""Costs: days of training from measured steps; the arithmetic, its assumptions, and what the result says of them."""

from statistics import median

import numpy as np
import pytest
from timed_potential import timed_models

from alphanet.benchmark.findings import Findings
from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import cost as module
from alphanet.benchmark.kinds.cost import DAY, Cost, CostCard, Training, carried
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.measure.speed import sweep as sweep_module
from alphanet.measure.speed.summary import read_summary
from alphanet.training.config import preset_config

pytestmark = pytest.mark.integration


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Potentials of known cost in the place of AlphaNet's."""
    kinds: dict[str, dict] = {}
    make = timed_models(tmp_path, kinds)

    def timed_model(name, setup):
        kinds.setdefault(name, {})
        return make(name, setup)

    monkeypatch.setattr(sweep_module, "timed_model", timed_model)
    return kinds


@pytest.fixture
def run(tmp_path, stand_ins, speed_cards):
    """A function that runs the card `costs` into a folder and returns its result."""

    def go(folder="runs", **options):
        return run_benchmark(load_benchmark("costs"), RunOptions(out=tmp_path / folder, **options))

    return go


def by_cell(result):
    return {(cell.column, cell.metric): cell for cell in result.cells}


def test_a_training_by_hand():
    training = Training(samples=1000, epochs=10, batch=4, atoms=30.0)
    assert training.steps == 2500
    assert training.days(seconds=8.64) == pytest.approx(1.0)


def test_time_continues_on_a_straight_line():
    assert carried([66.0], [3.0], 73.3) == pytest.approx(3.0 * 73.3 / 66)
    assert carried([20.0, 40.0], [1.0, 1.5], 30.0) == pytest.approx(1.25)
    sizes = np.array([10.0, 20.0, 40.0])
    assert carried(sizes, (0.5 + 0.1 * sizes).tolist(), 100.0) == pytest.approx(10.5)


def test_cells_follow_from_the_timed_points(run, stand_ins, tmp_path):
    result = run()
    cells, card = by_cell(result), load_benchmark("costs")
    assert set(stand_ins) == {"alphanet@oc2m", "alphanet@mptrj"} and result.failures == ()
    for name, column in card.columns.items():
        summary = read_summary(tmp_path / "runs" / "costs" / name / "speed.json")
        sizes = [float(point.n_atoms) for point in summary.points]
        assert sizes == [float(size) for size in card.scale("mini").steps[name].sizes]
        seconds = [median(point.rounds["train"][0]) for point in summary.points]
        sample = carried(sizes, seconds, column.atoms)
        cost = cells[name, "training_cost"]
        epochs = preset_config(column.dataset, "full").epochs
        assert cost.measured == pytest.approx(column.samples * epochs * sample / DAY)
        assert (
            cost.verdict.startswith("not comparable: a few steps; days of one core") and "not GPU-days" in cost.reason
        )
        assert cost.inconsistent == (name == "OC2M")
        assert cells[name, "parameters"].measured > 1
        assert cells[name, "training_memory"].measured > 0
    again = run()
    assert [cell.records for cell in again.cells] == [cell.records for cell in result.cells]  # nothing is new


def test_cores_count_each(run, tmp_path):
    costs = {}
    for threads in (1, 2):
        cells = by_cell(run(str(threads), threads=threads, only=("OC2M",)))
        (point,) = read_summary(tmp_path / str(threads) / "costs" / "OC2M" / "speed.json").points
        cost = cells["OC2M", "training_cost"]
        assert cost.repeats == "pass" and cost.spread is None  # of one pass
        costs[threads] = cost.measured / median(point.rounds["train"][0])
    assert costs[2] == pytest.approx(2 * costs[1])


def test_the_assumptions_of_a_cost_are_notes_and_the_steps_are_shown(run):
    result = run()
    notes = [note for note in result.notes if "epochs in batches" in note]
    for column, note in zip(load_benchmark("costs").columns.values(), notes, strict=True):
        for part in (str(column.samples), column.samples_from, f"{column.atoms} atoms", column.atoms_from, "one core"):
            assert part in note
    assert "in proportion" in notes[0] and "on a straight line" in notes[1]
    assert {grid.id for grid in result.grids} == {
        f"{data}/{of}" for data in ("OC2M", "MPtrj") for of in ("points", "rates")
    }
    assert {figure.files["svg"] for figure in result.figures} == {"OC2M/speed.svg", "MPtrj/speed.svg"}


def test_steps_that_fail_cost_their_column_alone(run, stand_ins):
    stand_ins["alphanet@mptrj"] = {"memory_for": 10}
    result = run()
    cells = by_cell(result)
    assert cells["MPtrj", "training_cost"].verdict.startswith("not run: ")
    assert "unable to allocate" in result.failures[0] and len(result.failures) == 1
    assert cells["OC2M", "training_cost"].measured > 0


def test_a_column_without_steps_is_named(speed_cards):
    values = read_yaml(speed_cards / "costs.yaml")
    del values["scales"]["mini"]["steps"]["MPtrj"]
    with pytest.raises(UserError, match="scale mini: steps has no column 'MPtrj'"):
        validate(values, CostCard, "card")


def test_on_a_gpu_the_days_are_of_it(speed_cards, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "hardware", lambda: {"cpu": "x", "cores": 2, "memory_gib": 8, "gpus": ["NVIDIA A100"]})
    kind = Cost(load_benchmark("costs"), RunOptions(out=tmp_path, device="cuda"))
    assert kind._device_days == "days of NVIDIA A100"
    assert not any("GPU-days" in cell.reason for cell in kind.cells(Findings()))
