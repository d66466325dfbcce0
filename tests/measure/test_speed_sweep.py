"""Sweeps with workers whose behavior is known; what they take is never asserted, only what is made of it."""

import pytest
from timed_potential import timed_models

from alphanet.errors import UserError
from alphanet.measure.speed import selfcheck
from alphanet.measure.speed import sweep as module
from alphanet.measure.speed.agreement import agreement
from alphanet.measure.speed.machine_noise import machine_noise, reading
from alphanet.measure.speed.models import TimingSetup
from alphanet.measure.speed.process import TimingSettings
from alphanet.measure.speed.repeats import Ratio
from alphanet.measure.speed.summary import read_summary
from alphanet.measure.speed.sweep import JOURNAL, Sweep, is_finished, run_sweep

pytestmark = pytest.mark.integration


@pytest.fixture
def run(tmp_path, monkeypatch, caplog):
    """A function that sweeps over models described by keywords; returns the summary and the lines logged."""
    kinds: dict[str, dict] = {}
    monkeypatch.setattr(module, "timed_model", timed_models(tmp_path, kinds))
    caplog.set_level("INFO")

    def call(
        sizes=(8, 32, 100), restart=False, dtype="float32", budget=300.0, mode="eager", settings=None, **described: dict
    ):
        kinds.clear()
        kinds.update({name: kind | {"seen": str(tmp_path / f"{name}.seen")} for name, kind in described.items()})
        timing = TimingSettings(**{"repeats": 2, "rounds": 2} | (settings or {}))
        sweep = Sweep(tuple(described), tuple(sizes), "cu", TimingSetup(dtype=dtype), timing, mode)
        caplog.clear()
        return run_sweep(sweep, tmp_path / "out", budget, restart=restart), caplog.messages.copy()

    return call


def points(summary, model):
    return {point.n_atoms: point for point in summary.points if point.model == model}


def test_points_ratios_and_exponents(run, tmp_path):
    summary, _ = run(one={}, two={"slowness": 2.0, "split": False}, settings={"batch": 2})
    assert [point.n_atoms for point in summary.points] == [8, 32, 108] * 2
    point = points(summary, "one")[32]
    assert point.status == "ok"
    assert point.n_edges == 2 * 32 * 12  # twelve neighbors within 3 Å, two structures
    for task in ("step", "forward"):
        times = point.times_ms[task]
        assert times.q25 <= times.median <= times.q75
        assert len(times.raw) >= 2
    assert point.peak_memory_mb["resident"] > 1
    assert "forward" not in points(summary, "two")[32].times_ms
    assert "inside the model" in points(summary, "two")[32].unsupported["forward"]
    assert {(one.model, one.task, one.n_atoms) for one in summary.ratios} == {
        ("two", "step", size) for size in (8, 32, 108)
    }
    assert summary.conditions.hardware.cpu


def test_every_call_sees_other_positions(run, tmp_path):
    run(sizes=(8,), one={})
    seen = (tmp_path / "one.seen").read_text().split()
    assert len(seen) > 4
    assert len(set(seen)) == len(seen)


def test_running_out_of_memory_and_failing_are_results(run):
    summary, _ = run(one={}, small={"memory_for": 50}, mortal={"lives_for": 50}, broken={"works_for": 50})
    for model, status, said in (
        ("small", "oom", "unable to allocate"),
        ("mortal", "oom", "SIGKILL"),
        ("broken", "failed", "no such orbital"),
    ):
        assert points(summary, model)[32].status == "ok"
        assert points(summary, model)[108].status == status
        assert said in points(summary, model)[108].reason
    assert points(summary, "one")[108].status == "ok"


def test_what_failed_is_not_tried_on_larger_systems(run):
    summary, lines = run(sizes=(8, 32, 108), small={"memory_for": 10})
    assert points(summary, "small")[108].status == "oom"
    assert points(summary, "small")[108].reason == "not tried after oom at 32 atoms"
    assert any("skipped: not tried" in line for line in lines)


def test_a_budget_cuts_what_would_take_too_long(run):
    summary, _ = run(sizes=(8, 4000), budget=2.0, slow={"slowness": 2e3})
    point = points(summary, "slow")[4000]
    assert point.status == "timeout"
    assert "budget" in point.reason


