"""`alphanet repro NAME` for every card of accuracies, the project's or a user's."""

import copy
from pathlib import Path
from typing import Any

import typer

from alphanet.cli import repro_options as options
from alphanet.cli.options import AsJson
from alphanet.cli.several import SeveralNames

TREE = """\
{folder}
├── results.json    cells, notes, provenance
├── table.csv, table.md, table.tex
├── parity_COLUMN_MODEL.png, .svg, .pdf, .csv    predicted against reference, as Figure 1
├── records.jsonl    one line a measurement, only ever added to
└── runs/    DATASET-SCALE-MODEL-seedN-…: weights, logs, checkpoints; the same command resumes them"""
TEMPLATE = "CARD"  # the hidden command that stands for every card


class Benchmarks(SeveralNames):
    """Names that are no command of their own are cards of accuracies."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or the one for its card; none where there is neither."""
        found = super().get_command(ctx, cmd_name)
        if cmd_name != TEMPLATE and found is None and cmd_name in _card_names():
            found = copy.copy(self.commands[TEMPLATE])
            found.name, found.hidden, found.help = cmd_name, False, _title(cmd_name)
        return found

    def list_commands(self, ctx: Any) -> list[str]:
        """Cards first, then the other commands."""
        own = [name for name in super().list_commands(ctx) if name != TEMPLATE]
        return [*(name for name in _card_names() if name not in own), *own]


def card(
    context: typer.Context,
    scale: options.Scale = "mini",
    seeds: options.Seeds = None,
    epochs: options.Epochs = None,
    max_time: options.MaxTime = None,
    budget: options.Budget = None,
    only: options.Only = None,
    models: options.Models = None,
    datasets: options.Datasets = None,
    device: options.Device = "auto",
    mirror: options.Mirror = None,
    out: options.Out = Path("runs"),
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """A table of accuracies. The same command resumes."""
    from alphanet.data.progress import print_to_stderr
    from alphanet.paper.reproduce import Options
    from alphanet.report.benchmark_run import run_benchmark
    from alphanet.report.tables import print_sheet

    name = str(context.info_name)
    asked = Options(
        scale=scale,
        folder=out / name,
        device=options.device(device),
        seeds=seeds,
        epochs=epochs,
        max_time=max_time,
        budget=budget,
        only=options.names(only),
        models=options.names(models),
        datasets=options.names(datasets),
        mirror=mirror,
        restart=restart,
    )
    print_to_stderr(TREE.format(folder=asked.folder))
    finished = run_benchmark(name, asked, print_to_stderr)
    if as_json:
        print((asked.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(finished.sheet)
        for line in finished.lines:
            print(line)
    for failure in finished.outcome.failures:
        print_to_stderr(f"failed: {failure}")
    if finished.outcome.failures:
        raise typer.Exit(1)


def _card_names() -> list[str]:
    from alphanet.paper.benchmark import benchmark_names

    return benchmark_names()


def _title(name: str) -> str:
    """The card's own title; a card that is wrong says so when it is run."""
    from alphanet.cards import read_yaml
    from alphanet.errors import UserError
    from alphanet.paper.benchmark import benchmark_file

    try:
        values = read_yaml(benchmark_file(name))
    except UserError as error:
        return str(error)
    return f"{values.get('title', name) if isinstance(values, dict) else name}. The same command resumes."
