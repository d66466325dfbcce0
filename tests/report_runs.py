"""Runs as the commands leave them, made of numbers that the tests know."""

import json
from pathlib import Path

from bilayers import Formula, write_reference

from alphanet.files import write_text
from alphanet.measure.landscape import measure_landscape, read_reference
from alphanet.paper.benchmark import Table, load_benchmark, read_benchmark
from alphanet.paper.cells import build_cells
from alphanet.paper.claims import fastest_claim, sliding_claim
from alphanet.paper.discovery_cards import DiscoveryTable
from alphanet.paper.landscape_cards import LandscapeFigure
from alphanet.paper.speed_cards import SpeedFigure
from alphanet.report.landscape import binding_figure, sliding_figure, write_landscape_csv
from alphanet.report.memory import write_memory
from alphanet.report.sheet import make_sheet
from alphanet.report.speed import write_speed
from alphanet.report.tables import write_tables
from alphanet.report.tradeoff import tradeoff_rows, write_tradeoff
from alphanet.results import Record, append_record

HARDWARE = {"cpu": "a CPU <&>", "cores": 2, "memory_gib": 8.0, "gpus": []}
WHERE = {
    "hardware": HARDWARE,
    "software": {"python": "3.11", "torch": "2.9"},
    "code": {"version": "0.1.0", "commit": "c0ffee" * 6},
}
WHEN = "2026-11-25T12:00:00+00:00"


def record(what: dict, model: str, seed: int = 0) -> Record:
    on, how = {"dataset": "made up", "split": "test"}, {"protocol": "made up", "seed": seed}
    return Record(what, on, {"name": model}, how, WHERE, WHEN)


def table1(folder: Path, scale: str = "mini", energy_mae: float = 0.0021, row: str = "AlphaNet") -> Path:
    """Table 1 with `row` on formate in two seeds, the mean in one, and NequIP failed."""
    card = load_benchmark("table1")
    records = {
        (row, "formate"): [
            record({"energy_mae": factor * energy_mae, "force_mae": 0.0455}, "alphanet", seed)
            for seed, factor in enumerate((0.99, 1.01))
        ],
        ("mean", "formate"): [record({"energy_mae": 0.0194, "force_mae": 0.4391}, "mean")],
    }
    missing = {("NequIP", "formate"): "nequip <cannot> be had"}
    return _table(folder, card, scale, records, missing)


def table4(folder: Path) -> Path:
    """Table 4 with the row AlphaNet, to the paper's value in F1, and its interval."""
    card = read_benchmark("table4", DiscoveryTable)
    what = {"f1": 0.7991, "daf": 4.5, "precision": 0.75, "accuracy": 0.9, "mae": 0.041, "r2": 0.745}
    what["intervals"] = {"f1": [0.795, 0.803], "daf": [4.4, 4.6]}
    return _table(folder, card, "full", {("AlphaNet", "wbm"): [record(what, "alphanet")]}, {})


def fig3a(folder: Path) -> Path:
    """Figure 3a with two models at two sizes, one of which was out of memory."""
    card = read_benchmark("fig3a", SpeedFigure)
    summary = sweep({"alphanet@fig3a": (10.0, 40.0), "schnet@fig3a": (5.0, None)})
    write_speed(folder, summary, "fig3a")
    claim = fastest_claim(card, summary, "fewer batches")
    return _figure(folder, card, {"claims": [claim], "missing": {"MACE": "mace cannot be had"}})


def fig3b(folder: Path) -> Path:
    card = read_benchmark("fig3b", SpeedFigure)
    summary = sweep({"alphanet@mptrj": (10.0,), "chgnet@mptrj": (None,)})
    write_speed(folder, summary)
    rows = tradeoff_rows(card.rows, summary, {}, {})
    write_tradeoff(folder, rows, "somewhere")
    return _figure(folder, card, {"rows": rows, "missing": {}})


def fig1(folder: Path) -> Path:
    """Figure 1 with landscapes that follow formulas."""
    card = read_benchmark("fig1", LandscapeFigure)
    reference = read_reference(write_reference(folder / "given.extxyz", Formula()), ("C",))
    landscape = measure_landscape(Formula(height=0.0037), reference, batch_size=8)
    one = record(landscape.metrics(), "alphanet")
    append_record(folder / "records.jsonl", one)
    sliding_figure(folder / "sliding_alphanet", "made up", "AlphaNet", landscape, 0.4)
    binding_figure(folder / "binding_alphanet", "made up", "AlphaNet", landscape)
    write_landscape_csv(folder, "alphanet", landscape)
    shown = {"row": "AlphaNet", "model": "alphanet", "record": one.id} | landscape.metrics()
    claim = sliding_claim(card, landscape, "made up")
    return _figure(folder, card, {"claims": [claim], "landscapes": [shown], "missing": {"NequIP": "no <nequip>"}})


def speed(folder: Path) -> Path:
    write_speed(folder, sweep({"alphanet": (10.0, 40.0), "schnet": (5.0, None)}))
    return folder


