"""`alphanet bench`: speed, memory and physics, every model in one run; WBM predictions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import bench_options as options
from alphanet.cli import bench_physics, bench_wbm
from alphanet.cli.options import AsJson, Device, Dtype, Seed
from alphanet.data.progress import print_to_stderr

if TYPE_CHECKING:
    from alphanet.measure.speed.sweep import Sweep

app = typer.Typer(
    help="Measure speed, memory and physics, every model in one run; relax and score WBM.", no_args_is_help=True
)

PLAIN_WIDTH = 140  # columns of a table where the output is no terminal
SPEED_TREE = """\
{folder}
├── speed.json      every point with raw times; ratios, exponents, conditions
├── speed.csv
├── speed.png, .svg, .pdf
└── points.jsonl    what is measured so far; the same command goes on from it"""
MEMORY_TREE = """\
{folder}
├── memory.json     what was found, every trial, conditions
├── memory.csv
├── memory.png, .svg, .pdf
└── trials.jsonl    what is measured so far; the same command goes on from it"""


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    app.command()(bench_wbm.wbm)
    bench_physics.register(app)
    parent.add_typer(app, name="bench")


@app.command()
def speed(
    models: options.Models = options.FIGURE_3A,
    sizes: options.Sizes = "100..10000",
    points: options.Points = 7,
    batch: options.Batch = 1,
    structures: options.Structure = "zeolite",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    mode: options.Mode = "eager",
    weights: options.Weights = "untrained",
    alphanet: options.AlphaNetFile = None,
    threads: options.Threads = 1,
    passes: options.Passes = 3,
    rounds: options.Rounds = 3,
    budget: options.Budget = 40.0,
    max_memory: options.MaxMemory = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/speed"),
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Time of energy and forces against the number of atoms. The same command resumes."""
    from alphanet.measure.speed.contestants import Setting
    from alphanet.measure.speed.point import Protocol
    from alphanet.measure.speed.sweep import Sweep

    options.require_one_of("--mode", mode, options.MODES)
    options.require_one_of("--weights", weights, options.WEIGHTS)
    options.require_device(device, dtype)
    limit = options.memory_limit(max_memory, device)
    sweep = Sweep(
        models=options.parse_names(models),
        sizes=options.parse_sizes(sizes, points),
        structures=structures,
        setting=Setting(weights, dtype, device, threads, seed, _text(alphanet)),
        protocol=Protocol(batch=batch, passes=passes, rounds=rounds, seed=seed, threads=threads, memory_limit=limit),
        budget=60 * budget,
        mode=mode,
    )
    _sweep(sweep, out, restart, as_json)


