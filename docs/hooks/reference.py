"""The pages that are made from the code: every command, every card, every result."""

from collections.abc import Callable
from pathlib import Path

from commands import command_reference
from models import ModelGroup, model_reference


def commands_page() -> str:
    """Reference of the command line."""
    import typer

    from alphanet.cli import app

    return command_reference("alphanet", typer.main.get_command(app), COMMANDS_INTRODUCTION)


def cards_page() -> str:
    """Reference of the keys of every card."""
    from alphanet.data.cards import DatasetCard
    from alphanet.model.config import AlphaNetConfig, OfficialConfig
    from alphanet.paper.all_cards import KINDS
    from alphanet.potentials.cards import BaselineCard

    groups = [
        ModelGroup("Data sets", "`datasets/NAME.yaml`, or a file in the folder `ALPHANET_DATASETS`.", (DatasetCard,)),
        ModelGroup("Baselines", "`baselines/NAME/card.yaml`, or a folder in `ALPHANET_BASELINES`.", (BaselineCard,)),
        ModelGroup("Benchmarks", "`benchmarks/NAME.yaml`, or a file in `ALPHANET_BENCHMARKS`.", KINDS),
        ModelGroup("Networks", "The key `model` of a training configuration.", (AlphaNetConfig, OfficialConfig)),
    ]
    return model_reference("Cards", CARDS_INTRODUCTION, groups)


def changes_page() -> str:
    """The changelog."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


ROOT = Path(__file__).parents[2]

COMMANDS_INTRODUCTION = """\
This page is made from the code. `alphanet COMMAND --help` prints the same text for the version that is installed.

Every command that a script would call has `--json`. It prints one JSON object to stdout and everything else to stderr.
The exit code is 0 on success, 1 after an error in one line (`error: …`), 2 if the command line itself is wrong, and
130 after Ctrl-C.
"""

CARDS_INTRODUCTION = """\
This page is made from the code. A card is a YAML file. A key that is not listed here is an error, and the message names
the nearest key that exists.
"""

PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/cards.md": cards_page,
    "changes.md": changes_page,
}
"""Path below `docs/`, and what makes the page."""
