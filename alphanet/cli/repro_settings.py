"""`alphanet repro table6`: the paper's hyperparameters beside the presets of the code."""

from pathlib import Path
from typing import Annotated

import typer

from alphanet.cli.options import AsJson
from alphanet.data.progress import print_to_stderr

NAME = "table6"


def table6(
    scale: Annotated[str, typer.Option(help="mini, slice or full: settings are the same.")] = "full",
    out: Annotated[Path, typer.Option(help="Folder of runs; results are in its folder table6.")] = Path("runs"),
    as_json: AsJson = False,
) -> None:
    """Hyperparameters and numbers of parameters, read from the presets (Table 6); takes seconds."""
    from alphanet.cli.bench_options import require_one_of
    from alphanet.data.cards import SCALES
    from alphanet.benchmark.kinds.settings import Options
    from alphanet.report.settings_run import run_settings
    from alphanet.report.tables import print_sheet

    require_one_of("--scale", scale, SCALES)
    options = Options(out / NAME)
    finished = run_settings(NAME, options, print_to_stderr)
    if as_json:
        print((options.folder / "results.json").read_text(encoding="utf-8"), end="")
    else:
        print_sheet(finished.sheet)
