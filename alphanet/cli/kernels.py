"""`alphanet kernels`: the kernels in C++ that evaluate AlphaNet on a CPU, compiled before they are needed."""

import logging

import typer

from alphanet.cli import options as o
from alphanet.cli.output import print_json, print_table
from alphanet.errors import UserError

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="kernels",
    help="Compile the kernels that evaluate AlphaNet on a CPU.",
    no_args_is_help=True,
    epilog="Examples:\n\nalphanet kernels build\n\nalphanet kernels build 96",
)


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.callback()
def _group() -> None:
    """Keep `build` a command of a group, though it is the only one."""


@app.command(epilog="Example:\n\nalphanet kernels build 32 128")
def build(channels: o.Channels = None, as_json: o.AsJson = False) -> None:
    """Compile kernels for numbers of hidden channels; common ones if none are given. What is there is kept.

    Without this command they are compiled at the first use of a number of channels, in the background.
    """
    from alphanet.model.native.library import COMMON, NativeError, is_built
    from alphanet.model.native.library import build as compiled

    wanted = tuple(dict.fromkeys(channels or COMMON))
    for number in wanted:
        if number <= 0 or number % 4:
            raise UserError(f"{number} channels: hidden channels are a multiple of 4")
    rows = []
    for number in wanted:
        try:
            new = not is_built(number)
            if new:
                logger.info("compiling kernels for %d channels …", number)
            rows.append({"channels": number, "file": str(compiled(number)), "new": new})
        except NativeError as error:
            raise UserError(f"kernels for {number} channels: {error}; without them the reference is used") from error
    if as_json:
        print_json("alphanet-kernels", {"kernels": rows})
    else:
        lines = [(str(row["channels"]), "compiled" if row["new"] else "was there", str(row["file"])) for row in rows]
        print_table(("channels", "state", "file"), lines, left=("state", "file"))
