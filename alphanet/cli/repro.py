"""`alphanet repro`: the paper's tables, measured again, and what can be."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphanet.cli import repro_cost, repro_discovery, repro_list, repro_settings, repro_speed
from alphanet.cli.options import AsJson
from alphanet.cli.several import SeveralNames

if TYPE_CHECKING:
    from alphanet.paper.benchmark import Benchmark
    from alphanet.paper.reproduce import Options, Outcome

app = typer.Typer(
    help="Reproduce tables and figures of the paper; several names in one command run one after the other.",
    no_args_is_help=True,
    cls=SeveralNames,
)

TREE = """\
{folder}
├── results.json    cells, notes, provenance
├── table.csv, table.md, table.tex
├── parity_DATASET_MODEL.png, .svg, .pdf, .csv    predicted against reference, as Figure 1
├── records.jsonl    one line a measurement, only ever added to
└── runs/    DATASET-SCALE-MODEL-seedN-…: weights, logs, checkpoints; the same command resumes them"""


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    for command in (repro_discovery.table4, repro_speed.fig3a, repro_speed.fig3b, repro_speed.table5):
        app.command()(command)
    app.command()(repro_settings.table6)
    app.command()(repro_cost.table7)
    app.command("list")(repro_list.list_)
    parent.add_typer(app, name="repro")


@app.command()
def table1(
    scale: Annotated[str, typer.Option(help="mini (shipped miniatures), slice (real DFT frames) or full.")] = "mini",
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each model; two or more give a spread.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of each training, instead of the card's.")] = None,
    max_time: Annotated[
        float | None, typer.Option(min=1, help="Seconds of each training at most, instead of the card's.")
    ] = None,
    models: Annotated[str | None, typer.Option(help="Only these, separated by commas: alphanet,nequip,mean.")] = None,
    datasets: Annotated[str | None, typer.Option(help="Only these: formate,graphene.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of runs; results are in its folder table1.")] = Path("runs"),
    restart: Annotated[bool, typer.Option("--restart", help="Train again what is finished or begun.")] = False,
    as_json: AsJson = False,
) -> None:
    """AlphaNet and NequIP on formate and on defected graphene (Table 1). The same command resumes."""
    from alphanet.paper.benchmark import load_benchmark
    from alphanet.paper.reproduce import Options

    options = Options(
        scale=scale,
        folder=out / "table1",
        device=_device(device),
        seeds=seeds,
        epochs=epochs,
        max_time=max_time,
        models=_names(models),
        datasets=_names(datasets),
        mirror=mirror,
        restart=restart,
    )
    _run(load_benchmark("table1"), options, as_json)


def _run(benchmark: "Benchmark", options: "Options", as_json: bool) -> None:
    from alphanet.data.progress import print_to_stderr
    from alphanet.paper.reproduce import reproduce
    from alphanet.report.sheet import make_sheet
    from alphanet.report.tables import print_sheet, write_tables

    print_to_stderr(TREE.format(folder=options.folder))
    outcome = reproduce(benchmark, options, print_to_stderr)
    sheet = make_sheet(benchmark, options.scale, outcome.cells)
    write_tables(options.folder, sheet, outcome.cells, _beside(outcome))
    _draw(benchmark, options, outcome)
    if as_json:
        print((options.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(sheet)
    for failure in outcome.failures:
        print_to_stderr(f"failed: {failure}")
    if outcome.failures:
        raise typer.Exit(1)


def _beside(outcome: "Outcome") -> dict[str, object]:
    from alphanet.provenance import where

    return {"failures": outcome.failures, "provenance": {"command": shlex.join(["alphanet", *sys.argv[1:]]), **where()}}


def _draw(benchmark: "Benchmark", options: "Options", outcome: "Outcome") -> None:
    from alphanet.report.figures import parity_figure, write_parity_csv

    for (row, column), samples in outcome.samples.items():
        described = benchmark.columns[column]
        title = f"{row} on {described.title}, scale {options.scale}, seed 0"
        name = f"parity_{column}_{benchmark.rows[row].model}"
        parity_figure(options.folder / name, title, samples)
        write_parity_csv(options.folder / f"{name}.csv", samples)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip()) if text else ()


def _device(asked: str) -> str:
    import torch

    if asked != "auto":
        return asked
    return "cuda" if torch.cuda.is_available() else "cpu"
