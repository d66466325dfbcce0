"""A table from start to end with fake trainers: steps, resuming, failures that stay where they are."""

import json

import pytest
from constant_trainer import ConstantTrainer

from alphanet.cards import validate
from alphanet.data.store import FrameStore
from alphanet.errors import UserError
from alphanet.paper import reproduce as module
from alphanet.paper.benchmark import Benchmark, load_benchmark
from alphanet.paper.reproduce import Options, reproduce
from alphanet.paper.steps import evenly_spaced
from alphanet.paper.trainers import MeanTrainer


class FakeTrainer(ConstantTrainer):
    """Predicts -1 eV/atom after counting its trainings; breaks where the test says so."""

    def __init__(self, name):
        self.name = name
        self.trained = []
        self.jobs = []
        self.opened = 0
        self.broken = None

    def train(self, job, out, report):
        if self.broken:
            raise self.broken
        self.trained.append((job.data.name, job.seed, job.epochs, job.max_time))
        self.jobs.append(job)
        assert out.is_dir()
        return {"energy": -1.0 - job.seed}

    def open(self, job, out, trained):
        self.opened += 1
        return super().open(job, out, trained)


@pytest.fixture
def trainers(monkeypatch, prepared):
    fakes = {name: FakeTrainer(name) for name in ("alphanet", "nequip", "deeppot")} | {"mean": MeanTrainer()}
    monkeypatch.setattr(module, "trainer_of", fakes.__getitem__)
    monkeypatch.setattr(module, "prepare", lambda name, scale, **_: prepared(name, scale))
    return fakes


@pytest.fixture
def run(tmp_path, trainers):
    def go(card="table1", **options):
        reports = []
        benchmark = load_benchmark(card) if isinstance(card, str) else card
        options = {"scale": "mini", "folder": tmp_path / benchmark.name, "device": "cpu", **options}
        outcome = reproduce(benchmark, Options(**options), reports.append)
        return outcome, reports

    return go


def measured(outcome, row, column="formate", metric="energy_mae"):
    (cell,) = [c for c in outcome.cells if (c.row, c.column, c.metric) == (row, column, metric)]
    return cell


def test_every_cell_is_measured_once(run, trainers, tmp_path, whole_records):
    outcome, _ = run()
    assert all(cell.measured is not None and cell.records for cell in outcome.cells)
    assert outcome.failures == []
    time = load_benchmark("table1").scale("mini").max_time
    assert trainers["alphanet"].trained == [("formate", 0, None, time), ("graphene", 0, None, time)]
    records = whole_records(tmp_path / "table1" / "records.jsonl")
    assert len(records) == 2 * 3 * 3  # data sets, models, splits
    ids = {record.id for record in records if record.on["split"] == "test"}
    assert {identity for cell in outcome.cells for identity in cell.records} == ids


def test_the_record_says_what_on_what_how_and_where(run, tmp_path, whole_records):
    run(models=("alphanet",), datasets=("formate",))
    record = whole_records(tmp_path / "table1" / "records.jsonl")[-1]
    assert record.what["n_structures"] == 5 and record.what["n_atoms"] == 20
    assert record.what["official_evaluator"]["force_mae"] == pytest.approx(record.what["force_mae"] / 2)
    assert record.on["dataset"] == "formate" and "GFN1-xTB" in record.on["level_of_theory"]
    assert len(record.on["store_sha256"]) == 64 and record.on["sources"] == {"file": "0" * 64}
    assert record.how["protocol"] == "table1/mini" and record.how["seed"] == 0
    assert record.where["hardware"]["cpu"]


def test_the_same_command_repeats_nothing(run, trainers, tmp_path):
    first, _ = run()
    log = (tmp_path / "table1" / "records.jsonl").read_bytes()
    second, reports = run()
    assert len(trainers["alphanet"].trained) == 2
    assert (tmp_path / "table1" / "records.jsonl").read_bytes() == log
    assert (
        second.cells == first.cells
        and [p.name for p in second.parities] == [p.name for p in first.parities]
        and len(first.parities) == 6
    )
    assert sum("kept" in line for line in reports) == 6