def memory(folder: Path) -> Path:
    trial = {"model": "alphanet", "task": "step", "batch": 1, "seconds": 1.5, "resident_before_mb": 100.0}
    trials = [
        trial | {"n_atoms": 96, "status": "ok", "reason": None, "peak_memory_mb": {"resident": 300.0}},
        trial | {"n_atoms": 288, "status": "out of memory", "reason": "no room", "peak_memory_mb": {}},
    ]
    limit = {"n_atoms": 288, "status": "out of memory", "reason": "no room"}
    found = {"model": "alphanet", "largest": 96, "limited_by": limit, "kb_per_atom": 2083.3, "seconds": 1.5}
    found |= {"scaling": None, "training_mb_per_sample": None, "training_reason": "no room"}
    search = {"structures": "zeolite", "memory_limit": None, "setting": {"device": "cpu", "dtype": "float32"}}
    provenance = {"search": search, "hardware": HARDWARE, "software": {}, "begun": WHEN}
    write_memory(folder, {"models": [found], "trials": trials, "provenance": provenance})
    return folder


def physics(folder: Path) -> Path:
    check = {"check": "rotation: energy", "group": "rotation", "value": 3.2e-12, "unit": "eV/atom", "limit": 1e-10}
    check |= {"passed": True, "reason": None, "where": None}
    broken = check | {"check": "mirror: forces", "group": "mirror", "value": 0.02, "passed": False, "where": "quartz"}
    absent = check | {"check": "cap", "group": "cap", "value": None, "limit": None, "passed": None, "reason": "no cap"}
    models = [
        {"model": "some/where/a.ckpt", "untrained": False, "precision": "float64", "checks": [check, broken, absent]},
        {"model": "b", "untrained": True, "checks": [], "error": "b cannot be had"},
    ]
    write_text(folder / "physics.json", json.dumps({"models": models, "where": WHERE}))
    return folder


def stability(folder: Path) -> Path:
    score = {"subset": "full", "n": 100, "missing": 1, "f1": 0.75, "mae": 0.041, "intervals": {"f1": [0.7, 0.8]}}
    write_text(folder / "metrics.json", json.dumps(score | {"subsets": {"unique": score | {"subset": "unique"}}}))
    return folder


def every_run(folder: Path) -> Path:
    """A folder with one run of each kind."""
    for make in (table1, table4, fig1, fig3a, fig3b, speed, memory, physics, stability):
        make(folder / make.__name__)
    return folder


def sweep(times: dict[str, tuple[float | None, ...]]) -> dict:
    """What `speed.json` says of models with these medians (ms) at 24, 48, … atoms; none: out of memory."""
    points = [_point(model, 24 * 2**place, ms) for model, found in times.items() for place, ms in enumerate(found)]
    reference, *others = times
    ratio = {"n_atoms": 24, "task": "step", "ratio": 0.5, "low": 0.4, "high": 0.6, "passes": 3}
    exponent = {"model": reference, "quantity": "step_time", "exponent": 2.0, "error": 0.1, "n_sizes": 2}
    setting = {"weights": "untrained", "dtype": "float32", "device": "cpu", "threads": 1, "seed": 0}
    provenance = {"models": {model: {} for model in times}, "structures": "zeolite", "setting": setting}
    provenance |= {"mode": "eager", "hardware": HARDWARE, "software": {}, "begun": WHEN, "protocol": {"batch": 1}}
    return {
        "points": points,
        "ratios": [ratio | {"model": model} for model in others],
        "scaling": [exponent],
        "quiet": {"noisy": True, "drift": 0.2, "allowed": 0.15, "yardstick_ms": []},
        "reference": reference,
        "tasks": ["step"],
        "provenance": provenance,
    }


def _point(model: str, n_atoms: int, ms: float | None) -> dict:
    point = {"model": model, "n_atoms": n_atoms, "n_edges": 10 * n_atoms, "batch": 4, "dtype": "float32"}
    point |= {"device": "cpu", "threads": 1, "passes": 3, "peak_memory_mb": {"resident": 300.0}}
    point |= {"resident_before_mb": 200.0}
    if ms is None:
        return point | {"status": "out of memory", "reason": "no room", "step_ms": None}
    quartiles = {"median": ms, "q25": 0.9 * ms, "q75": 1.1 * ms, "raw": [ms] * 5}
    return point | {"status": "ok", "reason": None, "step_ms": quartiles}


def _table(folder: Path, card: Table, scale: str, records: dict, missing: dict) -> Path:
    for found in records.values():
        for one in found:
            append_record(folder / "records.jsonl", one)
    cells = build_cells(card, scale, records, missing=missing)
    beside = {"failures": [], "provenance": {"command": f"alphanet repro {card.name} --scale {scale}", **WHERE}}
    write_tables(folder, make_sheet(card, scale, cells), cells, beside)
    return folder


def _figure(folder: Path, card: SpeedFigure | LandscapeFigure, found: dict) -> Path:
    described = {"title": card.title, "scale": "mini", "protocol": "short", "source": card.source, "measured": "here"}
    described |= {"comparable": False, "reason": "fewer batches", "notes": list(card.notes)}
    provenance = {"command": f"alphanet repro {card.name}", **WHERE}
    write_text(folder / "results.json", json.dumps(described | found | {"provenance": provenance}))
    return folder
