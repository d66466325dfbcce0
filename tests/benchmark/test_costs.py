"""Costs of trainings beside their errors, terms of a comparison, estimates, and a busy machine."""

import contextlib
import subprocess
import sys
from dataclasses import replace

import pytest

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds.accuracy import calibration
from alphanet.benchmark.kinds.accuracy.costs import TrainedCosts, trained_costs, unequal_terms
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS, AlphaNetTrainer, TrainingRequest
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.results.records import Record

pytestmark = pytest.mark.integration

SETTINGS = {"model": {"preset": "mini", "num_layers": 1, "cutoff": 3.0}, "epochs": 2, "batch_size": 3}


@pytest.fixture
def real(trainers, monkeypatch):
    """AlphaNet trained for real by the benchmark, with few steps of a tiny network; returns the requests."""
    requests: list[TrainingRequest] = []

    class Tiny(AlphaNetTrainer):
        def train(self, request, out):
            requests.append(request)
            return super().train(replace(request, settings=SETTINGS), out)

    monkeypatch.setitem(TRAINERS, "alphanet", Tiny)
    return requests


def trained(row, **training):
    return TrainedCosts(row, "formate", ((training_record(**training),),))


def training_record(seed=0, **training):
    return Record(metrics={}, data={}, model={}, protocol={"training": training, "seed": seed}, environment={})


@contextlib.contextmanager
def busy_machine(processes=2):
    """Processes that do nothing but take time from this one."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


@pytest.mark.long
def test_a_busy_machine_gives_the_same_cells_and_every_number_has_its_costs(run, real):
    idle = run(only=("alphanet/formate",))
    with busy_machine():
        occupied = run(only=("alphanet/formate",), restart=True)
    assert len(real) == 2
    values = [
        [(cell.row, cell.metric, cell.measured, cell.verdict) for cell in result.cells if cell.measured is not None]
        for result in (idle, occupied)
    ]
    assert values[0] == values[1] and len(values[0]) == 2
    (grid,) = [grid for grid in idle.grids if grid.id == "compute"]
    assert grid.columns == ("row", "data", "steps", "epochs", "CPU s", "TFLOP", "parameters")
    row, data, steps, epochs, cpu, flops, parameters = grid.rows[0]
    assert (row, data, steps.value, epochs.value) == ("AlphaNet", "formate", 6, 2)
    assert cpu.value > 0 and flops.value > 0 and parameters.value > 1000
    assert idle.origins[flops.origin]["record"] in idle.records
    again = next(one for one in occupied.grids if one.id == "compute").rows[0]
    assert again[5].value == flops.value  # operations are counted, not timed


def test_an_estimate_takes_ten_steps_once_and_no_training_is_shortened(run, real, monkeypatch, tmp_path):
    monkeypatch.setattr(calibration, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(calibration, "request_settings", lambda model, request: settings())
    result = run(only=("alphanet/formate",), budget=1e-9)
    (cell, *_) = [cell for cell in result.cells if cell.row == "AlphaNet" and cell.column == "formate"]
    assert "needs a time that is not known, 0 s left" in cell.verdict and real == []
    result = run(only=("alphanet/formate",), budget=100)
    trial, training = real
    assert (trial.epochs, trial.settings["limit_train"]) == (
        1,
        min(10 * settings().batch_size, trial.data.counts["train"]),
    )
    assert training.epochs != 1 or training.settings != trial.settings
    assert any(cell.measured is not None for cell in result.cells)
    run(only=("alphanet/formate",), budget=100, restart=True)
    assert real[2:] == [training]  # the estimate is kept


def settings():
    from alphanet.training.config import alphanet_settings

    return alphanet_settings("formate", "mini", SETTINGS)


def test_rows_on_unequal_terms_are_refused_in_words():
    rows = [trained("AlphaNet", steps=100, cpu_seconds=50.0), trained("NequIP", steps=95, cpu_seconds=20.0)]
    assert unequal_terms("steps", rows) == [] == unequal_terms(None, rows)
    (text,) = unequal_terms("compute", rows)
    seconds = (48.0, 90.0)
    busy = TrainedCosts("NequIP", "formate", tuple((training_record(cpu_seconds=value),) for value in seconds))
    assert unequal_terms("compute", [rows[0], busy]) == []  # the seed that was not disturbed counts
    assert (
        text
        == "formate: not tested: a comparison at equal compute: AlphaNet 50 s, NequIP 20 s differ by more than 10 %"
    )
    on_gpu = [
        trained("AlphaNet", cpu_seconds=9.0, gpu_seconds=5.0),
        trained("NequIP", cpu_seconds=1.0, gpu_seconds=5.1),
    ]
    assert unequal_terms("compute", on_gpu) == []
    rows = [trained("AlphaNet", converged=True), trained("NequIP", converged=False)]
    assert unequal_terms("convergence", rows) == [
        "formate: not tested: a comparison at convergence: NequIP: its validation still falls"
    ]


def test_trainings_on_parts_of_the_frames_are_added_up_and_shared_ones_count_once(trainers):
    card = load_benchmark("table")
    card = card.model_copy(update={"columns": dict.fromkeys(("left", "right"), card.columns["formate"])})
    row = next(iter(card.rows))
    shared, *parts = (training_record(steps=8, parameters=5, sha256=digest) for digest in "abc")
    (cost,) = trained_costs(card, {(row, "left"): [shared], (row, "right"): [shared]})
    assert (cost.mean("steps"), cost.mean("parameters")) == (8, 5)
    (cost,) = trained_costs(card, {(row, "left"): parts[:1], (row, "right"): parts[1:]})
    assert (cost.mean("steps"), cost.mean("parameters"), len(cost.records)) == (16, 5, 2)


def test_the_card_names_the_terms_and_the_result_has_the_problem(trainers, tmp_path, monkeypatch):
    monkeypatch.setattr("alphanet.benchmark.kinds.accuracy.trained_costs", lambda card, records: costs)
    costs = [trained("AlphaNet", steps=100), trained("Peer", steps=50)]
    card = load_benchmark("table")
    equal = card.scales["mini"].model_copy(update={"equal": "steps"})
    card = card.model_copy(update={"scales": {**card.scales, "mini": equal}})
    result = run_benchmark(card, RunOptions(out=tmp_path, only=("mean/formate",)))
    assert any("formate: not tested: a comparison at equal steps" in problem for problem in result.problems)