def test_a_step_killed_before_its_last_record_is_evaluated_again_but_not_trained(run, trainers, tmp_path, caplog):
    run(models=("alphanet",), datasets=("formate",))
    log = tmp_path / "table1" / "records.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    outcome, _ = run(models=("alphanet",), datasets=("formate",))
    assert len(trainers["alphanet"].trained) == 1
    assert measured(outcome, "AlphaNet").measured is not None
    assert any("broken record" in line for line in caplog.messages)


def test_other_epochs_are_another_training(run, trainers):
    run(models=("alphanet",), datasets=("formate",))
    run(models=("alphanet",), datasets=("formate",), epochs=3)
    assert [epochs for _, _, epochs, _ in trainers["alphanet"].trained] == [None, 3]


def test_more_time_goes_on_in_the_same_folder(run, trainers, tmp_path):
    run(models=("alphanet",), datasets=("formate",), max_time=10.0)
    run(models=("alphanet",), datasets=("formate",), max_time=20.0)
    assert [time for *_, time in trainers["alphanet"].trained] == [10.0, 20.0]
    assert len(list((tmp_path / "table1" / "runs").iterdir())) == 1


def test_changed_data_are_another_training(run, trainers, monkeypatch, prepared):
    import dataclasses

    run(models=("alphanet",), datasets=("formate",))
    other = dataclasses.replace(prepared("formate", "mini"), sources={"file": "1" * 64})
    monkeypatch.setattr(module, "prepare", lambda *_, **__: other)
    run(models=("alphanet",), datasets=("formate",))
    assert len(trainers["alphanet"].trained) == 2


def test_restart_trains_again(run, trainers):
    run(models=("alphanet",), datasets=("formate",))
    run(models=("alphanet",), datasets=("formate",), restart=True)
    assert len(trainers["alphanet"].trained) == 2


def test_seeds_give_a_mean_and_a_spread_but_the_mean_potential_has_none(run):
    outcome, _ = run(seeds=2)
    cell = measured(outcome, "AlphaNet")
    assert len(cell.records) == 2 and cell.spread == pytest.approx(1000 / 2**0.5)
    assert len(measured(outcome, "mean").records) == 1 and measured(outcome, "mean").spread is None


def test_a_potential_that_fails_costs_only_its_cells(run, trainers):
    trainers["nequip"].broken = UserError("nequip cannot be installed: no network")
    outcome, _ = run()
    assert measured(outcome, "NequIP").verdict == "not run: nequip cannot be installed: no network"
    assert measured(outcome, "AlphaNet").measured is not None
    assert len(outcome.failures) == 2


def test_data_that_cannot_be_had_cost_only_their_column(run, monkeypatch, prepared):
    def prepare(name, scale, **_):
        if name == "formate":
            raise UserError("no formate")
        return prepared(name, scale)

    monkeypatch.setattr(module, "prepare", prepare)
    outcome, _ = run()
    assert measured(outcome, "AlphaNet").verdict == "not run: no formate"
    assert measured(outcome, "AlphaNet", "graphene").measured is not None
    assert outcome.failures == ["formate: no formate"]


def test_what_a_scale_lacks_is_said_and_is_no_failure(run):
    outcome, _ = run(scale="slice")
    assert measured(outcome, "AlphaNet", "graphene").verdict.startswith("not run: needs ")
    assert outcome.failures == []


def test_what_was_not_asked_for_is_left_out(run):
    outcome, _ = run(models=("mean",), datasets=("formate",))
    assert measured(outcome, "mean").measured is not None
    assert "left out" in measured(outcome, "AlphaNet").verdict
    assert "left out" in measured(outcome, "mean", "graphene").verdict


@pytest.mark.parametrize("wrong", [{"models": ("alphanett",)}, {"datasets": ("formiate",)}, {"scale": "min"}])
def test_wrong_names_get_the_nearest(run, wrong):
    with pytest.raises(UserError, match="did you mean"):
        run(**wrong)


