"""Sweeps with workers whose behaviour is known; what they take is never asserted, only what is made of it."""

import json
import sys
from pathlib import Path

import pytest

from alphanet.cli.bench_options import parse_sizes
from alphanet.errors import UserError
from alphanet.measure.speed import sweep as module
from alphanet.measure.speed.contestants import Contestant, Setting
from alphanet.measure.speed.point import Protocol
from alphanet.measure.speed.sweep import JOURNAL, Sweep, run_sweep
from alphanet.report.speed import speed_figure, speed_lines, write_speed_csv

WORKER = """
import hashlib, os, pathlib, time


def load(request):
    kind = request["architecture"]
    return (Split if kind.get("split", True) else Whole)(kind)


class Whole:
    def __init__(self, kind):
        self.kind = kind
        self.info = {"parameters": 1, "cutoff": 3.0, "dtype": "float32"}

    def predict(self, structures):
        atoms = int(structures.counts.sum())
        if atoms > self.kind.get("memory_for", 1e9):
            raise MemoryError("unable to allocate")
        if atoms > self.kind.get("lives_for", 1e9):
            os.kill(os.getpid(), 9)
        if atoms > self.kind.get("works_for", 1e9):
            raise ValueError("no such orbital")
        with pathlib.Path(self.kind["seen"]).open("a") as seen:
            seen.write(hashlib.sha256(structures.positions.tobytes()).hexdigest() + "\\n")
        time.sleep(1e-6 * atoms * self.kind.get("slowness", 1.0))


class Split(Whole):
    def prepare(self, structures):
        return structures

    def evaluate(self, structures):
        self.predict(structures)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that sweeps over contestants described by keywords; returns the summary and the lines reported."""
    (tmp_path / "worker.py").write_text(WORKER)
    kinds: dict[str, dict] = {}

    def make(name: str, setting: Setting) -> Contestant:
        request = {"architecture": kinds[name] | {"seen": str(tmp_path / f"{name}.seen")}, "elements": []}
        return Contestant(name, name, Path(sys.executable), (tmp_path,), {}, request, {"kind": str(kinds[name])})

    monkeypatch.setattr(module, "contestant", make)

    def call(sizes=(8, 32, 100), restart=False, dtype="float32", budget=20.0, batch=1, **described: dict):
        kinds.clear()
        kinds.update(described)
        setting = Setting("untrained", dtype, "cpu", 1, 0)
        sweep = Sweep(tuple(described), tuple(sizes), "cu", setting, Protocol(batch=batch, rounds=2), budget)
        lines: list[str] = []
        return run_sweep(sweep, tmp_path / "out", lines.append, restart=restart), lines

    return call


def points(summary, model):
    return {point["n_atoms"]: point for point in summary["points"] if point["model"] == model}


def test_points_ratios_and_exponents(run, tmp_path):
    summary, _ = run(one={}, two={"slowness": 2.0, "split": False}, batch=2)
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
    assert len(summary["points"]) == 2
    assert [line for line in said if "measured before" in line] == ["      8 atoms  measured before"]


def test_other_conditions_do_not_share_a_curve(run):
    run(sizes=(8,), one={})
    with pytest.raises(UserError, match=r"measured with other setting; .* choose another --out, or add --restart"):
        run(sizes=(8, 32), one={}, dtype="float64")
    with pytest.raises(UserError, match="measured with other models"):
        run(sizes=(8, 32), one={"slowness": 3})
    summary, _ = run(sizes=(8,), one={}, dtype="float64", restart=True)
    assert summary["provenance"]["setting"]["dtype"] == "float64"


def test_figure_and_csv(run, tmp_path):
    summary, _ = run(one={}, small={"memory_for": 50})
    write_speed_csv(tmp_path / "speed.csv", summary)
    header, *rows = (tmp_path / "speed.csv").read_text().splitlines()
    assert header.startswith("model,n_atoms,n_edges,batch,dtype,device")
    assert len(rows) == 6
    files = speed_figure(tmp_path / "speed", summary, "a title")
    assert all(file.stat().st_size > 1000 for file in files)
    assert [row[2] for row in speed_lines(summary) if row[0] == "small" and row[1] == "108"] == ["oom"]
    assert json.dumps(summary)


def test_sizes():
    assert parse_sizes("100..10000", 3) == (100, 1000, 10000)
    assert parse_sizes("300,100", 7) == (100, 300)
    for wrong in ("a..b", "1..", "0,5", ""):
        with pytest.raises(UserError, match="--sizes"):
            parse_sizes(wrong, 3)
