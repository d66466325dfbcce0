"""`alphanet bench properties`: what potentials are for, against a reference method."""

from pathlib import Path

import typer

from alphanet.cli import options as o
from alphanet.cli.repro import run_card

REFERENCE = "tblite"  # the method of the miniatures
EXAMPLES = """Examples:

alphanet bench properties chgnet sevennet-0 --tasks eos,elastic,phonons --reference mace-mp-0

alphanet bench properties runs/train/mine-mini-seed0 --reference tblite

alphanet bench properties model.safetensors --structures crystals.extxyz --reference emt --json"""


def register(group: typer.Typer) -> None:
    """Add the command to the group `bench`."""
    group.command(epilog=EXAMPLES)(properties)


def properties(
    models: o.ModelNames = None,
    named: o.NamedModels = None,
    tasks: o.Tasks = None,
    reference: o.Reference = None,
    structures: o.Structures = None,
    seed: o.Seed = None,
    restart: o.Restart = False,
    budget: o.Budget = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    untrained: o.Untrained = False,
    preset: o.Preset = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Compute properties by potentials and by a reference method, and compare. The same command resumes.

    Structures are those of --structures, or of a training's own data, or crystals and dimers of elements that models
    and reference know. What cannot be had is a row with its reason, and everything else goes on.
    """
    from alphanet.benchmark.kinds.properties.adhoc import adhoc_card

    folder = out or Path("runs/properties")
    card = adhoc_card(
        folder,
        models=o.required_models(models, named),
        reference=reference or REFERENCE,
        tasks=o.model_names([tasks] if tasks else None),
        structures=None if structures is None else Path(structures),
        untrained=untrained,
        preset=preset,
        config=config,
        trust=trust,
    )
    run_card(card, folder, as_json, restart=restart, seed=seed, budget=budget, device=device, threads=threads)
