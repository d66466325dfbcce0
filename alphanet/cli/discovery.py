"""`alphanet discovery`: how well predictions find stable crystals (Matbench Discovery)."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from alphanet.cli.options import AsJson

app = typer.Typer(name="discovery", help="Score predictions of crystal stability.", no_args_is_help=True)

RATES = ("f1", "daf", "precision", "recall", "accuracy", "tpr", "fpr", "tnr", "fnr")
COUNTS = ("tp", "fp", "tn", "fn")
ERRORS = ("mae", "rmse", "r2")
SIZES = {
    "n": "structures",
    "missing": "missing predictions, counted as unstable",
    "unlabelled": "structures left out: no DFT label",
    "unknown": "predictions left out: not in the truth",
}


def register(root: typer.Typer) -> None:
    """Add the group to the command line."""
    root.add_typer(app)


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(help="CSV(.gz): material_id and e_above_hull… or e_form…, eV/atom.", show_default=False)
    ],
    truth: Annotated[Path, typer.Option(help="CSV(.gz) with the published WBM summary's columns.")],
    threshold: Annotated[float, typer.Option(help="Highest energy above hull that is stable, eV/atom.")] = 0.0,
    column: Annotated[str | None, typer.Option(help="Column of predictions, where several would do.")] = None,
    as_json: AsJson = False,
) -> None:
    """F1, DAF, errors and the like of PREDICTIONS, computed by matbench-discovery in an environment of its own."""
    from alphanet.measure.discovery_score import score as score_files

    found = score_files(predictions, truth, threshold=threshold, column=column, report=_report)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        _print(predictions.name, found)


def _print(name: str, found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for key in RATES:
        table.add_row(key.upper() if key in ("f1", "daf", "tpr", "fpr", "tnr", "fnr") else key, _number(found[key]))
    for key in COUNTS:
        table.add_row(key.upper(), str(found[key]))
    for key in ERRORS:
        table.add_row(key.upper(), _number(found[key], "" if key == "r2" else " eV/atom"))
    for key, title in SIZES.items():
        table.add_row(title, str(found[key]))
    console = Console(highlight=False, markup=False)  # names of files may hold brackets
    console.print(f"{name}, {found['column']}", soft_wrap=True)
    console.print(table)
    by = found["computed_by"]
    console.print(" ".join(["computed by", by["package"], by.get("version", "")]).strip(), soft_wrap=True)
    for note in found["notes"]:
        console.print(note, soft_wrap=True)


def _number(value: float | None, unit: str = "") -> str:
    return "undefined (0/0)" if value is None else f"{value:.4f}{unit}"


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
