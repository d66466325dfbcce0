"""`alphanet bench wbm`: how well potentials find stable crystals (Matbench Discovery)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from alphanet.cli import options as o
from alphanet.cli.repro import run_card
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.benchmark.card import AnyCard

EXAMPLES = """Examples:

alphanet bench wbm --predictions predictions.csv.gz --truth summary.csv.gz

alphanet bench wbm model.safetensors mace-mp-0 --relax 200 --cluster local:8

alphanet bench wbm --predictions predictions.csv.gz --cross-check --json"""


def register(group: typer.Typer) -> None:
    """Add the command to the group `bench`."""
    group.command(epilog=EXAMPLES)(wbm)


def wbm(
    models: o.RelaxedModels = None,
    named: o.NamedModels = None,
    predictions: o.Predictions = None,
    relax: o.Relax = None,
    cross_check: o.CrossCheck = False,
    seed: o.Seed = None,
    restart: o.Restart = False,
    steps: o.Steps = None,
    fmax: o.Fmax = None,
    max_error: o.MaxError = None,
    threshold: o.Threshold = None,
    cluster: o.Cluster = None,
    device: o.Device = "auto",
    dtype: o.Dtype = None,
    threads: o.Threads = None,
    batch_size: o.BatchSize = None,
    engine: o.Engine = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    structures: o.Structures = None,
    truth: o.Truth = None,
    references: o.References = None,
    geometry: o.Geometry = None,
    column: o.Column = None,
    subset: o.Subset = None,
    decimals: o.Decimals = None,
    out: o.OutFolder = None,
    as_json: o.AsJson = False,
) -> None:
    """Score WBM predictions as Matbench Discovery's leaderboard does: F1, DAF and errors, with 95 % intervals.

    With MODELs, the structures are relaxed first. The same command goes on where it was stopped.
    """
    names = o.model_names(models, named)
    if bool(names) == (predictions is not None):
        raise UserError("give either models that relax structures, or --predictions FILE to score")
    of_relaxing = {
        "relax": relax, "seed": seed, "steps": steps, "fmax": fmax, "cluster": cluster, "dtype": dtype,
        "threads": threads, "batch_size": batch_size, "engine": engine, "config": config, "trust": trust,
        "structures": structures, "references": references, "geometry": geometry,
        "device": None if device == "auto" else device,
    }  # fmt: skip
    of_scoring = {
        "cross_check": cross_check, "max_error": max_error, "threshold": threshold, "column": column,
        "subset": subset, "decimals": decimals,
    }  # fmt: skip
    if names:
        o.refuse("relax first, then score the folder's predictions.csv.gz with --predictions", **of_scoring)
        folder = out or Path("runs/wbm")
        card = _relaxations(folder.name, names, of_relaxing)
        run_card(
            card, folder, as_json, restart=restart, seed=seed, device=device, threads=threads, cluster=cluster,
            structures=structures, truth=truth, references=references, relax=relax,
        )  # fmt: skip
        return
    o.refuse("it goes with models that relax structures", **of_relaxing)
    assert predictions is not None
    folder = out or Path("runs/wbm-predictions")
    run_card(_predictions(folder.name, predictions, of_scoring), folder, as_json, restart=restart, truth=truth)


def _relaxations(name: str, models: Sequence[str], values: Mapping[str, object]) -> "AnyCard":
    from alphanet.benchmark.kinds.discovery import relaxation_card

    of_card = ("steps", "fmax", "dtype", "batch_size", "engine", "config", "trust", "geometry")
    return relaxation_card(name, models=models, **o.given(**{key: values[key] for key in of_card}))


def _predictions(name: str, file: Path, values: Mapping[str, object]) -> "AnyCard":
    from alphanet.benchmark.kinds.discovery import predictions_card

    return predictions_card(name, file, **o.given(**values))
