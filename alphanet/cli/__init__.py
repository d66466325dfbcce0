"""The command line. Each command group is one file; heavy imports happen inside the commands."""

import sys

import typer

from alphanet.cli import baselines, bench, data, discovery, evaluate, export, models, report, repro, train
from alphanet.errors import UserError

app = typer.Typer(
    name="alphanet",
    help="Reproduce the AlphaNet paper and measure interatomic potentials so that the numbers can be believed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (repro, bench, report, train, evaluate, models, export, data, baselines, discovery):
    group.register(app)


def main() -> None:
    """Run the command line; foreseeable mistakes become one line on stderr and exit code 1, Ctrl-C 130."""
    try:
        app()
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
