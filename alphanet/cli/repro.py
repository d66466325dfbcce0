"""`alphanet repro`: the paper's tables and figures, measured again, and what can be."""

from collections.abc import Callable

import typer

from alphanet.cli import (
    repro_all,
    repro_card,
    repro_cost,
    repro_discovery,
    repro_landscape,
    repro_list,
    repro_settings,
    repro_speed,
)

app = typer.Typer(
    help="Reproduce tables and figures of the paper; several names in one command run one after the other.",
    no_args_is_help=True,
    cls=repro_card.Benchmarks,
)


def register(parent: typer.Typer) -> None:
    """Add the group to `parent`."""
    commands: list[Callable[..., None]] = [
        repro_landscape.fig1,
        repro_discovery.table4,
        repro_speed.fig3a,
        repro_speed.fig3b,
        repro_speed.table5,
        repro_settings.table6,
        repro_cost.table7,
    ]
    for command in commands:
        app.command()(command)
    app.command("list")(repro_list.list_)
    app.command("all")(repro_all.all_)
    app.command(repro_card.TEMPLATE, hidden=True)(repro_card.card)
    parent.add_typer(app, name="repro")
