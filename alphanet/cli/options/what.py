"""Options of the panel "What to run"."""

from typing import Annotated

from alphanet.cli import completion
from alphanet.cli.options.panels import WHAT, option

Scale = Annotated[
    str | None,
    option(
        WHAT,
        "mini (shipped miniatures), slice (a part of the real data) or full (the paper's). If not given: mini, in "
        "`data fetch` slice, and in `repro` the only scale if a benchmark has one.",
        "--scale",
        autocompletion=completion.scales,
    ),
]
Only = Annotated[
    str | None,
    option(
        WHAT,
        "Only these cells: ROW, COLUMN or ROW/COLUMN, separated by commas; * stands for anything. NAME: before a "
        "pattern restricts it to a benchmark. With `repro all`, a pattern without a colon is a NAME.",
        "--only",
    ),
]
Seeds = Annotated[
    int | None,
    option(WHAT, "Trainings of each model, instead of the card's number. Several give a spread.", "--seeds", min=1),
]
Seed = Annotated[
    int | None,
    option(
        WHAT,
        "Seed of random weights, velocities, directions, samples and the order of frames. If not given: the settings', "
        "or 0.",
        "--seed",
        min=0,
    ),
]
DryRun = Annotated[
    bool,
    option(
        WHAT,
        "Only say what it would take, what is missing or what would go; `train` measures a few steps for that.",
        "--dry-run",
    ),
]
Restart = Annotated[bool, option(WHAT, "Do again what is finished or begun, instead of going on from it.", "--restart")]
All = Annotated[bool, option(WHAT, "Every baseline.", "--all")]
Keys = Annotated[bool, option(WHAT, "List every key of the settings with its default, and end.", "--keys")]
Tasks = Annotated[
    str | None,
    option(
        WHAT,
        "Properties, separated by commas: forces, eos, elastic, phonons, conductivity, vacancy, surface, barrier, "
        "reaction, nve, nvt, diatomics, dihedral, bilayer, adsorption. If not given: all that have a structure.",
        "--tasks",
    ),
]
Relax = Annotated[
    int | None,
    option(
        WHAT,
        "Structures of WBM that models relax anew: a random, stratified sample. `bench wbm` relaxes all if not given.",
        "--relax",
        min=1,
    ),
]
CrossCheck = Annotated[
    bool,
    option(
        WHAT, "Score with the package matbench-discovery too, in its own environment, and compare.", "--cross-check"
    ),
]
Protocol = Annotated[
    str,
    option(
        WHAT,
        "plain; official (adds the numbers that the released evaluator would print); s2ef (adds OC20's errors).",
        "--protocol",
    ),
]
