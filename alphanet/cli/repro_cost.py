"""`alphanet repro table7`: what the paper's trainings cost, from measured steps."""

from pathlib import Path
from typing import Annotated

import typer

from alphanet.cli import bench_options
from alphanet.cli.options import AsJson, Device
from alphanet.data.progress import print_to_stderr

NAME = "table7"


def table7(
    scale: Annotated[str, typer.Option(help="mini (minutes on a core) or full (the paper's batches).")] = "mini",
    budget: Annotated[float | None, typer.Option(min=0.1, help="Minutes in all, instead of the card's.")] = None,
    device: Device = "cpu",
    threads: bench_options.Threads = 1,
    max_memory: bench_options.MaxMemory = None,
    out: Annotated[Path, typer.Option(help="Folder of runs; results are in its folder table7.")] = Path("runs"),
    restart: bench_options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """GPU-days and memory of training, computed from measured steps (Table 7). The same command resumes."""
    from alphanet.paper.cost import Options
    from alphanet.report.cost_run import run_costs
    from alphanet.report.tables import print_sheet

    bench_options.require_device(device, "float32")
    options = Options(
        scale=scale,
        folder=out / NAME,
        device=device,
        threads=threads,
        minutes=budget,
        memory_limit=bench_options.memory_limit(max_memory, device),
        restart=restart,
    )
    print_to_stderr(f"{options.folder}: the same command goes on from what is measured there")
    finished = run_costs(NAME, options, print_to_stderr)
    if as_json:
        print((options.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(finished.sheet)
    for failure in finished.outcome.failures:
        print_to_stderr(f"failed: {failure}")
    if finished.outcome.failures:
        raise typer.Exit(1)
