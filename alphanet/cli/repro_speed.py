"""`alphanet repro fig3a`, `fig3b`, `table5`: what the paper says of speed and memory, measured again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import bench_options
from alphanet.cli.options import AsJson, Device
from alphanet.data.progress import print_to_stderr

if TYPE_CHECKING:
    from alphanet.paper.efficiency import Options
    from alphanet.paper.speed_cards import SpeedFigure

Scale = Annotated[str, typer.Option(help="mini (minutes on two cores) or full.")]
Rows = Annotated[
    str | None, typer.Option("--models", "--only", help="Only these rows of the paper, separated by commas.")
]
Minutes = Annotated[
    float | None, typer.Option("--budget", min=0.1, help="Minutes for the whole, instead of the card's.")
]
Out = Annotated[Path, typer.Option(help="Folder of runs; results are in a folder of the figure's or table's name.")]
Structures = Annotated[str | None, typer.Option("--structures", help="A material or file, instead of the card's.")]


def fig3a(
    scale: Scale = "mini",
    models: Rows = None,
    budget: Minutes = None,
    device: Device = "cpu",
    threads: bench_options.Threads = 1,
    mode: bench_options.Mode = "eager",
    max_memory: bench_options.MaxMemory = None,
    out: Out = Path("runs"),
    restart: bench_options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Time of energy and forces against size, six models, batches of 10 (Figure 3a). The same command resumes."""
    from alphanet.cli.bench import print_summary
    from alphanet.paper.claims import claim_lines, fastest_claim
    from alphanet.paper.efficiency import measure_figure
    from alphanet.report.speed import where_text, write_speed

    card = _figure("fig3a")
    options = _options(out / "fig3a", scale, device, threads, mode, models, budget, max_memory, restart)
    summary, missing = measure_figure(card, options, ("step", "forward"), print_to_stderr)
    write_speed(options.folder, summary, "fig3a", {row.model: title for title, row in card.rows.items()})
    claim = fastest_claim(card, summary, _why_not(card, options))
    _write_results(card, options, where_text(summary), {"claims": [claim], "missing": missing})
    if as_json:
        print(json.dumps(summary | claim | {"missing": missing}))
        return
    print(f"{card.title} · scale {scale}\n{card.scale(scale).protocol}")
    print_summary(summary)
    _print_lines([*claim_lines(claim), *_missing_lines(missing), *card.notes])


