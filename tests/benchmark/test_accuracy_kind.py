"""A table of accuracies from start to end with trainers that take no time: tasks, resuming, failures."""

import dataclasses
import shutil

import numpy as np
import pytest

from alphanet.benchmark.kind import RunOptions
from alphanet.benchmark.kinds import accuracy
from alphanet.benchmark.kinds.accuracy import Accuracy
from alphanet.benchmark.kinds.accuracy.jobs import matching_frames
from alphanet.benchmark.loading import card_of, card_path, load_benchmark
from alphanet.benchmark.runner import run_benchmark
from alphanet.cards import read_yaml
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.files import sha256_of
from alphanet.results.schema import BenchmarkResult, read_result

pytestmark = pytest.mark.integration

ONE = ("alphanet/formate",)


def cell_of(result, row, column="formate", metric="energy_mae"):
    (cell,) = [c for c in result.cells if (c.row, c.column, c.metric) == (row, column, metric)]
    return cell


def limits(trainer):
    """Data set, seed, epochs and limit on time of each training."""
    return [(r.data.name, r.seed, r.epochs, r.max_time) for r in trainer.requests]


def test_every_cell_is_measured_once(run, trainers, tmp_path, whole_records):
    result = run()
    assert all(cell.measured is not None and cell.records for cell in result.cells)
    assert result.failures == () and len(result.cells) == 12
    time = load_benchmark("table").scale("mini").max_time
    assert limits(trainers["alphanet"]) == [("formate", 0, None, time), ("graphene", 0, None, time)]
    records = whole_records(tmp_path / "table" / "records.jsonl")
    assert len(records) == 2 * 3 * 3  # data sets, models, splits
    ids = {record.id for record in records if record.data["split"] == "test"}
    assert {identity for cell in result.cells for identity in cell.records} == ids
    assert ids <= set(result.records)


def test_results_json_holds_the_whole_result(run, tmp_path):
    result = run()
    assert read_result(tmp_path / "table" / "results.json") == result
    assert BenchmarkResult.model_validate_json(result.to_json()) == result
    for cell in result.cells:
        assert set(result.origins[cell.origin]) >= {"record", "model", "data", "protocol", "hardware"}


def test_the_record_says_what_was_measured_on_what_and_how(run, tmp_path, whole_records):
    run(only=ONE)
    record = whole_records(tmp_path / "table" / "records.jsonl")[-1]
    assert record.metrics["n_structures"] == 5 and record.metrics["n_atoms"] == 20
    assert record.metrics["official_evaluator"]["force_mae"] == pytest.approx(record.metrics["force_mae"] / 2)
    assert record.data["dataset"] == "formate" and "GFN1-xTB" in record.data["level_of_theory"]
    assert len(record.data["store_sha256"]) == 64 and record.data["sources"] == {"file": "0" * 64}
    assert record.protocol["benchmark"] == "table/mini" and record.protocol["seed"] == 0
    assert record.environment["hardware"]["cpu"]


def test_the_same_command_repeats_nothing(run, trainers, tmp_path, caplog):
    caplog.set_level("INFO")
    first = run()
    log = (tmp_path / "table" / "records.jsonl").read_bytes()
    caplog.clear()
    second = run()
    assert len(trainers["alphanet"].requests) == 2
    assert (tmp_path / "table" / "records.jsonl").read_bytes() == log
    assert second.cells == first.cells and second.figures == first.figures
    assert [figure.name for figure in first.figures] == [
        f"parity_{data}_{model}" for data in ("formate", "graphene") for model in ("mean", "peer", "alphanet")
    ]
    assert all((tmp_path / "table" / file).is_file() for figure in first.figures for file in figure.files.values())
    assert sum("kept" in line for line in caplog.messages) == 6


def test_what_was_measured_beside_the_cells_is_kept_with_them(run, tmp_path):
    first = run()
    assert {record.data["split"] for record in first.records.values()} == {"train", "valid", "test"}
    for choice in ({}, {"only": ONE}):
        assert run(**choice).records.keys() == first.records.keys()
    (tmp_path / "table" / "results.json").unlink()  # as a kill before its end leaves it
    assert run().records.keys() == first.records.keys()


