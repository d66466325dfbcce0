"""`alphanet baselines`: the systems AlphaNet is compared with, and the environments they run in."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_table, print_text
from alphanet.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from alphanet.potentials.cards import BaselineCard

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="baselines",
    help="Install and check the systems that AlphaNet is compared with.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet baselines list\n\nalphanet baselines install nequip mace",
)


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command("list", epilog="Example:\n\nalphanet baselines list --json")
def list_(as_json: o.AsJson = False) -> None:
    """List all baselines."""
    from alphanet.potentials.cards import list_baselines

    rows = [_row(card) for card in list_baselines()]
    if as_json:
        print_json("alphanet-baselines", {"baselines": rows})
        return
    columns = ("name", "in paper", "state", "trains", "forces", "stress", "weights")
    lines = [
        (
            row["name"],
            ", ".join(row["paper_rows"]),
            row["state"],
            f"as {row['trained_as']}" if row["trained_as"] else _yes(row["trainable"]),
            "derived" if row["conservative"] else "direct",
            _yes(row["stress"]),
            _weights(row["weights"]),
        )
        for row in rows
    ]
    print_table(columns, lines, left=columns)


@app.command(epilog="Example:\n\nalphanet baselines info nequip")
def info(name: o.BaselineName, as_json: o.AsJson = False) -> None:
    """Show a baseline's card, and the versions in its environment."""
    import yaml

    from alphanet.potentials.cards import find_baseline
    from alphanet.potentials.environments import is_installed, resolved_versions, size_of

    card = find_baseline(name)
    values: dict[str, object] = card.model_dump(mode="json", exclude={"places"}) | {"state": _row(card)["state"]}
    if is_installed(card):
        values |= {"bytes": size_of(card), "versions": resolved_versions(card)}
    if as_json:
        print_json("alphanet-baseline", values)
    else:
        print(yaml.safe_dump(values, sort_keys=False, allow_unicode=True), end="")


@app.command(epilog="Examples:\n\nalphanet baselines install nequip mace\n\nalphanet baselines install --all")
def install(
    names: o.BaselineNames = None, every: o.All = False, restart: o.Restart = False, as_json: o.AsJson = False
) -> None:
    """Make the environments of baselines. Those that are there and up to date are left alone, unless --restart."""
    from alphanet.potentials.environments import install as install_environment

    installed, failed, fresh_names = [], [], set[str]()
    for card in _chosen(names, every):
        environment = card.environment.name
        try:
            fresh = install_environment(card, again=restart and environment not in fresh_names)
        except UserError as error:
            logger.error("%s", error)
            failed.append({"name": card.name, "environment": environment, "error": str(error)})
            continue
        fresh_names.add(environment)
        logger.info("%s: %s", card.name, "installed" if fresh else "already there")
        installed.append({"name": card.name, "environment": environment, "fresh": fresh})
    if as_json:
        print_json("alphanet-environments", {"installed": installed, "failed": failed})
    if failed:
        raise typer.Exit(1)


@app.command(epilog="Examples:\n\nalphanet baselines fetch mace-mp-0\n\nalphanet baselines fetch --all")
def fetch(
    names: o.BaselineNames = None, every: o.All = False, mirror: o.Mirror = None, as_json: o.AsJson = False
) -> None:
    """Download released weights, verified and resumed: NAME, or NAME:CHECKPOINT for another than the first."""
    from alphanet.potentials.weights import fetch as fetch_weights

    fetched, failed = [], []
    for card, checkpoint in _checkpoints(names, every):
        try:
            weights = fetch_weights(card, checkpoint, mirror=mirror)
        except UserError as error:
            logger.error("%s", error)
            failed.append({"name": card.name, "checkpoint": checkpoint, "error": str(error)})
            continue
        where = str(weights.path) if weights.path else "part of the package"
        logger.info("%s:%s: %s", card.name, checkpoint, where)
        fetched.append({"name": card.name, "checkpoint": checkpoint, "path": where, "sha256": weights.sha256})
    if as_json:
        print_json("alphanet-weights", {"fetched": fetched, "failed": failed})
    if failed:
        raise typer.Exit(1)


