"""`alphanet bench`: speed and memory against system size."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli.options import AsJson, Device, Dtype, Seed
from alphanet.data.progress import print_to_stderr
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.measure.speed.sweep import Sweep

app = typer.Typer(help="Measure speed and memory, every model in one run.", no_args_is_help=True)

FIGURE_3A = "alphanet,schnet,painn,nequip,mace,equiformer-v2"
WEIGHTS, MODES = ("untrained", "released"), ("eager",)
TREE = """\
{folder}
├── speed.json      every point with raw times; ratios, exponents, conditions
├── speed.csv
├── speed.png, .svg, .pdf
└── points.jsonl    what is measured so far; the same command goes on from it"""


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    parent.add_typer(app, name="bench")


@app.callback()
def _group() -> None:
    """Keep `bench` a group however many commands it has."""


@app.command()
def speed(
    models: Annotated[
        str, typer.Option(help="Names separated by commas, the reference of the ratios first; NAME@PRESET for others.")
    ] = FIGURE_3A,
    sizes: Annotated[str, typer.Option(help="Atoms: A..B (evenly spaced logarithms) or a,b,c.")] = "100..10000",
    points: Annotated[int, typer.Option(min=2, help="Sizes between A and B.")] = 7,
    batch: Annotated[int, typer.Option(min=1, help="Structures in a call; the paper's figure has 10.")] = 1,
    structures: Annotated[str, typer.Option(help="zeolite, quartz, diamond, water, cu, or a file.")] = "zeolite",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    mode: Annotated[str, typer.Option(help="eager.")] = "eager",
    weights: Annotated[str, typer.Option(help="untrained (the first preset of the card) or released.")] = "untrained",
    threads: Annotated[int, typer.Option(min=1, help="Threads of every library in every worker.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each model at each size.")] = 5,
    budget: Annotated[float, typer.Option(min=0.1, help="Minutes for everything; what does not fit is said.")] = 40.0,
    max_memory: Annotated[
        float | None, typer.Option(min=0.1, help="GB a worker may use; most of the machine's memory if not given.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/speed"),
    restart: Annotated[bool, typer.Option("--restart", help="Measure anew what the folder holds.")] = False,
    as_json: AsJson = False,
) -> None:
    """Time of energy and forces against the number of atoms. The same command resumes."""
    from alphanet.measure.speed.contestants import Setting
    from alphanet.measure.speed.size import Protocol
    from alphanet.measure.speed.sweep import Sweep

    _one_of("--mode", mode, MODES)
    _one_of("--weights", weights, WEIGHTS)
    sweep = Sweep(
        models=_names(models),
        sizes=parse_sizes(sizes, points),
        structures=structures,
        setting=Setting(weights, dtype, device, threads, seed),
        protocol=Protocol(batch, rounds, seed=seed, threads=threads, memory_limit=_memory_limit(max_memory)),
        budget=60 * budget,
    )
    _run(sweep, out, restart, as_json)


def parse_sizes(text: str, points: int) -> tuple[int, ...]:
    """Numbers of atoms, ascending, from `A..B` or `a,b,c`.

    Raises:
        UserError: another form, or numbers below 1.
    """
    import numpy as np

    try:
        if ".." in text:
            low, high = (int(part) for part in text.split(".."))
            found = [round(float(size)) for size in np.geomspace(low, high, points)]
        else:
            found = [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--sizes: {text!r} is neither A..B nor a list such as 100,300,1000") from None
    if min(found) < 1:
        raise UserError(f"--sizes: {text!r}: a system has at least one atom")
    return tuple(sorted(set(found)))


def _run(sweep: "Sweep", out: Path, restart: bool, as_json: bool) -> None:
    from alphanet.files import write_text
    from alphanet.measure.speed.sweep import run_sweep
    from alphanet.report.speed import scaling_lines, speed_figure, write_speed_csv

    print_to_stderr(TREE.format(folder=out))
    summary = run_sweep(sweep, out, print_to_stderr, restart=restart)
    write_text(out / "speed.json", json.dumps(summary, indent=1) + "\n")
    write_speed_csv(out / "speed.csv", summary)
    speed_figure(out / "speed", summary, _title(summary))
    if as_json:
        print(json.dumps(summary))
        return
    _print(summary)
    for line in scaling_lines(summary):
        print(line)


def _title(summary: dict[str, Any]) -> str:
    hardware, setting = summary["provenance"]["hardware"], summary["provenance"]["setting"]
    where = ", ".join(hardware["gpus"]) if setting["device"].startswith("cuda") else hardware["cpu"]
    threads = f"{setting['threads']} thread{'s' if setting['threads'] > 1 else ''}"
    return (
        f"{summary['provenance']['structures']} · {where}, {threads} · {setting['dtype']}, {setting['weights']} weights"
    )


def _print(summary: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from alphanet.report.speed import speed_lines

    table = Table("model", "atoms", "step (ms)", "forward (ms)", "MB", f"step over {summary['reference']}")
    for row in speed_lines(summary):
        table.add_row(*row)
    Console().print(table)


def _memory_limit(gigabytes: float | None) -> int:
    import os

    if gigabytes is not None:
        return int(gigabytes * 1e9)
    return int(0.9 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UserError("--models: name at least one")
    return names


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    from alphanet.errors import did_you_mean

    if value not in known:
        raise UserError(f"{option}: unknown {value!r}{did_you_mean(value, known)}")
