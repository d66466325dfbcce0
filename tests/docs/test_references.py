"""The reference pages are made from the code and leave nothing out."""

import sys
from decimal import Decimal
from typing import Literal

import pytest
import typer
from pages import DOCS
from pydantic import Field

from alphanet.cards import Card

sys.path.insert(0, str(DOCS / "hooks"))

from command_reference import anchor, command_reference, help_markdown, text
from model_reference import ModelGroup, model_reference
from reference_pages import PAGES


class Part(Card):
    """A part with `code` and a | bar."""

    size: int = 3  # bytes; 3 | 4
    name: str | None = None
    """What it is called"""


class Whole(Part):
    """Of parts."""

    kind: Literal["big", "small"]
    parts: tuple[Part, ...] = ()
    printed: dict[str, Decimal] = Field(default_factory=dict, description="By row")


@pytest.fixture
def tree():
    """A command line with a group, an argument, options and an example."""
    app, group = typer.Typer(help="All of it."), typer.Typer(help="Inner ones.")

    @group.command()
    def run(
        name: str,
        times: int = typer.Option(2, min=1, help="How often a|b."),
        loud: bool = typer.Option(False, "--loud/--quiet", help="Whether to *shout*.", rich_help_panel="Output"),
        place: str = typer.Option(None, envvar="PLACE", help="Where."),
    ):
        """Run something. And more.

        Example: alphanet run NAME --times 3
        """

    @group.command(hidden=True)
    def secret():
        """Not for anybody."""

    app.add_typer(group, name="inner")
    return typer.main.get_command(app)


def test_commands(tree):
    page = command_reference("top", tree, "Introduction.")
    assert "### top inner\n" in page and "#### top inner run\n" in page and "secret" not in page
    assert "[`run`](#top-inner-run) | Run something." in page
    assert "top inner run [OPTIONS] NAME" in page
    assert "| `--times` INTEGER | `2` | How often a\\|b. |" in page
    assert "| output | default | meaning |" in page and "`--loud`, `--quiet`" in page and "\\*shout\\*" in page
    assert "Where. Also read from `PLACE`." in page
    assert "```sh\nalphanet run NAME --times 3\n```" in page


def test_models():
    page = model_reference("Cards", "Introduction.", [ModelGroup("Group", "Where.", (Whole,))])
    assert page.index("### Whole") < page.index("### Part")
    assert "| `size` | integer | `3` | bytes; 3 \\| 4 |" in page
    assert "| `name` | text |  | What it is called |" in page
    assert "| `kind` | `big` or `small` | required |  |" in page
    assert "| `parts` | list of [Part](#part) |  |  |" in page
    assert "| `printed` | mapping of text to number |  | By row |" in page
    assert "A part with `code` and a \\| bar." in page


def test_text_and_anchors():
    assert text("a*b `c*d` <e>") == r"a\*b `c*d` \<e>"
    assert anchor("alphanet bench train-speed") == "alphanet-bench-train-speed"
    assert help_markdown("First\nsecond.\n\n  $ alphanet x --y\n") == "First\nsecond.\n\n```sh\nalphanet x --y\n```"


def test_every_command_has_a_section():
    from alphanet.cli import app

    def names(words, command):
        yield words
        for name, inner in getattr(command, "commands", {}).items():
            if not inner.hidden:
                yield from names(f"{words} {name}", inner)

    page = PAGES["reference/commands.md"]()
    for name in names("alphanet", typer.main.get_command(app)):
        assert f"# {name}\n" in page


def test_every_card_and_the_result_have_their_keys():
    cards = PAGES["reference/cards.md"]()
    for key in ("level_of_theory", "conservative", "power_law", "temporal_channels", "learning_rate"):
        assert f"| `{key}` |" in cards, key
    results = PAGES["reference/results.md"]()
    for key in ("schema", "cells", "measured", "origins", "hardware", "metrics"):
        assert f"| `{key}` |" in results, key
