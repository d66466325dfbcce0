"""The kind `learning`: steps from compute, resuming, rows without a number, curves, front and claims."""

import json

import pytest
from typer.testing import CliRunner

from alphanet.benchmark.claims.card import Less
from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import learning
from alphanet.benchmark.kinds.accuracy.trainers import TRAINERS
from alphanet.benchmark.kinds.learning import Learning, LearningCard, apart, learning_card
from alphanet.benchmark.kinds.learning import data as learning_frames
from alphanet.benchmark.kinds.learning.apart import train_apart, train_here
from alphanet.benchmark.kinds.learning.forecast import forecasts
from alphanet.benchmark.kinds.learning.points import Points
from alphanet.benchmark.kinds.learning.simulation import Timed
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cli import app
from alphanet.errors import UserError
from alphanet.measure.speed.points import SpeedPoint, Times
from alphanet.potentials.mean import MeanPotential
from alphanet.results.schema import read_result
from alphanet.training.folder import TrainingResult

STEP = {"alphanet": 0.1, "painn": 0.02}  # CPU s
FINISHED = "python_potentials:lennard_jones"  # which nobody trains
TIME = {"alphanet": 2e-3, "painn": 1e-3, FINISHED: 5e-4}  # s of a step in simulation


class Learner:
    """Takes so many CPU seconds a step, and errs the less the more steps it had."""

    seeded = True

    def __init__(self, name, log):
        self.name, self.log = name, log

    def code(self):
        return ["potentials/mean.py"]

    def prepare(self):
        if self.name in self.log["missing"]:
            raise UserError(f"{self.name}: its environment cannot be made here")

    def train(self, request, out):
        per_epoch = -(-request.data.counts["train"] // 4)
        planned = request.settings["epochs"] * per_epoch
        steps = min(planned, request.settings["steps"] or planned)
        whole = request.settings["steps"] is not None
        self.log["recipes"][self.name] = request.settings.get("recipe")
        self.log["trained" if whole else "tried"].append((self.name, steps, request.seed, request.data.counts["train"]))
        if whole and self.log["stop_after"] is not None and len(self.log["trained"]) > self.log["stop_after"]:
            raise KeyboardInterrupt
        spent = (
            STEP[self.name] * self.log["disturbance"] * steps * (self.log["excess"].get(self.name, 1) if whole else 1)
        )
        return TrainingResult(
            name=self.name, model=out / "model", sha256="0" * 64, frames=9, elements=("Cu",), reference_energies={},
            planned_steps=steps, settings={}, sources={}, epochs=-(-steps // per_epoch), steps=steps,
            steps_per_epoch=per_epoch, seconds=self.log["busy"] * spent, cpu_seconds=spent, flops=1e9 * steps,
            step_seconds=self.log["busy"] * spent / steps, best_epoch=1, parameters=7, finished=True,
            validation={"loss": 1.0, "energy_mae": 1.0, "force_mae": 1.0},
        )  # fmt: skip

    def open(self, request, out, trained):
        return MeanPotential(-1.0 / trained.steps + 0.001 * request.seed)


@pytest.fixture
def log(monkeypatch, prepared):
    """What the trainers `alphanet` and `painn` do on the tiny data set; the machine is as busy as it says."""
    state = {"recipes": {}, "trained": [], "tried": [], "timed": [], "missing": [], "excess": {}}
    state |= {"stop_after": None, "busy": 1.0, "disturbance": 1.0}
    for name in STEP:
        monkeypatch.setitem(TRAINERS, name, lambda name=name: Learner(name, state))
    monkeypatch.setattr(learning_frames, "prepare", lambda name, scale, **_: prepared(name, "mini"))
    monkeypatch.setattr(learning, "train_apart", train_here)
    monkeypatch.setattr(learning, "step_times", lambda jobs, scale, options: timed(jobs, state))
    return state


def timed(jobs, state):
    state["timed"].append(sorted(jobs))
    points = {}
    for row, job in jobs.items():
        rounds = tuple((factor * TIME[job.model],) for factor in (0.9, 1.0, 1.1))
        raw = [1e3 * seconds for of_pass in rounds for seconds in of_pass]
        points[row] = SpeedPoint(
            model=row, n_atoms=4, batch=1, status="ok", rounds={"step": rounds},
            times_ms={"step": Times.of_milliseconds(raw)}, repeats=3,
        )  # fmt: skip
    return Timed(points, {})


def card_of(models=("alphanet", "painn"), compute=(20, 60), seeds=2, **more) -> LearningCard:
    return learning_card("curves", models=models, data="formate", scale="mini", compute=compute, seeds=seeds, **more)


@pytest.fixture
def run(tmp_path, log):
    def go(card=None, name="runs", **options):
        return run_benchmark(card or card_of(), RunOptions(scale="ad-hoc", out=tmp_path / name, **options))

    return go


def cell_of(result, row, column, metric="force_mae"):
    (cell,) = [c for c in result.cells if (c.row, c.column, c.metric) == (row, column, metric)]
    return cell


def test_compute_becomes_steps_which_every_record_tells(run, log, tmp_path):
    result = run()
    assert not result.failures and not result.problems
    assert {(name, steps) for name, steps, _, _ in log["trained"]} == {
        ("alphanet", 200), ("alphanet", 600), ("painn", 1000), ("painn", 3000)
    }  # fmt: skip
    assert len(log["trained"]) == 8 and len(log["tried"]) == 4  # a short and a longer one each
    for cell in result.cells:
        assert cell.measured is not None and len(cell.records) == (1 if cell.metric == "step_time" else 2)
    record = result.records[cell_of(result, "painn", "60 s").records[0]]
    assert record.protocol["compute"] == 60 and record.protocol["length"]["steps"] == 3000
    assert record.protocol["step_cost"]["step"] == pytest.approx(0.02)
    assert (
        cell_of(result, "alphanet", "60 s", "energy_mae").measured
        < cell_of(result, "alphanet", "20 s", "energy_mae").measured
    )
    assert read_result(tmp_path / "runs" / "curves" / "results.json") == result


def test_curves_bands_front_and_figures_which_the_page_shows(run, rendered, tmp_path):
    result = run(card_of(models=("alphanet", "painn", "mean")))
    curves = {(curve.row, curve.quantity): curve for curve in result.curves}
    energies = curves["alphanet", "energy_mae by compute"].points
    assert [point.x for point in energies] == pytest.approx([20, 60]) and all(p.low < p.y < p.high for p in energies)
    assert [point.x for point in curves["painn", "force_mae by operations"].points] == pytest.approx([1, 3])
    assert ("mean", "force_mae by operations") not in curves
    (table,) = [grid for grid in result.grids if grid.id == "plane"]
    assert table.rows[0][0] == "alphanet" and table.rows[0][2].value == pytest.approx(2.0)
    assert [row[4] for row in table.rows] == ["behind painn", "on the front"]  # the same forces, and painn is faster
    assert [figure.name for figure in result.figures] == ["curves", "curves-plane"]
    folder = tmp_path / "runs" / "curves"
    assert all((folder / file).stat().st_size for figure in result.figures for file in figure.files.values())
    assert "nothing is computed in a simulation" in cell_of(result, "mean", "simulation", "step_time").verdict
    assert len(cell_of(result, "mean", "60 s").records) == 1
    CliRunner().invoke(app, ["report", str(tmp_path / "runs"), "--out", str(tmp_path / "page")], catch_exceptions=False)
    page = next((tmp_path / "page").glob("*.html")).read_text(encoding="utf-8")
    assert "Error against compute on formate" in page and "Accuracy and cost" in page


def test_a_stopped_run_goes_on_with_the_steps_that_it_had(run, log):
    log["stop_after"] = 2
    with pytest.raises(KeyboardInterrupt):
        run()
    tried = len(log["tried"])
    log["stop_after"], log["disturbance"] = None, 5.0  # a step would cost five times as much now
    before = len(log["trained"])
    result = run()
    assert len(log["tried"]) == tried and len(log["trained"]) == before + 6
    assert {steps for name, steps, _, _ in log["trained"] if name == "alphanet"} == {200, 600}
    assert all(cell.measured is not None for cell in result.cells)
    again = run()
    assert again.cells == result.cells and len(log["trained"]) == before + 6
    assert log["timed"] == [["alphanet", "painn"]]


def test_a_busy_machine_gets_the_same_steps(run, log, monkeypatch, tmp_path):
    run(seeds=1)
    idle, log["trained"], log["busy"] = log["trained"], [], 4.0
    monkeypatch.setenv("ALPHANET_HOME", str(tmp_path / "another"))  # where no cost was measured before
    run(name="busy", seeds=1)
    assert log["trained"] == idle and len(log["tried"]) == 8


def test_costs_of_this_machine_serve_another_folder(run, log):
    run(seeds=1)
    run(name="again", seeds=1)
    assert len(log["tried"]) == 4


def test_a_row_that_cannot_be_trained_is_a_row_with_its_reason(run, log):
    log["missing"].append("painn")
    result = run(card_of(models=("alphanet", "painn", "orb-v2")), seeds=1)
    assert "cannot be made here" in cell_of(result, "painn", "20 s").verdict
    assert "orb-v2 is not trained here" in cell_of(result, "orb-v2", "20 s").verdict
    assert cell_of(result, "alphanet", "20 s").measured is not None
    assert "no training of it was finished" in cell_of(result, "painn", "simulation", "step_time").verdict
    assert any("painn, 20 s, seed 0" in failure for failure in result.failures)


def test_a_finished_model_is_a_level_line_and_a_point_of_the_plane(run, log, tmp_path):
    result = run(card_of(models=("alphanet", FINISHED), compute=(20,)))
    assert not result.failures and {name for name, *_ in log["trained"]} == {"alphanet"}
    error, time = (cell_of(result, FINISHED, *where) for where in (("20 s",), ("simulation", "step_time")))
    assert error.measured > 0 and len(error.records) == 1 and time.measured == pytest.approx(0.5)
    (plane,) = [grid for grid in result.grids if grid.id == "plane"]
    assert [row[:2] for row in plane.rows] == [("alphanet", "20 s"), (FINISHED, "–")]
    assert {curve.row for curve in result.curves if curve.quantity == "force_mae by compute"} == {"alphanet", FINISHED}
    run(card_of(models=("alphanet", FINISHED), compute=(20,)))
    records = (tmp_path / "runs" / "curves" / "records.jsonl").read_text().splitlines()
    assert len(records) == 5  # two trainings, an evaluation, two times: nothing is measured again


def test_compute_that_buys_no_pass_is_a_cell_with_what_would_do(run):
    result = run(card_of(compute=(0.2, 20)), seeds=1)
    verdict = cell_of(result, "alphanet", "0.2 s").verdict
    assert "0.2 CPU s do not buy one pass over 9 frames" in verdict and "give at least 0.3 s" in verdict
    assert cell_of(result, "painn", "0.2 s").measured is not None
    assert not result.failures


def test_sizes_of_training_sets_are_columns_and_curves(run, log, tmp_path):
    result = run(card_of(models=("alphanet",), compute=(20,), train_frames=(5, 9)), seeds=1)
    assert [frames for *_, frames in log["trained"]] == [5, 9]
    assert {curve.row for curve in result.curves if "compute" in curve.quantity} == {
        "alphanet, 5 frames", "alphanet, 9 frames"
    }  # fmt: skip
    with pytest.raises(UserError, match=r"9 training frames.*not 50"):
        Points(card_of(train_frames=(50,)), RunOptions(scale="ad-hoc"), tmp_path / "more").point(
            "alphanet", "20 s, 50 frames", 0
        )


def test_a_claim_at_equal_compute_is_decided_or_refused(run, log):
    claim = Less(
        id="ahead", text="painn below alphanet", place="here", test="less", metric="energy_mae", row="painn",
        than=("alphanet",), columns=("60 s",),
    )  # fmt: skip
    card = card_of(seeds=3).model_copy(update={"claims": (claim,)})
    equal = run(card)
    assert equal.claims[0].outcome != "not tested" and equal.claims[0].seeds == 3 and not equal.problems
    log["excess"]["painn"] = 1.5  # it took more than its steps were to cost
    unequal = run(card, name="unequal")
    assert unequal.claims[0].outcome == "not tested" and "differ by more than 10 %" in unequal.claims[0].verdict
    assert [problem.partition(":")[0] for problem in unequal.problems] == ["20 s", "60 s"]


def test_seeds_that_disagree_are_named(log, tmp_path):
    card = card_of(seeds=2)
    options = RunOptions(scale="ad-hoc", out=tmp_path / "runs")
    result = run_benchmark(card, options)
    kind = Learning(card, options)
    records = [result.records[name] for name in cell_of(result, "painn", "20 s").records]
    other = {**records[1].data, "level_of_theory": "another"}
    records[1] = records[1].model_copy(update={"data": other})
    found = learning.Findings(records={("painn", "20 s"): records})
    assert kind._problems(found) == ["painn, 20 s: its seeds differ in data: level of theory"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (("alphnet",), r"alphnet: no such file, and no potential of that name; did you mean 'alphanet'"),
        (("no_such_module:make",), "no module named 'no_such_module'"),
        (("alphanet", "alphanet"), "a model is named twice"),
    ],
)
def test_models_that_cannot_be_trained_at_all_are_refused(models, message, log):
    with pytest.raises(UserError, match=message):
        Learning(card_of(models=models), RunOptions(scale="ad-hoc")).plan()


def test_alphanet_has_its_recipe_unless_the_card_names_another(run, log):
    run(card_of())
    assert log["recipes"] == {"alphanet": "best", "painn": None}
    values = card_of().model_dump(mode="json")
    values["scales"]["ad-hoc"]["runs"] = {"alphanet": {"settings": {"recipe": "paper"}}}
    run(LearningCard.model_validate(values))
    assert log["recipes"]["alphanet"] == "paper"


def test_the_length_is_not_a_setting():
    values = card_of().model_dump(mode="json")
    values["scales"]["ad-hoc"]["runs"] = {"painn": {"settings": {"epochs": 3}}}
    with pytest.raises(ValueError, match="epochs follows from the compute"):
        LearningCard.model_validate(values)


def test_the_dry_run_trains_nothing_and_tells_points_steps_and_time(log, tmp_path, monkeypatch):
    monkeypatch.setattr("alphanet.benchmark.kinds.learning.forecast.is_installed", lambda card: card.name == "painn")
    card = card_of(models=("alphanet", "painn", "mace", "mean"))
    listed = forecasts(Learning(card, RunOptions(scale="ad-hoc", out=tmp_path)))
    assert [(one.row, one.column) for one in listed][:2] == [("alphanet", "20 s"), ("alphanet", "60 s")]
    by_place = {(one.row, one.column): one for one in listed}
    assert by_place["painn", "60 s"].steps == 3000 and by_place["painn", "60 s"].seconds == pytest.approx(120)
    assert "alphanet baselines install mace" in by_place["mace", "20 s"].reason
    assert by_place["mean", "20 s"].seconds == 0
    assert not log["trained"]


def test_a_process_that_is_killed_is_said_so(log, tmp_path, monkeypatch):
    points = Points(card_of(), RunOptions(scale="ad-hoc"), tmp_path)
    code = "import os, sys; sys.stdin.read(); os.kill(os.getpid(), 9)"
    monkeypatch.setattr(apart, "own_python", lambda: (["python3", "-c", code], None))
    with pytest.raises(UserError, match=r"alphanet, 20 s, seed 0: its process was killed.*goes on from there"):
        train_apart(points, "alphanet", "20 s", 0)
    refused = "print('no such frames'); raise SystemExit(3)"
    monkeypatch.setattr(apart, "own_python", lambda: (["python3", "-c", refused], None))
    with pytest.raises(UserError, match=r"^no such frames$"):
        train_apart(points, "alphanet", "20 s", 0)


def test_the_shipped_card_is_a_figure_at_two_scales():
    card = load_benchmark("learning")
    for scale in card.scales:
        plan = Learning(card, RunOptions(scale=scale)).plan()
        assert {task.work.row for task in plan.tasks} >= {"AlphaNet", "NequIP", "MACE"}
        assert plan.minutes and plan.minutes < (12 if scale == "mini" else 24 * 60)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "formate", "--compute", "10,zero"], "--compute: '10,zero' is no list of seconds"),
        (["--data", "formate", "--train-frames", "1.5"], "--train-frames: '1.5' is no list of numbers of frames"),
        (["--data", "formate", "--valid", "0.2"], "--valid: these divide files"),
        (["--data", "format"], r"no file and no data set 'format'.*'formate'"),
    ],
)
def test_wrong_words_are_one_line(words, message):
    with pytest.raises(UserError, match=message):
        CliRunner().invoke(app, ["bench", "learning", *words], catch_exceptions=False)


def test_the_command_prints_one_object(log, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["bench", "learning", "--data", "formate", "--models", "alphanet,painn", "--compute", "20", "--seeds", "1"]
    answer = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0 and json.loads(answer.stdout)["kind"] == "learning"
    monkeypatch.setattr("alphanet.benchmark.kinds.learning.forecast.is_installed", lambda card: True)
    plan = json.loads(CliRunner().invoke(app, [*words, "--dry-run", "--json"], catch_exceptions=False).stdout)
    assert plan["schema"] == "alphanet-learning-plan" and [point["done"] for point in plan["points"]] == [1, 1]
