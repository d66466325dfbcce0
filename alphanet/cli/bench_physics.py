"""`alphanet bench physics`: does a potential obey what every energy surface obeys?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli import bench_options as options
from alphanet.cli.options import AsJson, Device, ModelConfig, Preset, Threads, Trust, Untrained

if TYPE_CHECKING:
    from collections.abc import Callable

TREE = """\
{folder}
├── physics.json    every check with value, limit, place or reason; conditions
├── physics.csv, .md
├── physics.png, .svg, .pdf
└── models/         an audit each; the same command takes them up, another adds its own"""


def register(group: typer.Typer) -> None:
    """Add the command to the group `bench`."""
    group.command()(physics)


def physics(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…", help="A file; a baseline, NAME or NAME:CHECKPOINT; alphanet; or module:callable."
        ),
    ],
    untrained: Untrained = False,
    preset: Preset = None,
    seed: Annotated[int, typer.Option(help="Seed of random weights, directions and displacements.")] = 0,
    structures: Annotated[
        Path | None,
        typer.Option(help="File with a periodic structure and one that is not, in place of quartz and ethanol."),
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    trust: Trust = False,
    config: ModelConfig = None,
    out: Annotated[Path | None, typer.Option(help="Folder for table, figure and all numbers.")] = None,
    restart: options.Restart = False,
    as_json: AsJson = False,
) -> None:
    """Whether potentials obey what every energy surface obeys; in float64 where they can.

    What fails is a finding and no error: the exit code is 1 only where a potential could not be audited.
    """
    from alphanet.data.progress import print_to_stderr
    from alphanet.measure.physics.audit import require_potential
    from alphanet.measure.physics.folder import audit_all
    from alphanet.potentials.opening import Opening
    from alphanet.report.physics import write_physics

    options.require_device(device, "float64")
    for name in models:
        require_potential(name)
    how = Opening("float64", device, threads, config, untrained, seed, preset, trust)
    if out is not None:
        print_to_stderr(TREE.format(folder=out))
    found = audit_all(models, how, structures, out, print_to_stderr, restart=restart)
    if out is not None:
        write_physics(out, found)
    _show(found, len(models), as_json, print_to_stderr)
    raise typer.Exit(1 if any("error" in one for one in found["models"]) else 0)


def _show(found: dict[str, Any], asked: int, as_json: bool, report: "Callable[[str], None]") -> None:
    from alphanet.cli.bench import print_table
    from alphanet.report.physics import check_lines, model_lines

    models = found["models"]
    if as_json:
        print(json.dumps(models[0] if asked == 1 else found, ensure_ascii=False))
    elif len(models) == 1 and models[0]["checks"]:
        print_table(("check", "value", "limit", "", "where, or why not"), check_lines(models[0]))
    elif len(models) > 1:
        print_table(("potential", "precision", "ok", "not ok", "not checked"), model_lines(models))
    for one in models:
        if "error" in one:
            report(f"error: {one['error']}")