def fig3b(
    scale: Scale = "mini",
    models: Rows = None,
    budget: Minutes = None,
    device: Device = "cpu",
    threads: bench_options.Threads = 1,
    mode: bench_options.Mode = "eager",
    max_memory: bench_options.MaxMemory = None,
    out: Out = Path("runs"),
    restart: bench_options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Energies per second, measured, against F1 on WBM (Figure 3b): Table 4's where it was run, else the published."""
    from alphanet.cli.bench import print_table
    from alphanet.paper.computed_f1 import computed_f1
    from alphanet.paper.efficiency import measure_figure
    from alphanet.report.speed import where_text, write_speed
    from alphanet.report.tradeoff import tradeoff_rows, write_tradeoff

    card = _figure("fig3b")
    options = _options(out / "fig3b", scale, device, threads, mode, models, budget, max_memory, restart)
    summary, missing = measure_figure(card, options, ("step",), print_to_stderr)
    write_speed(options.folder, summary, names={row.model: title for title, row in card.rows.items()})
    rows = tradeoff_rows(card.rows, summary, missing, computed_f1(out / "table4"))
    write_tradeoff(options.folder, rows, where_text(summary))
    _write_results(card, options, where_text(summary), {"rows": rows, "missing": missing})
    if as_json:
        print(json.dumps(rows))
        return
    print(f"{card.title} · scale {scale}\n{card.scale(scale).protocol}\n{where_text(summary)}")
    lines = [
        (
            row["row"],
            f"{row['f1']:.3f}, {row['f1_is']}",
            f"{row['parameters'] / 1e6:.3g} M",
            _rate(row),
            row["reason"] or "",
        )
        for row in rows
    ]
    print_table(("model", "F1", "parameters", "energies/s, measured", ""), lines)
    _print_lines([f"not comparable: {_why_not(card, options)}", *card.notes])


def table5(
    scale: Scale = "mini",
    models: Rows = None,
    budget: Minutes = None,
    device: Device = "cpu",
    threads: bench_options.Threads = 1,
    mode: bench_options.Mode = "eager",
    structures: Structures = None,
    max_memory: bench_options.MaxMemory = None,
    out: Out = Path("runs"),
    restart: bench_options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Speed and memory of training and inference on OC20-like structures (Table 5). The same command resumes."""
    from alphanet.paper.benchmark import read_benchmark
    from alphanet.paper.efficiency import measure_table
    from alphanet.paper.speed_cards import SpeedTable
    from alphanet.provenance import by_command
    from alphanet.report.sheet import make_sheet
    from alphanet.report.speed import write_speed
    from alphanet.report.tables import print_sheet, write_tables

    card = read_benchmark("table5", SpeedTable)
    options = _options(out / "table5", scale, device, threads, mode, models, budget, max_memory, restart, structures)
    outcome = measure_table(card, options, print_to_stderr)
    for part, summary in outcome.summaries.items():
        write_speed(options.folder / part, summary, names={row.model: title for title, row in card.rows.items()})
    sheet = make_sheet(card, scale, outcome.cells)
    beside = {"failures": outcome.failures, "provenance": by_command()}
    write_tables(options.folder, sheet, outcome.cells, beside)
    if as_json:
        print((options.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(sheet)
    _print_lines([f"failed: {failure}" for failure in outcome.failures if "left out" not in failure])


def _options(
    folder: Path,
    scale: str,
    device: str,
    threads: int,
    mode: str,
    models: str | None,
    minutes: float | None,
    max_memory: float | None,
    restart: bool,
    structures: str | None = None,
) -> "Options":
    from alphanet.paper.efficiency import Options

    bench_options.require_one_of("--mode", mode, bench_options.MODES)
    bench_options.require_device(device, "float32")
    print_to_stderr(f"{folder}: the same command goes on from what is measured there")
    return Options(
        scale=scale,
        folder=folder,
        device=device,
        threads=threads,
        mode=mode,
        structures=structures,
        models=bench_options.parse_names(models) if models else (),
        minutes=minutes,
        memory_limit=bench_options.memory_limit(max_memory, device),
        restart=restart,
    )


def _figure(name: str) -> "SpeedFigure":
    from alphanet.paper.benchmark import read_benchmark
    from alphanet.paper.speed_cards import SpeedFigure

    return read_benchmark(name, SpeedFigure)


def _why_not(card: "SpeedFigure", options: "Options") -> str:
    from alphanet.paper.speed_cards import deviations
    from alphanet.provenance import hardware

    protocol = card.scale(options.scale)
    return protocol.reason or ", ".join(deviations(protocol, options.structures, hardware()))


def _write_results(card: "SpeedFigure", options: "Options", where_measured: str, found: Mapping[str, Any]) -> None:
    from alphanet.files import write_text
    from alphanet.provenance import by_command

    protocol = card.scale(options.scale)
    values = {
        "title": card.title,
        "scale": options.scale,
        "protocol": protocol.protocol,
        "source": card.source,
        "measured": where_measured,
        "comparable": not _why_not(card, options),
        "reason": _why_not(card, options),
        **found,
        "notes": card.notes,
        "provenance": by_command(),
    }
    write_text(options.folder / "results.json", json.dumps(values, indent=1, ensure_ascii=False) + "\n")


def _missing_lines(missing: Mapping[str, str]) -> list[str]:
    return [f"{row}: not run: {why}" for row, why in missing.items()]


def _rate(row: Mapping[str, Any]) -> str:
    if row["status"] != "ok":
        return "–"
    return f"{row['energies_per_s']:.3g} ({row['low']:.3g}–{row['high']:.3g})"


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)