@app.command()
def train_speed(
    models: options.Models = options.FIGURE_3A,
    sizes: options.Sizes = "72",
    points: options.Points = 3,
    batch: options.Batch = 4,
    structures: options.Structure = "zeolite",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    mode: options.Mode = "eager",
    threads: options.Threads = 1,
    passes: options.Passes = 3,
    rounds: options.Rounds = 3,
    budget: options.Budget = 10.0,
    max_memory: options.MaxMemory = None,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/train-speed"),
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Time and memory of a step of training: loss of energies and forces, backward, optimiser; the graph is given."""
    from alphanet.measure.speed.contestants import Setting
    from alphanet.measure.speed.point import Protocol
    from alphanet.measure.speed.sweep import Sweep

    options.require_one_of("--mode", mode, options.MODES)
    options.require_device(device, dtype)
    limit = options.memory_limit(max_memory, device)
    sweep = Sweep(
        models=options.parse_names(models),
        sizes=options.parse_sizes(sizes, points),
        structures=structures,
        setting=Setting("untrained", dtype, device, threads, seed),
        protocol=Protocol(
            ("train",), batch=batch, passes=passes, rounds=rounds, seed=seed, threads=threads, memory_limit=limit
        ),
        budget=60 * budget,
        mode=mode,
    )
    _sweep(sweep, out, restart, as_json)


@app.command()
def memory(
    models: options.Models = options.FIGURE_3A,
    structures: options.Structure = "zeolite",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    mode: options.Mode = "eager",
    weights: options.Weights = "untrained",
    alphanet: options.AlphaNetFile = None,
    threads: options.Threads = 1,
    max_memory: options.MaxMemory = None,
    longest: Annotated[float, typer.Option(min=60, help="Seconds of a call; a longer one ends the search.")] = 120.0,
    start: Annotated[int, typer.Option(min=1, help="Atoms at which the search begins.")] = 100,
    most: Annotated[int, typer.Option(min=1, help="Atoms at which it ends.")] = 1_000_000,
    sample_atoms: Annotated[int, typer.Option(min=1, help="Atoms of a structure in training.")] = 72,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/memory"),
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """The largest system that fits, memory an atom, and memory a sample in training. The same command resumes."""
    from alphanet.measure.speed.contestants import Setting, make_environments
    from alphanet.measure.speed.largest import Search, find_largest
    from alphanet.report.memory import memory_lines, write_memory

    options.require_one_of("--mode", mode, options.MODES)
    options.require_one_of("--weights", weights, options.WEIGHTS)
    options.require_device(device, dtype)
    search = Search(
        models=options.parse_names(models),
        structures=structures,
        setting=Setting(weights, dtype, device, threads, seed, _text(alphanet)),
        memory_limit=options.memory_limit(max_memory, device),
        mode=mode,
        smallest=start,
        most=most,
        longest=longest,
        sample_atoms=sample_atoms,
    )
    print_to_stderr(MEMORY_TREE.format(folder=out))
    make_environments(search.models, print_to_stderr)
    found = find_largest(search, out, print_to_stderr, restart=restart)
    write_memory(out, found)
    if as_json:
        print(json.dumps(found))
        return
    columns = ("model", "largest system (atoms)", "limited by", "kB/atom", "s", "memory grows as", "training MB/sample")
    print_table(columns, memory_lines(found))


@app.command()
def check(as_json: AsJson = False) -> None:
    """Measure the harness itself on potentials of known cost: 200 ms and 200 MB, and nothing at all."""
    from alphanet.measure.speed.selfcheck import check_harness

    found = check_harness(print_to_stderr)
    if as_json:
        print(json.dumps(found))
    elif "reason" in found:
        print(f"failed: {found['reason']}")
    else:
        for what in ("time", "memory"):
            error, allowed = (100 * found[f"{what}_{part}"] for part in ("error", "tolerance"))
            print(f"known {what}: measured {error:+.2f} % of it off, {allowed:.0f} % allowed")
        print(f"the harness adds {found['overhead_us']:.1f} microseconds to a call")
    raise typer.Exit(0 if found["passed"] else 1)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Folder of a sweep.")],
    second: Annotated[Path, typer.Argument(help="Folder of the same sweep, run again.")],
    as_json: AsJson = False,
) -> None:
    """Whether two runs of one sweep agree on every ratio within the intervals that they print."""
    from alphanet.errors import UserError
    from alphanet.files import read_json_object
    from alphanet.measure.speed.agreement import agreement
    from alphanet.report.speed import interval_text

    found = agreement(read_json_object(first / "speed.json"), read_json_object(second / "speed.json"))
    if not found:
        raise UserError(f"{first} and {second} have no ratio with an interval in common")
    if as_json:
        print(json.dumps(found))
    else:
        rows = [
            (
                one["model"],
                str(one["n_atoms"]),
                one["task"],
                *(interval_text(one[run], digits=3) for run in ("first", "second")),
                "yes" if one["agree"] else "NO",
            )
            for one in found
        ]
        print_table(("model", "atoms", "task", str(first), str(second), "agree"), rows)
    raise typer.Exit(0 if all(one["agree"] for one in found) else 1)


def _sweep(sweep: "Sweep", out: Path, restart: bool, as_json: bool) -> None:
    from alphanet.measure.speed.contestants import make_environments
    from alphanet.measure.speed.sweep import run_sweep
    from alphanet.report.speed import write_speed

    print_to_stderr(SPEED_TREE.format(folder=out))
    make_environments(sweep.models, print_to_stderr)
    summary = run_sweep(sweep, out, print_to_stderr, restart=restart)
    write_speed(out, summary)
    if as_json:
        print(json.dumps(summary))
    else:
        print_summary(summary)


def print_summary(summary: dict[str, Any]) -> None:
    """Times, ratios and exponents on stdout; a warning where the machine was busy."""
    from alphanet.measure.speed.yardstick import warning
    from alphanet.report.speed import scaling_lines, speed_lines

    times = [f"{task} (ms)" for task in summary["tasks"]]
    ratio = f"{summary['tasks'][0]} over {summary['reference']}"
    print_table(("model", "atoms", *times, "MB", ratio), speed_lines(summary))
    for line in scaling_lines(summary):
        print(line)
    if said := warning(summary["quiet"]):
        print_to_stderr(said)


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A table on stdout: lines on a terminal, Markdown elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.MARKDOWN)
    for place, column in enumerate(columns):
        table.add_column(column, no_wrap=place == 0, justify="left" if place == 0 else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
