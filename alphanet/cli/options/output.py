"""Options of the panel "Output", and those of messages."""

from pathlib import Path
from typing import Annotated

import typer

from alphanet.cli.options.panels import OUTPUT, option
from alphanet.errors import UserError


def _no_lammps_file(asked: bool) -> bool:
    if asked:
        raise UserError(
            "LAMMPS needs no file: alphanet.simulation.lammps_forces.LammpsForces gives it the forces of any model by "
            "`fix external`; files for `pair_style mliap unified` need a LAMMPS with Python inside, which the Python "
            "index does not have"
        )
    return asked


BaselinesFolder = Annotated[
    Path | None,
    option(
        OUTPUT,
        "Folder in which a folder NAME is made. If not given: that of ALPHANET_BASELINES, or baselines.",
        "--dir",
    ),
]
OutFolder = Annotated[
    Path | None,
    option(
        OUTPUT, "Folder of the results. If not given: a folder in runs, which the command names first.", "--out", "-o"
    ),
]
OutFile = Annotated[Path, option(OUTPUT, "File to write.", "--out", "-o")]
Parity = Annotated[
    Path | None,
    option(
        OUTPUT,
        "Folder for parity plots of energies and forces (PNG, SVG, PDF); for a committee also a plot of its spread "
        "against its errors.",
        "--parity",
    ),
]
SingleFile = Annotated[
    bool,
    option(
        OUTPUT,
        "Carry all figures inside the page. By default it loads large ones from figures/ beside it.",
        "--single-file",
    ),
]
OpenPage = Annotated[bool, option(OUTPUT, "Show the page in a browser.", "--open")]
LammpsFile = Annotated[
    bool,
    option(
        OUTPUT,
        "Not a file: LAMMPS runs any model by `LammpsForces`, see the guide Simulation.",
        "--lammps",
        is_eager=True,
        callback=_no_lammps_file,
    ),
]
AsJson = Annotated[bool, option(OUTPUT, "Print one JSON object to stdout, with a key `schema`.", "--json")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and errors on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="More messages on stderr, for finding mistakes.")]