@app.command(
    epilog="Examples:\n\nalphanet baselines check nequip\n\nalphanet baselines check my-baselines/lj/card.yaml\n\n"
    "alphanet baselines check my_module:make_calculator --elements Cu,Ni"
)
def check(
    models: o.ModelNames = None,
    every: o.All = False,
    preset: o.Preset = None,
    elements: o.Elements = None,
    config: o.ModelConfig = None,
    trust: o.Trust = False,
    as_json: o.AsJson = False,
) -> None:
    """Check that models conform: shapes, units, symmetries, derivatives, refusals.

    A baseline that is named without weights is checked with random weights and with the released ones that are here.
    """
    from alphanet.measure.conformance import CheckOptions, check_model
    from alphanet.potentials.cards import baseline_names
    from alphanet.potentials.specification import specified

    if every == bool(models):
        raise UserError("name the models, or say --all")
    chosen = [specified(name) for name in (baseline_names() if every else o.model_names(models))]
    symbols = tuple((elements or "").replace(",", " ").split())
    options = CheckOptions(preset=preset, elements=symbols, config=config, trust=trust)
    results = [check_model(model, options) for model in chosen]
    if as_json:
        print_json("alphanet-conformance", {"baselines": results})
    if any(result["passed"] is False for result in results):
        raise typer.Exit(1)


@app.command(epilog="Example:\n\nalphanet baselines new my-model --dir my-baselines")
def new(name: o.NewName, folder: o.BaselinesFolder = None, as_json: o.AsJson = False) -> None:
    """Write a card and a worker to start from, which wrap an ASE calculator. Nothing is overwritten."""
    from alphanet.cards import added_folder
    from alphanet.potentials.new_baseline import write_baseline

    files = write_baseline(name, folder or added_folder("baselines") or Path("baselines"))
    if as_json:
        print_json("alphanet-files", {"files": [{"path": str(file)} for file in files]})
        return
    place = files[0].parent
    for file in files:
        print(file)
    print_text(
        f"change the lines marked FILL IN, then: alphanet baselines install {place}; alphanet baselines check {place}"
    )


@app.command(epilog="Example:\n\nalphanet baselines remove nequip")
def remove(names: o.BaselineNames = None, every: o.All = False) -> None:
    """Remove the environments of baselines, for all baselines that share them."""
    from alphanet.potentials.environments import remove as remove_environment

    for card in _chosen(names, every):
        removed = remove_environment(card)
        logger.info("%s: %s", card.environment.name, "removed" if removed else "not there")


def _chosen(names: list[str] | None, every: bool) -> list["BaselineCard"]:
    from alphanet.potentials.cards import find_baseline, list_baselines

    if every == bool(names):
        raise UserError("name the baselines, or say --all")
    return list_baselines() if every else [find_baseline(name) for name in names or ()]


def _checkpoints(names: list[str] | None, every: bool) -> list[tuple["BaselineCard", str]]:
    """Cards, each with a checkpoint of it; of all cards, the first checkpoint of each that has one."""
    if every:
        return [(card, card.released) for card in _chosen(None, True) if card.released is not None]
    chosen = []
    for name in names or ():
        head, _, checkpoint = name.partition(":")
        (card,) = _chosen([head], False)
        if card.released is None:
            raise UserError(f"{card.name} has no released weights; train it, or use random weights")
        chosen.append((card, checkpoint or card.released))
    if not chosen:
        raise UserError("name the baselines, or say --all")
    return chosen


def _row(card: "BaselineCard") -> dict[str, Any]:
    from alphanet.potentials.environments import is_installed, state
    from alphanet.potentials.weights import described

    counts = [card.checkpoints[card.released].parameters] if card.released else []
    counts += [preset.parameters for preset in card.presets.values()]
    return {
        "name": card.name,
        "title": card.title,
        "paper_rows": list(card.paper_rows),
        "environment": card.environment.name,
        "installed": is_installed(card),
        "state": state(card),
        "trainable": card.trainable,
        "trained_as": card.trained_as,
        "conservative": card.conservative,
        "stress": card.stress,
        "parameters": next((count for count in counts if count is not None), None),
        "weights": described(card),
        "presets": {name: preset.parameters for name, preset in card.presets.items()},
    }


def _weights(described: "Mapping[str, JsonValue]") -> str:
    if described["source"] is None:
        return "none"
    if described["source"] == "package":
        return "packaged"
    return "here" if described["present"] else "to fetch"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