def test_an_interrupted_sweep_goes_on_at_the_missing_sizes(run, tmp_path):
    run(sizes=(8, 32), one={})
    journal = tmp_path / "out" / JOURNAL
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n")
    summary, said = run(sizes=(8, 32), one={})
    assert [point.repeats for point in summary.points] == [2, 2]
    assert [line for line in said if "measured before" in line] == [
        "pass 1       8 atoms  measured before",
        "pass 1      32 atoms  measured before",
        "pass 2       8 atoms  measured before",
    ]


def test_a_sweep_is_finished_if_every_repeat_has_every_size(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "timed_model", timed_models(tmp_path, {"one": {}}))
    sweep = Sweep(("one",), (8, 33), "cu", TimingSetup(), TimingSettings(repeats=2, rounds=1))
    assert not is_finished(sweep, tmp_path / "out")
    run_sweep(sweep, tmp_path / "out", 300.0)
    assert is_finished(sweep, tmp_path / "out")
    journal = tmp_path / "out" / JOURNAL
    journal.write_text("\n".join(journal.read_text().splitlines()[:-1]) + "\n")
    assert not is_finished(sweep, tmp_path / "out")


def test_every_pass_has_processes_of_its_own(run):
    summary, _ = run(sizes=(8, 32), one={}, two={"slowness": 3.0}, settings={"repeats": 3, "rounds": 4})
    point = points(summary, "two")[32]
    assert [len(turns) for turns in point.rounds["step"]] == [4, 4, 4]
    assert {one.repeats for one in summary.ratios} == {3}
    assert all(one.low <= one.ratio <= one.high for one in summary.ratios)


def test_one_pass_gives_no_interval(run):
    summary, _ = run(sizes=(8,), one={}, two={}, settings={"repeats": 1})
    assert {one.low for one in summary.ratios} == {None}
    assert {one.repeats for one in summary.ratios} == {1}


def test_what_fails_in_a_later_pass_has_failed(run):
    summary, _ = run(sizes=(8, 32), one={}, fickle={"passes_it_works_for": 1})
    assert points(summary, "fickle")[8].status == "failed"
    assert "pass 2: " in points(summary, "fickle")[8].reason
    assert points(summary, "fickle")[8].times_ms == {}
    assert points(summary, "fickle")[32].status == "ok"  # measured in the first, not tried again
    assert points(summary, "one")[8].repeats == 2


def test_other_conditions_do_not_share_a_curve(run):
    run(sizes=(8,), one={})
    with pytest.raises(UserError, match=r"measured with other setup .* choose another folder, or restart"):
        run(sizes=(8, 32), one={}, dtype="float64")
    with pytest.raises(UserError, match="measured with other models"):
        run(sizes=(8, 32), one={"slowness": 3})
    summary, _ = run(sizes=(8,), one={}, dtype="float64", restart=True)
    assert summary.conditions.setup.dtype == "float64"


def test_a_compiled_mode_is_timed_after_its_forces_agree(run):
    summary, lines = run(
        sizes=(8, 32),
        mode="compiled",
        one={"compiled": {}},
        wrong={"compiled": {"force": 1.01}},
        old={},
        mute={"unaware": True},
    )
    for size in (8, 32):
        assert points(summary, "one")[size].mode == "compiled"
        assert points(summary, "old")[size].mode == "eager"
        assert points(summary, "old")[size].note == "timed eagerly: old: it has no compiled mode"
        assert points(summary, "mute")[size].mode == "eager"
    assert points(summary, "one")[8].force_check.reference == "float64 eager"
    assert points(summary, "one")[32].force_check is None  # compared once
    assert points(summary, "wrong")[8].status == "failed"
    assert "differ from float64 eager by 1.0e-02" in points(summary, "wrong")[8].reason
    assert any("timed eagerly" in line for line in lines)


def test_best_is_the_faster_mode_that_is_right(run):
    slow, fast = {"slowness": 1000.0}, {"slowness": 1.0}
    summary, _ = run(
        sizes=(32,),
        mode="best",
        better=slow | {"compiled": fast},
        worse=fast | {"compiled": slow},
        wrong=slow | {"compiled": fast | {"force": 2.0}},
    )
    assert [points(summary, name)[32].mode for name in ("better", "worse", "wrong")] == [
        "compiled",
        "eager",
        "eager",
    ]
    assert "differ from" in points(summary, "wrong")[32].note
    better, worse = points(summary, "better")[32], points(summary, "worse")[32]
    assert better.pays_from >= 1 and worse.pays_from is None
    assert better.start_s >= better.load_s > 0