def test_fewer_epochs_at_full_are_not_comparable(run):
    outcome, _ = run(scale="full", epochs=2)
    assert not any(cell.comparable for cell in outcome.cells)
    outcome, _ = run(scale="full")
    assert all(cell.comparable == (cell.row != "mean") for cell in outcome.cells)


def test_cells_are_plain_json(run):
    outcome, _ = run()
    assert json.loads(json.dumps([cell.as_dict() for cell in outcome.cells], allow_nan=False))


def test_evenly_spaced_frames():
    assert evenly_spaced(5, None) == evenly_spaced(5, 9) == [0, 1, 2, 3, 4]
    assert evenly_spaced(10, 4) == [0, 2, 5, 7]


def test_rows_of_one_model_are_trained_with_their_own_settings(run, trainers, tmp_path):
    outcome, _ = run("table8")
    jobs = trainers["alphanet"].jobs
    assert len(jobs) == 8  # four rows, two seeds; every row once before any twice
    assert [job.seed for job in jobs] == [0] * 4 + [1] * 4
    parts = [{key for key, value in job.settings["model"].items() if value is False} for job in jobs[:4]]
    assert parts == [set(), {"rope"}, {"temporal"}, {"frame_transition"}]
    assert all(cell.measured is not None and cell.spread is not None for cell in outcome.cells)
    assert [one.name for one in outcome.parities] == [
        "parity_graphene_alphanet",
        "parity_graphene_alphanet-no-rope",
        "parity_graphene_alphanet-no-temporal",
        "parity_graphene_alphanet-no-fte",
    ]
    assert len(list((tmp_path / "table8" / "runs").iterdir())) == 8


def test_columns_of_one_data_set_share_a_training_and_count_their_own_frames(run, trainers):
    outcome, _ = run("table2", only=("alphanet/abwopt", "alphanet/bctopt"))
    assert len(trainers["alphanet"].trained) == trainers["alphanet"].opened == 1
    framework = {column: outcome.records["AlphaNet", column][0] for column in ("ABWopt", "BCTopt")}
    assert framework["ABWopt"].on["only"] == {"group": "ABW*"}
    assert [framework[column].what["n_structures"] for column in framework] == [3, 2]
    values = [measured(outcome, "AlphaNet", column).measured for column in framework]
    assert values[0] != values[1]
    (parity,) = outcome.parities
    assert parity.name == "parity_zeolite_alphanet"
    assert parity.samples["test"].n_structures == 5 and len(parity.samples["test"].energy) == 5
    assert 1000 * parity.samples["test"].energy_mae == pytest.approx((3 * values[0] + 2 * values[1]) / 5)


def test_a_column_that_was_not_asked_for_before_needs_no_training(run, trainers):
    run("table2", only=("alphanet/abwopt",))
    outcome, _ = run("table2", only=("alphanet/abwopt", "alphanet/bctopt"))
    assert len(trainers["alphanet"].trained) == 1
    assert measured(outcome, "AlphaNet", "BCTopt").measured is not None
    run("table2", only=("alphanet/abwopt", "alphanet/bctopt"))
    assert trainers["alphanet"].opened == 2


def test_frames_that_a_column_cannot_find_are_named(run):
    outcome, _ = run("table2", only=("alphanet/sodopt",))
    assert measured(outcome, "AlphaNet", "SODopt").verdict.startswith("not run: zeolite has no train frames with group")


def test_what_the_miniature_lacks_is_not_run_with_the_reason(run):
    outcome, _ = run("table2", only=("alphanet/abwopt", "canopt"))
    assert "the miniature has only ABW" in measured(outcome, "AlphaNet", "CANopt").verdict
    assert outcome.failures == []


@pytest.fixture
def sizes():
    """A card of three sizes, of which the fake data have two."""
    columns = {
        str(size): {"title": f"{size} frames", "dataset": "zeolite", "train_frames": size} for size in (3, 6, 12)
    }
    values = {
        "name": "sizes",
        "title": "Sizes",
        "source": "made up",
        "metrics": {"force_mae": {"title": "force MAE", "unit": "meV/Å", "per_record_unit": 1000}},
        "columns": columns,
        "rows": {"L = 2": {"model": "alphanet", "run": "two"}, "L = 3": {"model": "alphanet", "run": "three"}},
        "paper": [],
        "parity": False,
        "scales": {
            "mini": {
                "comparable": False,
                "reason": "small",
                "protocol": "short",
                "runs": {
                    "two": {"*": {"settings": {"model": {"num_layers": 2}}}},
                    "three": {"3": {"settings": {"model": {"num_layers": 3}}}},
                },
            },
            "full": {"comparable": True, "protocol": "long", "runs": {"two": {"6": {}}}},
        },
    }
    return validate(values, Benchmark, "sizes")


