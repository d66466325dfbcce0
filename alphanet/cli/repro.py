"""`alphanet repro`: the paper's tables and figures, measured again."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import choices, repro_all
from alphanet.cli import options as o
from alphanet.cli.groups import DefaultGroup
from alphanet.cli.output import print_json, print_table
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.benchmark.card import AnyCard
    from alphanet.benchmark.kind import RunOptions
    from alphanet.benchmark.listing import BenchmarkInfo
    from alphanet.results.schema import BenchmarkResult

logger = logging.getLogger(__name__)

RUNS = Path("runs")
REASONS = 3  # of a result without a number that are shown
NAMES_EXAMPLES = """Examples:

alphanet repro table1

alphanet repro table1 --only AlphaNet/formate --budget 10m --seeds 2

alphanet repro fig3a table5 --device cuda --out runs/gpu"""
ALL_EXAMPLES = """Examples:

alphanet repro all --budget 50m

alphanet repro all --only '*:AlphaNet*,table1:NequIP' --budget 2m

alphanet repro all --scale full --dry-run"""

app = typer.Typer(
    help="Reproduce tables and figures of the paper: `repro NAME...`, `repro all`, `repro list`.",
    no_args_is_help=True,
    cls=DefaultGroup,
    epilog=NAMES_EXAMPLES,
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    parent.add_typer(app, name="repro")


@app.command("run", epilog=NAMES_EXAMPLES)
def run(
    names: o.BenchmarkNames,
    scale: o.Scale = None,
    only: o.Only = None,
    seeds: o.Seeds = None,
    seed: o.Seed = None,
    relax: o.Relax = None,
    restart: o.Restart = False,
    dry_run: o.DryRun = False,
    budget: o.Budget = None,
    max_time: o.MaxTime = None,
    epochs: o.Epochs = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    mode: o.Mode = None,
    max_memory: o.MaxMemory = None,
    cluster: o.Cluster = None,
    structures: o.Structures = None,
    truth: o.Truth = None,
    predictions: o.Predictions = None,
    references: o.References = None,
    reference: o.Reference = None,
    mirror: o.Mirror = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Reproduce the named tables and figures, one after another. The same command resumes.

    `repro` without `run` does the same. The exit code is 1 if something failed or nothing could be measured.
    """
    values = run_values(
        seeds=seeds, seed=seed, relax=relax, restart=restart, budget=budget, max_time=max_time, epochs=epochs,
        device=device, threads=threads, mode=mode, max_memory=max_memory, cluster=cluster, structures=structures,
        truth=truth, predictions=predictions, references=references, reference=reference, mirror=mirror, out=out,
    )  # fmt: skip
    chosen = choices.named_choices(names, scale=scale, only=only, values=values)
    if dry_run:
        repro_all.print_dry_run(chosen, as_json=as_json)
    elif len(chosen) == 1:
        run_and_print(chosen[0].card, chosen[0].options, as_json=as_json)
    else:
        _run_several(chosen, as_json)