def test_a_kept_report_is_gone_on_from_with_more_seeds(run, trainers, tmp_path):
    first = run()
    folder = tmp_path / "table"
    for file in folder.glob("runs/*/*"):
        if not file.name.startswith("frames-"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    second = run(seeds=2)
    assert [request.seed for request in trainers["alphanet"].requests] == [0, 0, 1, 1]
    assert second.figures == first.figures  # drawn from samples that are gone
    assert len(cell_of(second, "AlphaNet").records) == 2


def test_a_job_killed_before_its_last_record_is_evaluated_again_but_not_trained(run, trainers, tmp_path, caplog):
    run(only=ONE)
    log = tmp_path / "table" / "records.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    result = run(only=ONE)
    assert len(trainers["alphanet"].requests) == 1
    assert cell_of(result, "AlphaNet").measured is not None
    assert any("broken record" in line for line in caplog.messages)
    assert any("broken record" in problem for problem in result.problems)


def test_other_epochs_are_another_training(run, trainers):
    run(only=ONE)
    run(only=ONE, epochs=3)
    assert [epochs for _, _, epochs, _ in limits(trainers["alphanet"])] == [None, 3]


def test_changed_data_are_another_training(run, trainers, monkeypatch, prepared):
    run(only=ONE)
    other = dataclasses.replace(prepared("formate", "mini"), sources={"file": "1" * 64})
    monkeypatch.setattr(accuracy, "prepare", lambda *_, **__: other)
    run(only=ONE)
    assert len(trainers["alphanet"].requests) == 2


def test_restart_trains_again(run, trainers):
    run(only=ONE)
    run(only=ONE, restart=True)
    assert len(trainers["alphanet"].requests) == 2


def test_seeds_give_a_mean_and_a_spread_but_the_mean_potential_has_none(run):
    result = run(seeds=2)
    cell = cell_of(result, "AlphaNet")
    assert len(cell.records) == 2 and cell.spread == pytest.approx(1000 / 2**0.5)
    assert len(cell_of(result, "mean").records) == 1 and cell_of(result, "mean").spread is None
    assert "2 records" in result.origins[cell.origin]["mean of"]


def test_a_potential_that_fails_costs_only_its_cells(run, trainers):
    trainers["peer"].broken = UserError("peer cannot be installed: no network")
    result = run()
    assert cell_of(result, "Peer").verdict == "not run: peer cannot be installed: no network"
    assert cell_of(result, "AlphaNet").measured is not None
    assert len(result.failures) == 2


def test_a_training_that_fails_is_not_tried_with_another_seed(run, trainers):
    trainers["peer"].broken = UserError("out of memory")
    result = run(seeds=3, only=("peer/formate",))
    assert result.failures == ("Peer on formate, seed 0: out of memory",)


def test_data_that_cannot_be_had_cost_only_their_column(run, monkeypatch, prepared):
    asked = []

    def prepare(name, scale, **_):
        asked.append(name)
        if name == "formate":
            raise UserError("no formate")
        return prepared(name, scale)

    monkeypatch.setattr(accuracy, "prepare", prepare)
    result = run()
    assert cell_of(result, "AlphaNet").verdict == "not run: no formate"
    assert cell_of(result, "AlphaNet", "graphene").measured is not None
    assert all(failure.endswith("no formate") for failure in result.failures) and len(result.failures) == 3
    assert asked.count("formate") == 1


def test_a_skipped_column_is_stated_and_is_no_failure(run):
    result = run(scale="slice")
    assert cell_of(result, "AlphaNet", "graphene").verdict == "not run: needs the whole record"
    assert result.failures == ()


def test_cells_that_were_not_selected_are_left_out(run):
    result = run(only=("mean/formate",))
    assert cell_of(result, "mean").measured is not None
    assert "left out" in cell_of(result, "AlphaNet").verdict
    assert "left out" in cell_of(result, "mean", "graphene").verdict


@pytest.mark.parametrize("wrong", [{"only": ("alphanett",)}, {"only": ("formiate",)}, {"scale": "min"}])
def test_wrong_names_get_the_nearest(run, wrong):
    with pytest.raises(UserError, match="did you mean"):
        run(**wrong)


def test_an_option_without_a_use_is_refused(run):
    with pytest.raises(UserError, match="table is a benchmark of kind accuracy, which has no use for structures"):
        run(structures="quartz")


def test_fewer_epochs_at_full_are_not_comparable(run):
    result = run(scale="full", epochs=2)
    assert not any(cell.comparable for cell in result.cells) and not result.comparable
    result = run(scale="full")
    assert all(cell.comparable == (cell.row != "mean") for cell in result.cells) and result.comparable


def test_rows_of_one_model_are_trained_with_their_own_settings(run, trainers, tmp_path):
    result = run("ablation")
    requests = trainers["alphanet"].requests
    assert [request.seed for request in requests] == [0] * 3 + [1] * 3  # every row once before any twice
    parts = [{key for key, value in r.settings.get("model", {}).items() if value is False} for r in requests[:3]]
    assert parts == [set(), {"rope"}, {"rope", "temporal"}]
    assert all(cell.measured is not None and cell.spread is not None for cell in result.cells)
    assert [figure.name for figure in result.figures] == [
        "parity_graphene_alphanet",
        "parity_graphene_alphanet-no-rope",
        "parity_graphene_alphanet-neither",
    ]
    assert len(list((tmp_path / "ablation" / "runs").iterdir())) == 6


def test_columns_of_one_data_set_share_a_training_and_count_their_own_frames(run, trainers, tmp_path):
    result = run("groups", only=("alphanet/abw", "alphanet/bct"))
    assert len(trainers["alphanet"].requests) == trainers["alphanet"].opened == 1
    cells = {column: cell_of(result, "AlphaNet", column) for column in ("ABW", "BCT")}
    records = {column: result.records[cell.records[0]] for column, cell in cells.items()}
    assert records["ABW"].data["only"] == {"group": "ABW*"}
    assert [record.metrics["n_structures"] for record in records.values()] == [3, 2]
    values = [cell.measured for cell in cells.values()]
    assert values[0] != values[1]
    (figure,) = result.figures
    assert figure.name == "parity_zeolite_alphanet"
    points = (tmp_path / "groups" / figure.files["csv"]).read_text().splitlines()
    assert sum(line.startswith("test,energy") for line in points) == 5


def test_a_column_that_was_not_selected_before_needs_no_training(run, trainers):
    run("groups", only=("alphanet/abw",))
    result = run("groups", only=("alphanet/abw", "alphanet/bct"))
    assert len(trainers["alphanet"].requests) == 1
    assert cell_of(result, "AlphaNet", "BCT").measured is not None
    run("groups", only=("alphanet/abw", "alphanet/bct"))
    assert trainers["alphanet"].opened == 2


def test_frames_that_a_column_cannot_find_are_named(run):
    result = run("groups", only=("alphanet/sod",))
    assert cell_of(result, "AlphaNet", "SOD").verdict.startswith("not run: zeolite has no train frames with group")


def test_a_column_that_the_miniature_lacks_is_not_run_with_the_reason(run):
    result = run("groups", only=("alphanet/abw", "can"))
    assert "the miniature has only ABW" in cell_of(result, "AlphaNet", "CAN").verdict
    assert result.failures == ()


def test_patterns_are_matched_without_case(prepared):
    store = FrameStore(prepared("zeolite", "mini").test)
    matching = matching_frames(store, {"one": {"group": "abw*"}, "none": {"group": "x"}, "both": {"group": "*"}})
    assert len(matching["one"]) == 3 and matching["none"] == [] and len(matching["both"]) == 5


def test_sizes_are_nested_subsets_and_only_the_test_frames_are_measured(run, trainers, tmp_path, whole_records):
    result = run("sizes")
    requests = {(r.train_frames, r.settings["model"]["num_layers"]): r for r in trainers["alphanet"].requests}
    assert set(requests) == {(3, 2), (3, 3), (6, 2)}
    frames = {key: {atoms.positions.tobytes() for atoms in FrameStore(r.data.train)} for key, r in requests.items()}
    assert len(frames[3, 2]) == 3 and frames[3, 2] == frames[3, 3] < frames[6, 2]
    records = whole_records(tmp_path / "sizes" / "records.jsonl")
    assert [record.data["split"] for record in records] == ["test"] * 3
    assert sorted(record.data["trained_on"] for record in records) == [3, 3, 6]
    assert result.failures == ("L = 2 on 12, seed 0: zeolite has 9 training frames at scale mini, not 12",)
    assert [figure.name for figure in result.figures] == ["sizes"]
    assert [(curve.row, len(curve.points)) for curve in result.curves] == [("L = 2", 2), ("L = 3", 1)]


def test_cells_that_a_scale_does_not_train_and_the_paper_does_not_print_are_not_shown(run):
    assert [(cell.row, cell.column) for cell in run("sizes", scale="full").cells] == [("L = 2", "6"), ("L = 3", "12")]
    shown = {(cell.row, cell.column) for cell in run("sizes", only=("12",)).cells}
    assert shown == {("L = 2", "3"), ("L = 2", "6"), ("L = 2", "12"), ("L = 3", "3"), ("L = 3", "12")}


def test_a_budget_chooses_what_is_run_and_shortens_nothing(run, trainers, monkeypatch):
    needs = {"full": 60.0, "without RoPE": 1000.0, "without both": 30.0}
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: needs[task.work.training.rows[0]])
    result = run("ablation", seeds=1, budget=3)
    assert [time for *_, time in limits(trainers["alphanet"])] == [40.0, 40.0]  # the card's guard
    cell = cell_of(result, "without RoPE", "graphene", "force_mae")
    assert cell.verdict.startswith("not run: needs about 17 min, 3 min left of the budget of 3 min")
    assert cell_of(result, "without both", "graphene", "force_mae").measured is not None
    assert result.failures == ()


