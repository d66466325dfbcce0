"""The command line. Each command group is one file; heavy imports happen inside the commands."""

import logging
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from alphanet.cli import (
    baselines,
    bench,
    data,
    evaluate,
    kernels,
    machine,
    models,
    options,
    output,
    process,
    released,
    report,
    repro,
    schema,
    simulate,
    train,
)
from alphanet.errors import UserError

logger = logging.getLogger(__name__)


class _Root(TyperGroup):
    """The command line itself, which sees all words before its commands do."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, process.with_home(args))


app = typer.Typer(
    name="alphanet",
    cls=_Root,
    help="Reproduce the AlphaNet paper, and measure interatomic potentials so that the numbers can be believed.",
    epilog="Examples:\n\nalphanet repro table1 --only 'AlphaNet/*' --budget 10m\n\n"
    "alphanet eval alphanet formate:mini:test --untrained\n\nalphanet report runs -o runs/report",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (
    repro,
    bench,
    report,
    train,
    evaluate,
    models,
    simulate,
    released,
    data,
    baselines,
    kernels,
    machine,
    schema,
):
    group.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(version_text())
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[  # noqa: ARG001  # its callback prints
        bool,
        typer.Option("--version", help="Print versions and exit.", callback=_print_version, is_eager=True),
    ] = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Set up messages for whichever command follows."""
    if quiet and verbose:
        raise UserError("give --quiet or --verbose, not both")
    output.show_messages(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)


def version_text() -> str:
    """Versions of this project and of torch, and the commit of a checkout; torch is not imported."""
    from alphanet.provenance import code, software

    described = code()
    commit = described.get("commit")
    changed = " with changes" if described.get("dirty") else ""
    parts = [f"alphanet {described['version']}", *([f"commit {commit[:12]}{changed}"] if commit else [])]
    return ", ".join([*parts, f"torch {software().get('torch', 'not installed')}"])


def main() -> None:
    """Run the command line; foreseeable mistakes become one line on stderr and exit code 1.

    Signals end it with 128 and their number: Ctrl-C 130, SIGTERM 143, SIGUSR1 138, after which SLURM requeues the job.
    """
    process.show_every_character()
    process.end_orderly()
    try:
        app(prog_name="alphanet")
    except SystemExit as end:
        process.requeue_after(end.code)
        raise
    except (UserError, OSError) as error:
        output.print_text(f"error: {error}", sys.stderr)
        sys.exit(1)
    except RecursionError:
        output.print_text("error: what was read is nested too deeply; name a file that is not", sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError) as error:
        message = process.memory_message(error)
        if message is None:
            raise
        output.print_text(f"error: {message}", sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
