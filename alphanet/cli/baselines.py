"""`alphanet baselines`: the systems AlphaNet is compared with, and the environments they run in."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphanet.cli.options import AsJson, Trust
from alphanet.data.progress import print_to_stderr
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.potentials.cards import BaselineCard

WIDTH = 140  # of tables that go to a file or a pipe

app = typer.Typer(name="baselines", help="Install and check the systems compared with.", no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help="Names of baselines.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Every baseline.")]


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List all baselines."""
    from alphanet.potentials.cards import list_baselines

    rows = [_row(card) for card in list_baselines()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("name", no_wrap=True)
    for title in ("in the paper", "environment", "installed", "trained here", "forces", "stress", "weights"):
        table.add_column(title)
    for row in rows:
        forces = "derivative" if row["conservative"] else "direct"
        table.add_row(
            row["name"],
            ", ".join(row["paper_rows"]),
            row["environment"],
            row["state"],
            _yes(row["trainable"]),
            forces,
            _yes(row["stress"]),
            _weights(row["weights"]),
        )
    Console(width=None if sys.stdout.isatty() else WIDTH).print(table)


@app.command()
def info(name: str, as_json: AsJson = False) -> None:
    """Show a baseline's card, and the versions in its environment."""
    import yaml

    from alphanet.potentials.cards import load_baseline
    from alphanet.potentials.environments import is_installed, resolved_versions, size_of

    card = load_baseline(name)
    shown: dict[str, Any] = card.model_dump(mode="json", exclude={"places"}) | {"state": _row(card)["state"]}
    if is_installed(card):
        shown |= {"bytes": size_of(card), "versions": resolved_versions(card)}
    print(
        json.dumps(shown, indent=1) if as_json else yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), end=""
    )


@app.command()
def install(
    names: Names = None,
    every: All = False,
    again: Annotated[bool, typer.Option("--again", help="Make it anew although it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the environments of baselines; those that are there and up to date are left alone."""
    from alphanet.potentials.environments import install as install_environment

    done, failed, made = [], [], set[str]()
    for card in _chosen(names, every):
        try:
            fresh = install_environment(card, print_to_stderr, again=again and card.environment.name not in made)
        except UserError as error:
            print_to_stderr(f"error: {error}")
            failed.append({"name": card.name, "environment": card.environment.name, "error": str(error)})
            continue
        made.add(card.environment.name)
        print_to_stderr(f"{card.name}: {'installed' if fresh else 'already there'}")
        done.append({"name": card.name, "environment": card.environment.name, "fresh": fresh})
    if as_json:
        print(json.dumps({"installed": done, "failed": failed}, indent=1))
    if failed:
        raise typer.Exit(1)


@app.command()
def fetch(
    names: Names = None,
    every: All = False,
    mirror: Annotated[
        str | None, typer.Option(envvar="ALPHANET_MIRROR", help="file:// or http(s):// that serves HOST/PATH.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Download released weights, verified and resumed: NAME, or NAME:CHECKPOINT for another than the first."""
    from alphanet.potentials.weights import fetch as fetch_weights

    done, failed = [], []
    for card, checkpoint in _checkpoints(names, every):
        try:
            weights = fetch_weights(card, checkpoint, mirror=mirror)
        except UserError as error:
            print_to_stderr(f"error: {error}")
            failed.append({"name": card.name, "checkpoint": checkpoint, "error": str(error)})
            continue
        where = str(weights.path) if weights.path else "carried by the package"
        print_to_stderr(f"{card.name}:{checkpoint}: {where}")
        done.append({"name": card.name, "checkpoint": checkpoint, "path": where, "sha256": weights.sha256})
    if as_json:
        print(json.dumps({"fetched": done, "failed": failed}, indent=1))
    if failed:
        raise typer.Exit(1)


@app.command()
def check(
    names: Names = None,
    every: All = False,
    preset: Annotated[
        str | None, typer.Option(help="Settings of the random weights; the card's first if not given.")
    ] = None,
    trust: Trust = False,
    as_json: AsJson = False,
) -> None:
    """Run the conformance checks on installed baselines: random weights, and released ones that are here."""
    from alphanet.potentials.checking import check_baseline

    results = [check_baseline(card, print_to_stderr, preset=preset, trust=trust) for card in _chosen(names, every)]
    if as_json:
        print(json.dumps(results, indent=1))
    if any(result["passed"] is False for result in results):
        raise typer.Exit(1)


@app.command()
def remove(names: Names = None, every: All = False) -> None:
    """Remove the environments of baselines, for all rows that share them."""
    from alphanet.potentials.environments import remove as remove_environment

    for card in _chosen(names, every):
        removed = remove_environment(card)
        print_to_stderr(f"{card.environment.name}: {'removed' if removed else 'not there'}")


def _chosen(names: list[str] | None, every: bool) -> list["BaselineCard"]:
    from alphanet.potentials.cards import list_baselines, load_baseline

    if every == bool(names):
        raise UserError("name the baselines, or say --all")
    return list_baselines() if every else [load_baseline(name) for name in names or ()]


def _checkpoints(names: list[str] | None, every: bool) -> list[tuple["BaselineCard", str]]:
    """Cards, each with a checkpoint of it; of all cards, the first checkpoint of each that has one."""
    if every:
        return [(card, card.released) for card in _chosen(None, True) if card.released is not None]
    found = []
    for name in names or ():
        head, _, checkpoint = name.partition(":")
        (card,) = _chosen([head], False)
        if card.released is None:
            raise UserError(f"{card.name} has no released weights; train it, or use --untrained")
        found.append((card, checkpoint or card.released))
    if not found:
        raise UserError("name the baselines, or say --all")
    return found


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
        "conservative": card.conservative,
        "stress": card.stress,
        "parameters": next((count for count in counts if count is not None), None),
        "weights": described(card),
        "presets": {name: preset.parameters for name, preset in card.presets.items()},
    }


def _weights(described: dict[str, Any]) -> str:
    if described["source"] is None:
        return "trained here"
    if described["source"] == "package":
        return "in the package"
    return "here" if described["present"] else "to fetch"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
