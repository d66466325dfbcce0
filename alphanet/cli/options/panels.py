"""How options and arguments are declared: the panel of the help in which they stand, and their text."""

from collections.abc import Callable
from typing import Any

import typer

from alphanet import durations

WHAT, LIMITS, HARDWARE = "What to run", "Limits", "Hardware"
MODEL, DATA, OUTPUT = "Model", "Data", "Output"
SIMULATION = "Simulation"


def option(panel: str, text: str, *flags: str, **more: Any) -> Any:
    """An option with the help `text` in a panel; `more` as `typer.Option` has it.

    Whether a path can be read is found when it is read: the message is then that of every other mistake.
    """
    return typer.Option(*flags, help=text, rich_help_panel=panel, readable=False, **more)


def duration(text: str, flag: str) -> Any:
    """An option that is a time; `{}` in its help stands for examples."""
    return option(LIMITS, text.format(durations.EXAMPLES), flag, parser=durations.seconds, metavar="DURATION")


def argument(metavar: str, text: str, complete: Callable[[str], list[str]] | None = None) -> Any:
    """An argument with the help `text`; as with options, reading a path finds whether it can be read."""
    return typer.Argument(metavar=metavar, help=text, show_default=False, autocompletion=complete, readable=False)
