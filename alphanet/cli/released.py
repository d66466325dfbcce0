"""`alphanet models`: released weights of AlphaNet by name."""

import logging
from typing import TYPE_CHECKING, Any

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_table

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

NO_ELEMENTS = "those of the training data, of which there is no list here; the tables have hydrogen to plutonium"

app = typer.Typer(
    name="models",
    help="List, fetch and describe released weights of AlphaNet. Other commands take their names as MODEL.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet models list\n\nalphanet models fetch alphanet-oma-v1",
)


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command("list", epilog="Example:\n\nalphanet models list --json")
def list_(as_json: o.AsJson = False) -> None:
    """List released weights: training data, level of theory, license, and whether they are here."""
    from alphanet.model.released import released_model, released_names

    cards = [released_model(name) for name in released_names()]
    if as_json:
        print_json("alphanet-models", {"models": [_values(card) for card in cards]})
        return
    columns = ("name", "trained on", "level of theory", "license", "state")
    rows = [(card.name, card.trained_on, card.level_of_theory, card.license, _state(card)) for card in cards]
    print_table(columns, rows, left=columns)


@app.command(epilog="Example:\n\nalphanet models info alphanet-oma-v1")
def info(name: o.ReleasedName, as_json: o.AsJson = False) -> None:
    """Show addresses, checksums, license, level of theory and configuration of released weights."""
    from alphanet.model.released import released_model

    card = released_model(name)
    if as_json:
        print_json("alphanet-released-model", _values(card))
        return
    rows = [
        ("title", card.title),
        ("trained on", card.trained_on),
        ("level of theory", card.level_of_theory),
        ("license", card.license),
        ("elements", ", ".join(card.elements) or NO_ELEMENTS),
        ("reading", card.reading),
        ("configuration", _configuration(card)),
    ]
    for file in card.files:
        rows += [("address", file.url), ("  file", str(card.folder / file.name))]
        rows += [("  sha256", file.sha256 or "not published; that of the first download is recorded")]
    rows += [("state", _state(card)), ("note", card.note)]
    print_table(("", card.name), rows, left=(card.name,))


@app.command(epilog="Example:\n\nalphanet models fetch alphanet-mptrj-v1")
def fetch(name: o.ReleasedName, mirror: o.Mirror = None, as_json: o.AsJson = False) -> None:
    """Download and verify released weights. Without a network the message says what to put where."""
    from alphanet.model.released import fetch_model

    path = fetch_model(name, mirror=mirror)
    if as_json:
        print_json("alphanet-files", {"files": [{"path": str(path)}]})
    else:
        print(path)


def _configuration(card: Any) -> str:
    if not (settings := card.settings):
        return f"in {card.config.name}, which is not fetched" if card.settings is None else "not published"
    return ", ".join(
        f"{key} {str(value).lower() if isinstance(value, bool) else value}" for key, value in settings.items()
    )


def _state(card: Any) -> str:
    here = "here" if card.present else "not fetched"
    return f"{here}; cannot be loaded: {card.needs}" if card.needs else here


def _values(card: Any) -> "dict[str, JsonValue]":
    values = {**card.model_dump(mode="json"), "settings": card.settings}
    return {**values, "present": card.present, "folder": str(card.folder)}