def test_a_budget_without_an_estimate_runs_nothing_and_says_so(run, trainers, monkeypatch):
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: None)
    result = run(only=("alphanet",), budget=3)
    assert trainers["alphanet"].requests == []
    assert "needs a time that is not known" in cell_of(result, "AlphaNet").verdict


def test_finished_trainings_are_kept_whatever_budget_or_guard_they_had(run, trainers, monkeypatch):
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: 1.0)
    results = [run(only=("alphanet",), **options) for options in ({"budget": 2}, {}, {"max_time": 5.0})]
    assert len(trainers["alphanet"].requests) == 2
    assert results[0].cells == results[1].cells == results[2].cells


def test_a_budget_is_no_deviation_from_the_papers_protocol(run, monkeypatch):
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: 1.0)
    assert cell_of(run(scale="full", only=("alphanet",), budget=4), "AlphaNet").comparable


def test_a_training_that_its_guard_cut_fills_no_cell(run, trainers, tmp_path, whole_records):
    trainers["alphanet"].stop = "stopped at step 3 of 12"
    result = run(only=("formate",), max_time=10.0)
    cell = cell_of(result, "AlphaNet")
    assert (cell.measured, cell.records, cell.verdict) == (None, (), "not run: stopped at step 3 of 12")
    assert cell_of(result, "Peer").measured is not None
    assert any(problem.startswith("AlphaNet on formate, seed 0: not run: stopped") for problem in result.problems)
    assert not any("alphanet" in figure.name for figure in result.figures)
    records = [one for one in whole_records(tmp_path / "table" / "records.jsonl") if "stopped" in one.protocol]
    assert [record.data["split"] for record in records] == ["test"] and records[0].value("energy_mae") is not None

    trainers["alphanet"].stop = ""
    assert cell_of(run(only=("formate",), max_time=10.0), "AlphaNet").measured is None  # the same guard cuts again
    again = run(only=("formate",), max_time=20.0)
    assert cell_of(again, "AlphaNet").measured is not None and again.problems == ()
    assert len(list((tmp_path / "table" / "runs").glob("*-alphanet-*"))) == 1
    assert len(trainers["alphanet"].requests) == 2


