"""Sweeps with workers whose behaviour is known; what they take is never asserted, only what is made of it."""

import json

import pytest
from timed_potential import contestants

from alphanet.cli.bench_options import parse_sizes
from alphanet.errors import UserError
from alphanet.measure.speed import selfcheck
from alphanet.measure.speed import sweep as module
from alphanet.measure.speed.agreement import agreement
from alphanet.measure.speed.contestants import Setting
from alphanet.measure.speed.point import Protocol
from alphanet.measure.speed.sweep import JOURNAL, Sweep, run_sweep
from alphanet.measure.speed.yardstick import quietness, warning, yardstick
from alphanet.report.speed import speed_figure, speed_lines, write_speed_csv


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that sweeps over contestants described by keywords; returns the summary and the lines reported."""
    kinds: dict[str, dict] = {}
    monkeypatch.setattr(module, "contestant", contestants(tmp_path, kinds))

    def call(
        sizes=(8, 32, 100), restart=False, dtype="float32", budget=20.0, mode="eager", protocol=None, **described: dict
    ):
        kinds.clear()
        kinds.update({name: kind | {"seen": str(tmp_path / f"{name}.seen")} for name, kind in described.items()})
        setting = Setting("untrained", dtype, "cpu", 1, 0)
        timing = Protocol(**{"passes": 2, "rounds": 2} | (protocol or {}))
        sweep = Sweep(tuple(described), tuple(sizes), "cu", setting, timing, budget, mode)
        lines: list[str] = []
        return run_sweep(sweep, tmp_path / "out", lines.append, restart=restart), lines

    return call


def points(summary, model):
    return {point["n_atoms"]: point for point in summary["points"] if point["model"] == model}


def test_points_ratios_and_exponents(run, tmp_path):
    summary, _ = run(one={}, two={"slowness": 2.0, "split": False}, protocol={"batch": 2})
    assert [point["n_atoms"] for point in summary["points"]] == [8, 32, 108] * 2
    point = points(summary, "one")[32]
    assert point["status"] == "ok"
    assert point["n_edges"] == 2 * 32 * 12  # twelve neighbours within 3 Å, two structures
    for mode in ("step", "forward"):
        told = point[f"{mode}_ms"]
        assert told["q25"] <= told["median"] <= told["q75"]
        assert len(told["raw"]) >= 2
    assert point["peak_memory_mb"]["resident"] > 1
    assert points(summary, "two")[32]["forward_ms"] is None
    assert "inside the model" in points(summary, "two")[32]["unsupported"]["forward"]
    assert {(one["model"], one["task"], one["n_atoms"]) for one in summary["ratios"]} == {
        ("two", "step", size) for size in (8, 32, 108)
    }
    assert {(one["model"], one["quantity"]) for one in summary["scaling"]} >= {("one", "step_time"), ("two", "memory")}
    assert summary["provenance"]["hardware"]["cpu"]


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
        assert points(summary, model)[32]["status"] == "ok"
        assert points(summary, model)[108]["status"] == status
        assert said in points(summary, model)[108]["reason"]
    assert points(summary, "one")[108]["status"] == "ok"


def test_what_failed_is_not_tried_on_larger_systems(run):
    summary, lines = run(sizes=(8, 32, 108), small={"memory_for": 10})
    assert points(summary, "small")[108]["status"] == "oom"
    assert points(summary, "small")[108]["reason"] == "not tried after oom at 32 atoms"
    assert any("cut: not tried" in line for line in lines)


def test_a_budget_cuts_what_would_take_too_long(run):
    summary, _ = run(sizes=(8, 4000), budget=2.0, slow={"slowness": 2e3})
    point = points(summary, "slow")[4000]
    assert point["status"] == "timeout"
    assert "--budget" in point["reason"]


def test_an_interrupted_sweep_goes_on_at_the_missing_sizes(run, tmp_path):
    run(sizes=(8, 32), one={})
    journal = tmp_path / "out" / JOURNAL
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n")
    summary, said = run(sizes=(8, 32), one={})
    assert [point["passes"] for point in summary["points"]] == [2, 2]
    assert [line for line in said if "measured before" in line] == [
        "pass 1       8 atoms  measured before",
        "pass 1      32 atoms  measured before",
        "pass 2       8 atoms  measured before",
    ]


def test_every_pass_has_processes_of_its_own(run):
    summary, _ = run(sizes=(8, 32), one={}, two={"slowness": 3.0}, protocol={"passes": 3, "rounds": 4})
    point = points(summary, "two")[32]
    assert [len(turns) for turns in point["rounds"]["step"]] == [4, 4, 4]
    assert {one["passes"] for one in summary["ratios"]} == {3}
    assert all(one["low"] <= one["ratio"] <= one["high"] for one in summary["ratios"])


def test_one_pass_gives_no_interval(run):
    summary, _ = run(sizes=(8,), one={}, two={}, protocol={"passes": 1})
    assert {one["low"] for one in summary["ratios"]} == {None}
    assert speed_lines(summary)[1][-1].endswith("(1 pass)")


def test_what_fails_in_a_later_pass_has_failed(run):
    summary, _ = run(sizes=(8, 32), one={}, fickle={"passes_it_works_for": 1})
    assert points(summary, "fickle")[8]["status"] == "failed"
    assert "pass 2: " in points(summary, "fickle")[8]["reason"]
    assert points(summary, "fickle")[8]["step_ms"] is None
    assert points(summary, "fickle")[32]["status"] == "ok"  # measured in the first, not tried again
    assert points(summary, "one")[8]["passes"] == 2


def test_other_conditions_do_not_share_a_curve(run):
    run(sizes=(8,), one={})
    with pytest.raises(UserError, match=r"measured with other setting; .* choose another --out, or add --restart"):
        run(sizes=(8, 32), one={}, dtype="float64")
    with pytest.raises(UserError, match="measured with other models"):
        run(sizes=(8, 32), one={"slowness": 3})
    summary, _ = run(sizes=(8,), one={}, dtype="float64", restart=True)
    assert summary["provenance"]["setting"]["dtype"] == "float64"


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
        assert points(summary, "one")[size]["mode"] == "compiled"
        assert points(summary, "old")[size]["mode"] == "eager"
        assert points(summary, "old")[size]["note"] == "timed eagerly: old: it has no compiled mode"
        assert points(summary, "mute")[size]["mode"] == "eager"
    assert points(summary, "one")[8]["gate"]["reference"] == "float64 eager"
    assert points(summary, "one")[32]["gate"] is None  # compared once
    assert points(summary, "wrong")[8]["status"] == "failed"
    assert "differ from float64 eager by 1.0e-02" in points(summary, "wrong")[8]["reason"]
    assert any("timed eagerly" in line for line in lines)


def test_best_is_the_faster_mode_that_is_right(run):
    slow, fast = {"slowness": 400.0}, {"slowness": 1.0}
    summary, _ = run(
        sizes=(32,),
        mode="best",
        better=slow | {"compiled": fast},
        worse=fast | {"compiled": slow},
        wrong=slow | {"compiled": fast | {"force": 2.0}},
    )
    assert [points(summary, name)[32]["mode"] for name in ("better", "worse", "wrong")] == [
        "compiled",
        "eager",
        "eager",
    ]
    assert "differ from" in points(summary, "wrong")[32]["note"]


def test_training_steps_are_a_task(run):
    summary, _ = run(sizes=(8,), protocol={"tasks": ("train",)}, one={}, other={"split": False})
    assert points(summary, "one")[8]["train_ms"]["median"] > 0
    assert points(summary, "other")[8]["status"] == "failed"
    assert "trains in a loop of its own" in points(summary, "other")[8]["reason"]


def test_a_number_of_calls_may_be_fixed(run):
    summary, _ = run(sizes=(8,), protocol={"calls": 7, "tasks": ("step",)}, one={})
    assert len(points(summary, "one")[8]["step_ms"]["raw"]) == 8  # two turns of four


def test_sizes_that_cannot_be_made_are_said(run):
    summary, lines = run(sizes=(30, 33), one={})
    assert "30 atoms: the nearest that cu makes is 32" in lines
    assert [point["n_atoms"] for point in summary["points"]] == [32]


def test_a_damaged_journal_is_one_line(run, tmp_path):
    run(sizes=(8,), one={})
    (tmp_path / "out" / JOURNAL).write_text("{")
    with pytest.raises(UserError, match=r"cannot be read .* --restart"):
        run(sizes=(8,), one={})


def test_two_runs_are_compared_by_their_intervals():
    ratio = {"model": "a", "n_atoms": 8, "task": "step", "ratio": 2.0, "low": 1.9, "high": 2.1}
    first = {"ratios": [ratio, ratio | {"model": "b"}, ratio | {"model": "gone"}]}
    second = {"ratios": [ratio | {"low": 2.05, "high": 2.3}, ratio | {"model": "b", "low": 2.2, "high": 2.3}]}
    assert [(one["model"], one["agree"]) for one in agreement(first, second)] == [("a", True), ("b", False)]


def test_a_busy_machine_is_noisy():
    assert warning(quietness([0.010, 0.0101, 0.0])) is None
    assert "up to 50 % longer" in warning(quietness([0.010, 0.015]))
    assert yardstick() > 0


def test_the_harness_measures_what_is_known(monkeypatch):
    monkeypatch.setattr(selfcheck, "ALLOWANCE", 1.0)
    monkeypatch.setattr(selfcheck, "SECONDS", 0.05)
    monkeypatch.setattr(selfcheck, "BYTES", 20_000_000)
    found = selfcheck.check_harness(lambda _line: None)
    assert found["overhead_us"] > 0
    assert found["time_error"] > -1e-3  # it cannot be faster than it is


def test_figure_and_csv(run, tmp_path):
    summary, _ = run(one={}, small={"memory_for": 50})
    write_speed_csv(tmp_path / "speed.csv", summary)
    header, *rows = (tmp_path / "speed.csv").read_text().splitlines()
    assert header.startswith("model,n_atoms,n_edges,batch,dtype,device")
    assert len(rows) == 6
    files = speed_figure(tmp_path / "speed", summary, "a title", {"one": "One"})
    assert all(file.stat().st_size > 1000 for file in files)
    assert [row[2] for row in speed_lines(summary) if row[0] == "small" and row[1] == "108"] == ["oom"]
    assert json.dumps(summary)


def test_sizes():
    assert parse_sizes("100..10000", 3) == (100, 1000, 10000)
    assert parse_sizes("300,100", 7) == (100, 300)
    for wrong in ("a..b", "1..", "0,5", "", "0..10", "500..100"):
        with pytest.raises(UserError, match="--sizes"):
            parse_sizes(wrong, 3)
