"""Runs as the runner leaves them, made of numbers that the tests know."""

from pathlib import Path

from alphanet.benchmark.findings import Findings
from alphanet.benchmark.judging import build_cells
from alphanet.benchmark.loading import read_benchmark
from alphanet.files import sha256_of, write_text
from alphanet.results.facts import cell_facts
from alphanet.results.records import Record, RecordLog
from alphanet.results.schema import BenchmarkResult, Claim, Curve, Figure, Grid, Number, Point, Provenance

CARDS = Path(__file__).parents[1] / "benchmark" / "cards"
WHERE = {
    "hardware": {"cpu": "a CPU <&>", "cores": 2, "memory_gib": 8.0, "gpus": []},
    "software": {"python": "3.11", "torch": "2.9"},
    "code": {"version": "0.1.0", "commit": "c0ffee" * 6},
}
WHEN = "2026-11-25T12:00:00+00:00"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="9" height="9"/></svg>'


def record(metrics: dict, model: str, seed: int = 0, code: dict | None = None, **protocol) -> Record:
    return Record(
        metrics=metrics,
        data={"dataset": "made up", "split": "test"},
        model={"name": model},
        protocol={"benchmark": "made up", "seed": seed, **protocol},
        environment=WHERE | ({"code": code} if code else {}),
        when=WHEN,
    )


def table(
    folder: Path, scale: str = "mini", energy_mae: float = 0.0021, row: str = "AlphaNet", spread: float = 0.01
) -> Path:
    """The table of the tests with `row` on formate in two seeds, the mean in one, and the peer failed."""
    errors = folder / "runs" / "seed0" / "frames.npz"
    errors.parent.mkdir(parents=True, exist_ok=True)
    errors.write_bytes(b"\x00\xff")  # no text
    named = {"file": str(errors.relative_to(folder)), "sha256": sha256_of(errors)}
    records = {
        (row, "formate"): [
            record({"energy_mae": factor * energy_mae, "force_mae": 0.0455}, "alphanet", seed, frame_errors=named)
            for seed, factor in enumerate((1 - spread, 1 + spread))
        ],
        ("mean", "formate"): [record({"energy_mae": 0.0194, "force_mae": 0.4391}, "mean")],
    }
    findings = Findings(records=records, missing={("Peer", "formate"): "peer <cannot> be had"})
    return written(folder, "table", scale, findings)


def scores(folder: Path) -> Path:
    """A comparable table with intervals: one value reproduced, others better, worse and inconsistent."""
    metrics = {"f1": 0.7991, "daf": 4.5, "mae": 0.041, "intervals": {"f1": [0.795, 0.803], "daf": [4.4, 4.6]}}
    findings = Findings(records={("AlphaNet", "wbm"): [record(metrics, "alphanet")]})
    return written(folder, "scores", "full", findings)


def figure(folder: Path) -> Path:
    """A figure with claims, a grid with measured and printed numbers, curves and a drawing."""
    for ending, text in (("svg", SVG), ("png", "png"), ("pdf", "pdf"), ("csv", "atoms,ms\n24,10\n")):
        write_text(folder / f"curves.{ending}", text)
    write_text(folder / "speed.json", '{"points": [{"n_atoms": 24, "median": 10.0}]}')
    origin = "points/AlphaNet/24"
    time = Number(text="10.0 (9.00–11.0)", value=10.0, origin=origin, interval=(9.0, 11.0))
    rows = (("AlphaNet", time, Number(text="0.799", value=0.799, origin="", paper=True), "ok"),)
    law = Curve(row="AlphaNet", quantity="step", x_title="atoms", y_title="time", points=(Point(x=24, y=10.0),))
    result = BenchmarkResult(
        kind="speed",
        name="figure",
        title="A figure: time against size",
        scale="mini",
        scales=("mini", "full"),
        source="made up",
        protocol="As short as can be.",
        conditions="here",
        comparable=False,
        reason="fewer batches",
        when=WHEN,
        claims=(
            claim("fastest", "AlphaNet is the fastest", "contradicted", details=("24 atoms: ahead of it SchNet",)),
            claim("small", "the difference is small", "supported", effect=0.3, threshold=0.4),
        ),
        grids=(
            Grid(id="points", title="Times", columns=("model", "ms", "F1 (paper)", "state"), rows=rows),
            Grid(
                id="long",
                title="All checks",
                columns=("check", ""),
                rows=(("rotation", "ok"), ("cap", "FAILS")),
                folded=True,
            ),
        ),
        curves=(law,),
        figures=(
            Figure(
                name="curves",
                title="Time",
                files={ending: f"curves.{ending}" for ending in ("svg", "png", "pdf", "csv")},
            ),
        ),
        notes=("the machine was busy",),
        problems=("MACE: not run: mace cannot be had",),
        origins={origin: {"model": "alphanet", "file": "speed.json"}},
        provenance=Provenance(command="alphanet repro figure", **WHERE),
    )
    result.write(folder)
    return folder


def claim(name: str, text: str, outcome: str, **values) -> Claim:
    where = {"place": "section 1", "scale": "mini", "test": "made up"}
    return Claim(id=name, text=text, outcome=outcome, verdict=f"{outcome} (fewer batches)", **where, **values)


def every_run(folder: Path) -> Path:
    """A folder with one run of each form."""
    for make in (table, scores, figure):
        make(folder / make.__name__)
    return folder


def written(folder: Path, card_name: str, scale: str, findings: Findings) -> Path:
    """The result and records of a table in `folder`."""
    card = read_benchmark(CARDS / f"{card_name}.yaml")
    log = RecordLog(folder / "records.jsonl")
    records = [log.add(one) for kept in findings.records.values() for one in kept]
    cells = build_cells(card, scale, findings)
    BenchmarkResult(
        kind=card.kind,
        name=card.name,
        title=card.title,
        scale=scale,
        scales=tuple(card.scales),
        source=card.source,
        protocol=card.scale(scale).protocol,
        comparable=card.scale(scale).comparable,
        reason=card.scale(scale).reason,
        when=WHEN,
        across=card.across,
        trivial=tuple(name for name, row in card.rows.items() if row.trivial),
        cells=tuple(cells),
        notes=card.notes,
        records={one.id: one for one in records},
        origins={cell.origin: cell_facts(findings.records[cell.row, cell.column]) for cell in cells if cell.origin},
        provenance=Provenance(command=f"alphanet repro {card.name} --scale {scale}", **WHERE),
    ).write(folder)
    return folder
