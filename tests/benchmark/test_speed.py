"""Tables and figures of speed: cells with their reasons, claims, speed against accuracy, and the whole result."""

import json
from statistics import median

import pytest
import yaml
from timed_potential import timed_models

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import speed as module
from alphanet.benchmark.kinds.speed import Speed, public_protocol, speed_card
from alphanet.benchmark.kinds.speed.card import SpeedCard
from alphanet.benchmark.loading import load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError
from alphanet.measure.speed import sweep as sweep_module
from alphanet.measure.speed.summary import read_summary
from alphanet.results.schema import read_result

pytestmark = pytest.mark.integration


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Potentials of known behavior in the place of all others; by default all are quick."""
    kinds: dict[str, dict] = {}
    make = timed_models(tmp_path, kinds)

    def timed_model(name, setup):
        if kinds.setdefault(name, {}).get("absent"):
            raise UserError(f"{name} cannot be had")
        return make(name, setup)

    for place in (module, sweep_module):
        monkeypatch.setattr(place, "timed_model", timed_model)
    monkeypatch.setattr(module, "make_environments", lambda _names: None)
    return kinds


@pytest.fixture
def run(tmp_path, stand_ins, speed_cards):
    """A function that runs a card of the tests and returns its result."""

    def go(card, **options):
        return run_benchmark(load_benchmark(card), RunOptions(out=tmp_path, **options))

    return go


def by_cell(result):
    return {(cell.row, cell.metric): cell for cell in result.cells}


def grid_of(result, identity):
    (grid,) = [grid for grid in result.grids if grid.id == identity]
    return {row[0]: row for row in grid.rows}


def values_of(name, folder):
    return read_yaml(folder / f"{name}.yaml")


def test_a_second_papers_card_runs_unchanged(tmp_path, stand_ins, monkeypatch, speed_cards):
    """Its file alone, in a folder of the user."""
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "theirs.yaml").write_text(yaml.safe_dump(values_of("rates", speed_cards) | {"name": "theirs"}))
    monkeypatch.setenv("ALPHANET_BENCHMARKS", str(folder))
    result = run_benchmark(load_benchmark("theirs"), RunOptions(out=tmp_path))
    assert all(cell.measured > 0 for cell in result.cells) and len(result.cells) == 9
    assert read_result(tmp_path / "theirs" / "results.json") == result


def test_a_table_says_why_each_cell_is_missing_or_not_comparable(run, stand_ins, tmp_path):
    stand_ins |= {"first": {"split": False}, "second@large": {"absent": True}, "third": {"memory_for": 10}}
    cells = by_cell(result := run("rates"))
    assert len(cells) == 9
    assert cells["First", "inference_speed"].measured > 0
    assert cells["First", "inference_memory"].verdict == "not comparable: copper one at a time"
    assert "loop of its own" in cells["First", "training_speed"].verdict
    assert cells["Second", "training_speed"].verdict == "not run: second@large cannot be had"
    assert "unable to allocate" in cells["Third", "inference_memory"].verdict
    assert result.failures == ("Second/cu: second@large cannot be had",)
    again = run("rates")
    assert [cell.records for cell in again.cells] == [cell.records for cell in result.cells]  # nothing is new


def test_every_cell_names_the_record_of_its_own_sweep(run):
    result = run("rates")
    for cell in result.cells:
        (identity,) = cell.records
        assert result.records[identity].protocol["sweep"] == cell.metric.partition("_")[0]
        facts = result.origins[cell.origin]
        assert facts["record"] == identity and "mean of" not in facts and "copper" not in facts["hardware"]


def test_cells_of_speed_are_means_over_passes_and_say_their_spread(run, tmp_path):
    result = run("rates")
    cells = by_cell(result)
    speed, memory = cells["First", "inference_speed"], cells["First", "inference_memory"]
    assert speed.repeats == memory.repeats == "pass" and speed.spread > 0 and memory.spread is not None
    (point,) = read_summary(tmp_path / "rates" / "inference" / "speed.json").points_of("first")
    rates = [point.batch / median(rounds) for rounds in point.rounds["step"]]
    assert len(rates) == 2 and speed.measured == pytest.approx(sum(rates) / 2)
    assert memory.measured == pytest.approx(sum(point.repeats_mb) / 2e3)


def test_a_sweep_that_cannot_be_run_costs_its_own_metrics_alone(run, tmp_path):
    run("rates", only=("First",))
    journal = tmp_path / "rates" / "inference" / "points.jsonl"
    journal.write_text("damaged\n" + journal.read_text())
    result = run("rates", only=("First",))
    cells = by_cell(result)
    assert "cannot be read" in cells["First", "inference_speed"].verdict and len(result.failures) == 1
    assert cells["First", "training_speed"].measured > 0
    assert cells["Second", "training_speed"].verdict.startswith("not run: left out by the selection")


def test_the_full_table_departs_from_the_paper_unless_machine_and_structures_are_its(
    tmp_path, speed_cards, monkeypatch
):
    card = load_benchmark("rates")

    def deviations(gpus, structures):
        monkeypatch.setattr(module, "hardware", lambda: {"gpus": gpus, "cpu": "x"})
        return Speed(card, RunOptions(out=tmp_path, scale="full", structures=structures)).deviations(None)

    assert deviations(["NVIDIA A100-SXM4-40GB"], "frames.extxyz") == []
    assert deviations([], None) == ["on x, not on an A100", "without the paper's own structures"]
    figure = Speed(load_benchmark("curves"), RunOptions(out=tmp_path, scale="full", structures="water"))
    assert figure.deviations(None) == ["on water, not on cu"]


def test_a_figure_holds_points_exponents_curves_and_its_claim(run, stand_ins, rendered, tmp_path):
    stand_ins |= {"second@large": {"slowness": 0.1, "split": False}, "third": {"absent": True}}
    stand_ins["first"] = {"slowness": 100.0}
    result = run("curves")
    (claim,) = result.claims
    assert claim.text == "First is the fastest at every size"
    assert claim.outcome == "undecided" and claim.effect > 1 and claim.seeds == 1 and claim.direction == "below"
    assert claim.needs == "a second pass, at least" and len(claim.records) == 2
    assert result.problems == ("Third: not run: third cannot be had",)
    (points,) = [grid for grid in result.grids if grid.id == "points"]
    assert points.columns[:4] == ("model", "atoms", "step (ms, quartiles)", "forward (ms, quartiles)")
    assert [row[0] for row in points.rows] == ["First"] * 3 + ["Second"] * 3
    median = points.rows[0][2]
    assert median.interval[0] <= median.value <= median.interval[1] and points.rows[3][3] == "–"
    assert {"model", "hardware", "point", "calls", "file"} <= set(result.origins[median.origin])
    curves = {(curve.row, curve.quantity): curve for curve in result.curves}
    assert set(curves) == {(row, what) for row in ("First", "Second") for what in ("step", "forward", "memory")}
    assert curves["First", "step"].law.exponent > 0.1 and curves["Second", "forward"].points == ()
    assert [point.x for point in curves["First", "memory"].points] == [8, 32, 108]
    exponents = [row[2].value for row in next(grid for grid in result.grids if grid.id == "exponents").rows]
    laws = [curve.law.exponent for curve in result.curves if curve.law]
    assert exponents == pytest.approx(laws, nan_ok=True)  # memory that does not grow has none
    assert result.conditions == read_summary(tmp_path / "curves" / "speed.json").where
    (figure,) = result.figures
    assert figure.files["svg"] == "curves.svg"
    for file in figure.files.values():
        assert (tmp_path / "curves" / file).stat().st_size > 100


def test_a_warning_about_a_noisy_machine_is_a_note(run, monkeypatch):
    readings = iter([0.010, 0.015] + 10 * [0.010])
    monkeypatch.setattr(sweep_module.machine_noise, "reading", lambda: next(readings))
    result = run("curves", only=("First",))
    assert any("up to 50 % longer" in note for note in result.notes) and "noisy" in result.conditions


def computed(result, tmp_path, **cells):
    """Write a result of the benchmark `errors` with the energy MAE of rows, comparable or not."""
    folder = tmp_path / "errors"
    folder.mkdir(exist_ok=True)
    values = json.loads(result.to_json()) | {"kind": "accuracy", "name": "errors", "scale": "full"}
    cell = {"table": "errors", "column": "formate", "metric": "energy_mae", "metric_title": "energy MAE", "unit": "x"}
    cell |= {"scale": "full", "outcome": "reproduced", "verdict": "reproduced"}
    values["cells"] = [
        cell | {"row": row, "measured": value, "comparable": comparable} for row, (value, comparable) in cells.items()
    ]
    (folder / "results.json").write_text(json.dumps(values))


def test_speed_is_drawn_against_the_other_benchmarks_accuracy_computed_or_printed(run, stand_ins, rendered, tmp_path):
    stand_ins["second@large"] = {"absent": True}
    result = run("tradeoff")
    rows = grid_of(result, "tradeoff")
    assert [(row[1].text, row[1].paper, row[2]) for row in list(rows.values())[:2]] == [
        ("0.23", True, "printed"),
        ("0.50", True, "printed"),
    ]
    assert rows["First"][4].value > 0 and rows["Second"][4:] == ("–", "not measured")
    assert rows["First"][3].text == "16.2 M" and rows["Third"][1:4] == ("–", "–", "–")
    assert any("errors/results.json does not exist" in note for note in result.notes)
    computed(result, tmp_path, First=(0.5, True), Second=(0.7, False))
    result = run("tradeoff")
    rows = grid_of(result, "tradeoff")
    assert (rows["First"][1].value, rows["First"][2]) == (0.5, "computed") and not rows["First"][1].paper
    assert (rows["Second"][1].value, rows["Second"][2]) == (0.5, "printed")
    header, *lines = (tmp_path / "tradeoff" / "tradeoff.csv").read_text().splitlines()
    assert header.startswith("row,model,accuracy,accuracy_is") and lines[0].startswith("First,first,0.5,computed")
    assert {figure.name for figure in result.figures} == {"tradeoff", "speed"}
    for figure in result.figures:
        assert all((tmp_path / "tradeoff" / file).is_file() for file in figure.files.values())


def test_an_accuracy_that_cannot_be_read_is_said(run, tmp_path):
    (tmp_path / "errors").mkdir()
    (tmp_path / "errors" / "results.json").write_text("{")
    result = run("tradeoff", only=("First",))
    assert [note for note in result.notes if "not valid JSON" in note and "as printed" in note], result.notes
    assert grid_of(result, "tradeoff")["First"][2] == "printed"


def test_a_card_refers_to_the_benchmark_of_its_accuracies(speed_cards):
    assert load_benchmark("tradeoff").references == ("errors",)


FASTEST = {"id": "it", "text": "It is fast", "place": "section 1", "test": "fastest", "metric": "step", "row": "First"}


@pytest.mark.parametrize(
    ("card", "key", "value", "error"),
    [
        ("curves", "claims", [FASTEST | {"row": "Frist"}], "claim it: no row 'Frist'; did you mean 'First'"),
        ("curves", "claims", [FASTEST | {"columns": "33"}], "claim it: no column '33'; did you mean '32'"),
        ("curves", "claims", [FASTEST | {"metric": "stepp"}], "claim it: no quantity 'stepp'; did you mean 'step'"),
        ("rates", "sweeps", {"inference": ["stepp"]}, "sweeps.inference"),
        ("rates", "sweeps", {"inference": ["step"]}, "no sweep gives 'training_speed'"),
        ("rates", "columns", {"cu": {"title": "a"}, "water": {"title": "b"}}, "one column or none"),
    ],
)
def test_wrong_cards_are_one_line(speed_cards, card, key, value, error):
    with pytest.raises(UserError, match=error):
        validate(values_of(card, speed_cards) | {key: value}, SpeedCard, "card")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({"benchmark": "errros", "metric": "f1"}, "did you mean 'errors'"),
        ({"benchmark": "errors", "metric": "energy"}, "did you mean 'energy_mae'"),
        ({"benchmark": "errors", "metric": "energy_mae", "column": "format"}, "did you mean 'formate'"),
        ({"benchmark": "rates", "metric": "f1"}, "no metric 'f1'"),
    ],
)
def test_an_accuracy_that_does_not_exist_is_one_line(speed_cards, tmp_path, source, error):
    card = validate(values_of("tradeoff", speed_cards) | {"accuracy": source}, SpeedCard, "card")
    with pytest.raises(UserError, match=error):
        Speed(card, RunOptions(out=tmp_path)).plan()


def test_names_and_modes_are_checked_before_anything_is_measured(run, tmp_path):
    with pytest.raises(UserError, match="no row or column 'Frist'"):
        run("curves", only=("Frist",))
    with pytest.raises(UserError, match="mode: unknown 'fast'"):
        run("curves", mode="fast")
    with pytest.raises(UserError, match="no use for epochs"):
        run("curves", epochs=3)


def test_a_finished_sweep_takes_no_share_of_a_budget(run, speed_cards, tmp_path):
    run("rates", only=("First",))
    kind = Speed(load_benchmark("rates"), RunOptions(out=tmp_path, device="cpu"))
    plan = kind.plan()
    assert [task.seconds for task in plan.tasks] == [60.0, 60.0] and plan.minutes == 2
    tasks = [task for task in plan.tasks if task.work.name == "training"]
    kept = [place for place in tasks[0].places if place[0] == "First"]
    ready = kind.prepare(tasks[0].__class__(**{**vars(tasks[0]), "places": tuple(kept)}))
    assert ready.seconds == 0.0


def test_a_card_asked_for_on_the_command_line_runs_like_any_other(stand_ins, tmp_path):
    card = speed_card(
        "speed", models=["one", "two"], sizes=[8], structures="cu", batch=1, passes=1, rounds=1, minutes=1
    )
    result = run_benchmark(card, RunOptions(out=tmp_path, scale="ad-hoc"))
    assert not result.comparable and "no paper" in result.reason
    assert [row[0] for row in result.grids[0].rows] == ["one", "two"]
    assert (tmp_path / "speed" / "speed.png").is_file() and (tmp_path / "speed" / "speed.json").is_file()
    rates = grid_of(result, "rates")
    assert rates["one"][2].value > 0 and rates["one"][-1] == "–"
    with pytest.raises(UserError, match="weights"):
        speed_card(
            "speed", models=["one"], sizes=[8], structures="cu", batch=1, passes=1, rounds=1, minutes=1, weights="new"
        )


def test_published_times_are_shown_and_rank_nothing(stand_ins, tmp_path):
    public = public_protocol("public-si")
    assert public.sizes == (8, 1000, 10648, 64000)
    card = speed_card(
        "speed", models=["one"], sizes=[8], structures=public.structures, batch=1, passes=1, rounds=1, minutes=1,
        published=public.published,
    )  # fmt: skip
    result = run_benchmark(card, RunOptions(out=tmp_path, scale="ad-hoc"))
    assert {row[1] for row in next(grid for grid in result.grids if grid.id == "published").rows} == {"H100"}
    assert {curve.row for curve in result.curves} == {"one"} and not result.claims
    for name, said in (("public-sy", "did you mean 'public-si'"), ("fig3a", "no published times")):
        with pytest.raises(UserError, match=said):
            public_protocol(name)