@app.command("all", epilog=ALL_EXAMPLES)
def all_(
    scale: o.Scale = None,
    only: o.Only = None,
    seeds: o.Seeds = None,
    restart: o.Restart = False,
    dry_run: o.DryRun = False,
    budget: o.Budget = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    mirror: o.Mirror = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Reproduce every table and figure, one after another, each in a process of its own.

    A failure costs only itself. The same command resumes. The budget is divided by the cards' limits.
    """
    values = run_values(
        seeds=seeds, restart=restart, budget=budget, device=device, threads=threads, mirror=mirror, out=out
    )
    chosen = choices.all_choices(scale=scale, only=only, values=values)
    if dry_run:
        repro_all.print_dry_run(chosen, as_json=as_json)
    elif not repro_all.run_all(chosen, as_json=as_json):
        raise typer.Exit(1)


@app.command("list", epilog="Example:\n\nalphanet repro list --json")
def list_(as_json: o.AsJson = False) -> None:
    """List what can be reproduced: scales, cost, and whether data and environments are here."""
    from alphanet.benchmark.listing import list_benchmarks

    infos = list_benchmarks()
    if as_json:
        print_json("alphanet-benchmarks", {"benchmarks": [info.model_dump(mode="json") for info in infos]})
        return
    rows = [
        (info.name, info.scale, "yes" if info.comparable else "no", info.cost, _data(info), _environments(info))
        for info in infos
    ]
    columns = ("name", "scale", "comparable", "cost", "data", "environments")
    print_table(columns, rows, left=columns)


def run_values(
    *, budget: float | None = None, out: Path | None = None, device: str = "auto", **values: Any
) -> dict[str, object]:
    """Fields of `RunOptions` that the user gave.

    Args:
        budget: seconds; None: no limit but the cards'.
        out: folder of runs; None: `runs`.
        device: `auto` is left to the runner.
        values: options whose names and units are those of the fields.
    """
    minutes = None if budget is None else budget / 60
    return o.given(budget=minutes, out=out or RUNS, device=None if device == "auto" else device, **values)


def run_card(card: "AnyCard", folder: Path, as_json: bool, **values: Any) -> None:
    """Run a card that a command made into `folder`, whose name the card has, and print its result."""
    from alphanet.benchmark.kind import RunOptions

    (scale,) = card.scales
    options = RunOptions.model_validate({"scale": scale, **run_values(out=folder.parent, **values)})
    run_and_print(card, options, as_json=as_json)


def run_and_print(card: "AnyCard", options: "RunOptions", *, as_json: bool) -> None:
    """Run a benchmark and print its result.

    Raises:
        UserError: the options do not fit the card, or the folder cannot be written.
        typer.Exit: 1 if something failed or nothing was measured.
    """
    from alphanet.report.reproduction import reproduce

    result = reproduce(card, options)
    if as_json:
        print(result.to_json(), end="")
    if not _print(result, card, options, as_json=as_json):
        raise typer.Exit(1)


def _print(result: "BenchmarkResult", card: "AnyCard", options: "RunOptions", *, as_json: bool) -> bool:
    """Print a result unless it is printed as JSON, or say that nothing was measured; returns whether all went well."""
    from alphanet.benchmark.selection import anything_measured, selected_places

    places = selected_places(card, options.only)
    measured = anything_measured(result, places)
    if not measured:
        selected = [cell for cell in result.cells if (cell.row, cell.column) in places]
        reasons = dict.fromkeys(cell.reason for cell in selected if cell.reason) or dict.fromkeys(result.problems)
        shown = "; ".join(list(reasons)[:REASONS])
        logger.error("%s: nothing could be measured%s", result.name, f": {shown}" if shown else "")
    if not as_json and (measured or result.cells or result.grids):
        from alphanet.report.terminal import print_result

        print_result(result)
    return measured and not result.failures


def _run_several(chosen: Sequence[choices.Choice], as_json: bool) -> None:
    """Run one after another; what fails costs only itself."""
    from alphanet.report.reproduction import reproduce

    results, succeeds = [], []
    for choice in chosen:
        try:
            result = reproduce(choice.card, choice.options)
        except UserError as error:
            logger.error("failed: %s: %s", choice.name, error)
            succeeds.append(False)
            continue
        results.append(result)
        succeeds.append(_print(result, choice.card, choice.options, as_json=as_json))
    if as_json:
        print_json("alphanet-result-list", {"results": [json.loads(result.to_json()) for result in results]})
    if not all(succeeds):
        raise typer.Exit(1)


def _data(info: "BenchmarkInfo") -> str:
    return f"missing: {', '.join(info.missing_data)}" if info.missing_data else "here"


def _environments(info: "BenchmarkInfo") -> str:
    if not info.environments:
        return "none needed"
    made = len(info.environments) - len(info.missing_environments)
    return f"{made} of {len(info.environments)} made" + (", the rest on demand" if info.missing_environments else "")
