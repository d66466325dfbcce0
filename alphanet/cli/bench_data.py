"""`alphanet bench data`: speed of reading and storing frames, beside ASE's."""

from pathlib import Path

import typer

from alphanet.cli import options as o
from alphanet.cli.repro import run_card

EXAMPLES = """Examples:

alphanet bench data

alphanet bench data --structures mine.extxyz --large 1000000 --passes 5"""


def register(group: typer.Typer) -> None:
    """Add the command to the group `bench`."""
    group.command(epilog=EXAMPLES)(data)


def data(
    structures: o.Structures = None,
    frames: o.Frames = 1000,
    frame_atoms: o.FrameAtoms = 50,
    large: o.LargeStore = 200_000,
    passes: o.Passes = 3,
    seed: o.Seed = None,
    restart: o.Restart = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Time reading text, writing a store, random reads and opening a large store; beside ASE on the same files.

    Readers take turns, each in a new process in every pass. ASE opens the same stores by its own interface.
    """
    from alphanet.benchmark.kinds.data import data_card

    folder = out or Path("runs/data")
    card = data_card(folder.name, frames=frames, atoms=frame_atoms, large=large, passes=passes)
    run_card(card, folder, as_json, restart=restart, seed=seed, structures=structures)