def test_training_steps_are_a_task(run):
    summary, _ = run(sizes=(8,), settings={"tasks": ("train",)}, one={}, other={"split": False})
    assert points(summary, "one")[8].times_ms["train"].median > 0
    assert points(summary, "other")[8].status == "failed"
    assert "trains in a loop of its own" in points(summary, "other")[8].reason


def test_only_a_form_of_training_of_its_own_is_tried(run):
    summary, _ = run(sizes=(8,), mode="best", settings={"tasks": ("train",)}, one={"compiled": {}})
    assert points(summary, "one")[8].mode == "eager"


def test_times_have_the_units_that_people_plan_by(run):
    summary, _ = run(sizes=(32,), settings={"batch": 2}, one={})
    (point,) = summary.points
    step = point.times_ms["step"].median
    assert point.us_per_atom("step") == pytest.approx(1e3 * step / 64)
    assert point.us_per_edge("step") == pytest.approx(1e3 * step / point.n_edges)
    assert point.ns_per_day == pytest.approx(86400 / (1e-3 * step) * 1e-6)
    assert point.us_per_atom("train") is None


def test_a_number_of_calls_may_be_fixed(run):
    summary, _ = run(sizes=(8,), settings={"calls": 7, "tasks": ("step",)}, one={})
    assert len(points(summary, "one")[8].times_ms["step"].raw) == 8  # two turns of four


def test_sizes_that_cannot_be_made_are_said(run):
    summary, lines = run(sizes=(30, 33), one={})
    assert "30 atoms: the nearest that cu makes is 32" in lines
    assert [point.n_atoms for point in summary.points] == [32]


def test_a_damaged_journal_is_one_line(run, tmp_path):
    run(sizes=(8,), one={})
    (tmp_path / "out" / JOURNAL).write_text("{")
    with pytest.raises(UserError, match=r"cannot be read .*, or restart"):
        run(sizes=(8,), one={})


def test_two_runs_are_compared_by_their_intervals(run):
    summary, _ = run(sizes=(8,), one={}, settings={"repeats": 1})
    ratio = Ratio(model="a", n_atoms=8, task="step", ratio=2.0, low=1.9, high=2.1, repeats=3)

    def other(**values):
        return ratio.model_copy(update=values)

    def with_ratios(*ratios):
        return summary.model_copy(update={"ratios": ratios})

    first = with_ratios(ratio, other(model="b"), other(model="gone"), other(model="c", low=None, high=None))
    second = with_ratios(other(low=2.05, high=2.3), other(model="b", low=2.2, high=2.3), other(model="c"))
    assert [(one.first.model, one.agree) for one in agreement(first, second)] == [("a", True), ("b", False)]


def test_a_busy_machine_is_noisy():
    assert machine_noise([0.010, 0.0101, 0.0]).warning is None
    assert "up to 50 % longer" in machine_noise([0.010, 0.015]).warning
    assert reading() > 0


def test_the_harness_measures_what_is_known(monkeypatch):
    monkeypatch.setattr(selfcheck, "ALLOWANCE", 1.0)
    monkeypatch.setattr(selfcheck, "SECONDS", 0.05)
    monkeypatch.setattr(selfcheck, "BYTES", 20_000_000)
    check = selfcheck.check_harness()
    assert check.overhead_us > 0
    assert check.time_error > -1e-3  # it cannot be faster than it is


def test_the_summary_is_read_as_it_was_written(run, tmp_path):
    summary, _ = run(one={}, small={"memory_for": 50})
    path = summary.write(tmp_path)
    assert read_summary(path) == summary
    for text, error in (
        ("{}", "no summary of a sweep of version 1"),
        (path.read_text().replace('"n_atoms"', '"atoms"', 1), "points.0.*was edited or is damaged"),
        (path.read_text()[:-9], "not valid JSON"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=error):
            read_summary(path)


def test_csv(run, tmp_path):
    summary, _ = run(one={}, small={"memory_for": 50})
    summary.write_csv(tmp_path / "speed.csv")
    header, *rows = (tmp_path / "speed.csv").read_text().splitlines()
    assert header.startswith("model,n_atoms,n_edges,batch,dtype,device")
    assert header.endswith("us_per_atom,us_per_edge,ns_per_day,start_s,pays_from")
    assert len(rows) == 6
    assert [row.split(",")[8] for row in rows if row.startswith("small,108")] == ["oom"]