def test_one_seed_that_was_cut_does_not_enter_a_mean(run, trainers):
    trainers["alphanet"].stop = {1: "stopped at step 3 of 12"}
    result = run(only=ONE, seeds=3)
    cell = cell_of(result, "AlphaNet")
    assert len(cell.records) == 2 and cell.measured is not None
    assert [problem.partition(":")[0] for problem in result.problems] == ["AlphaNet on formate, seed 1"]


def test_a_run_of_some_cells_keeps_the_others_whatever_guard_or_budget(run, monkeypatch):
    monkeypatch.setattr(Accuracy, "estimate", lambda self, task, left: 1.0)
    first = run(only=ONE, max_time=50.0)
    second = run(only=("mean/graphene",), budget=1)
    assert cell_of(second, "AlphaNet").measured == cell_of(first, "AlphaNet").measured
    assert cell_of(second, "mean", "graphene").measured is not None
    assert "parity_formate_alphanet" in [figure.name for figure in second.figures]


def test_the_errors_of_every_test_frame_are_kept_and_give_the_metrics(run, tmp_path):
    result = run(only=("AlphaNet/formate",))
    (cell,) = [c for c in result.cells if (c.row, c.column, c.metric) == ("AlphaNet", "formate", "force_mae")]
    record = result.records[cell.records[0]]
    named = record.protocol["frame_errors"]
    file = tmp_path / "table" / named["file"]
    assert sha256_of(file) == named["sha256"]
    with np.load(file) as arrays:
        assert len(arrays["energy_error"]) == record.metrics["n_structures"] == 5
        assert arrays["energy_sum"].mean() == pytest.approx(record.value("energy_mae"))
        assert arrays["force_sum"].sum() / arrays["force_count"].sum() == pytest.approx(record.value("force_mae"))
    file.unlink()
    run(only=("AlphaNet/formate",))
    assert file.is_file()  # the cell was evaluated again


def test_claims_are_decided_over_seeds_and_frames(tmp_path, trainers):
    claim = {
        "id": "it",
        "text": "t",
        "place": "section 1",
        "test": "less",
        "metric": "energy_mae",
        "columns": "formate",
    }
    values = read_yaml(card_path("table")) | {"claims": [claim | {"row": "AlphaNet", "than": "mean"}]}
    result = run_benchmark(card_of(values, "card"), RunOptions(out=tmp_path, seeds=3))
    (decided,) = result.claims
    assert decided.seeds == 3 and decided.frames == 5 and len(decided.records) == 4
    assert decided.interval[0] < decided.effect < decided.interval[1] and decided.outcome != "not tested"