def test_sizes_are_nested_subsets_and_only_the_test_frames_are_measured(run, trainers, sizes, tmp_path, whole_records):
    outcome, _ = run(sizes)
    jobs = {(job.train_frames, job.settings["model"]["num_layers"]): job for job in trainers["alphanet"].jobs}
    assert set(jobs) == {(3, 2), (3, 3), (6, 2)}
    frames = {key: {atoms.positions.tobytes() for atoms in FrameStore(job.data.train)} for key, job in jobs.items()}
    assert len(frames[3, 2]) == 3 and frames[3, 2] == frames[3, 3] < frames[6, 2]
    records = whole_records(tmp_path / "sizes" / "records.jsonl")
    assert [record.on["split"] for record in records] == ["test"] * 3
    assert sorted(record.on["trained_on"] for record in records) == [3, 3, 6]
    assert outcome.failures == ["L = 2 on 12: zeolite has 9 training frames at scale mini, not 12"]
    assert outcome.parities == []


def test_cells_that_a_scale_does_not_train_and_the_paper_does_not_print_are_not_shown(run, sizes):
    outcome, _ = run(sizes, scale="full")
    assert [(cell.row, cell.column) for cell in outcome.cells] == [("L = 2", "6")]
    outcome, _ = run("fig2", only=("800000",))
    unmeasured = [(c.row, c.column, c.metric) for c in outcome.cells if len(c.column) > 3]
    printed = [("L = 4", "5000", "force_mae"), ("L = 4", "50000", "energy_mae"), ("L = 4", "80000", "force_mae")]
    assert unmeasured == [*printed, ("L = 4", "800000", "energy_mae")]


def test_a_budget_is_divided_and_what_does_not_fit_says_what_it_needs(run, trainers, monkeypatch):
    asked = []

    class Shares:
        minutes = 3.0

        def seconds(self, waiting):
            asked.append(waiting)
            return {4: 20.04, 3: 500.0}.get(waiting)

    monkeypatch.setattr(module, "TimeBudget", lambda _minutes: Shares())
    outcome, _ = run("table8", seeds=1, budget=3)
    assert asked == [4, 3, 2, 1]
    guard = load_benchmark("table8").scale("mini").max_time
    assert [time for *_, time in trainers["alphanet"].trained] == [20.0, guard]
    cell = measured(outcome, "without frame transition encoding", "graphene")
    assert cell.verdict == f"not run: no time left of --budget 3 minutes; its training needs up to {guard:g} s"
    assert outcome.failures == []


def test_what_takes_no_time_or_is_finished_has_no_share_of_a_budget(run, trainers, monkeypatch):
    run(models=("alphanet",))
    asked = []

    class Shares:
        minutes = 3.0

        def seconds(self, waiting):
            asked.append(waiting)
            return 30.0

    monkeypatch.setattr(module, "TimeBudget", lambda _minutes: Shares())
    run(budget=3)
    assert asked == [2, 1]  # nequip on two data sets; the mean and AlphaNet take none


def test_trainings_within_a_budget_are_kept_whatever_time_they_had(run, trainers):
    run(models=("alphanet",), budget=2)
    run(models=("alphanet",), budget=1)
    assert len(trainers["alphanet"].trained) == 2
    run(models=("alphanet",))  # without a budget the card's time counts
    assert len(trainers["alphanet"].trained) == 4


def test_what_a_budget_cut_is_not_comparable_at_full(run):
    outcome, _ = run(scale="full", models=("alphanet",), budget=4)
    assert "--budget 4" in measured(outcome, "AlphaNet").verdict
