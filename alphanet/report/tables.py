"""Tables in the terminal and as CSV, Markdown, LaTeX and JSON."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alphanet.files import write_text
from alphanet.paper.cells import Cell
from alphanet.paths import resources
from alphanet.report.sheet import Sheet

PLAIN_WIDTH = 120  # columns of the table where the output is no terminal
LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "Å": r"\AA{}",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
        "×": r"$\times$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def write_tables(folder: Path, sheet: Sheet, cells: Sequence[Cell], beside: Mapping[str, Any]) -> None:
    """Write `results.json`, `table.csv`, `table.md` and `table.tex` into `folder`, each atomically.

    Args:
        folder: the run folder of the table.
        sheet: the table as it is read.
        cells: the same as numbers.
        beside: what `results.json` holds besides `cells` (provenance, protocol).
    """
    values = {
        "title": sheet.title,
        "scale": sheet.scale,
        "protocol": sheet.protocol,
        "source": sheet.source,
        "cells": [cell.as_dict() for cell in cells],
        "notes": list(sheet.notes),
        **beside,
    }
    write_text(folder / "results.json", json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / "table.csv", as_csv(cells))
    write_text(folder / "table.md", _render("table.md.j2", sheet))
    write_text(folder / "table.tex", _render("table.tex.j2", sheet))


def as_csv(cells: Sequence[Cell]) -> str:
    """One line a cell, with all digits."""
    import pandas as pd

    table = pd.DataFrame([{**cell.as_dict(), "records": " ".join(cell.records)} for cell in cells])
    return table.to_csv(index=False)


def print_sheet(sheet: Sheet) -> None:
    """Show the table and its notes on stdout: lines and colours on a terminal, plain text elsewhere."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    plain = not console.is_terminal
    if plain:
        console = Console(highlight=False, width=PLAIN_WIDTH)
    table = Table(box=box.MARKDOWN if plain else box.SIMPLE_HEAD)
    for name in ("system", "metric", "potential", "paper", "measured", "verdict"):
        table.add_column(name, justify="right" if name in ("paper", "measured") else "left", no_wrap=name != "verdict")
    for lines in sheet.systems:
        for line in lines:
            style = "bold" if line.potential == "AlphaNet" else ""
            table.add_row(*(Text(text) for text in dataclasses.astuple(line)), style=style)
        if not plain:
            table.add_section()
    console.print(Text(f"{sheet.title} · scale {sheet.scale}", style="bold"))
    console.print(Text(sheet.protocol))
    console.print(table)
    for number, note in enumerate(sheet.notes, 1):
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(f"[{number}]"), Text(note, style="dim"))
        console.print(grid)


def tex(text: str) -> str:
    """`text` with LaTeX's special characters escaped."""
    return text.translate(LATEX)


def _render(template: str, sheet: Sheet) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resources("reports") / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # Braces and percent signs are LaTeX's own.
        block_start_string=r"\BLOCK{",
        block_end_string="}",
        variable_start_string=r"\VAR{",
        variable_end_string="}",
        comment_start_string=r"\COMMENT{",
        comment_end_string="}",
    )
    environment.filters["tex"] = tex
    return environment.get_template(template).render(**vars(sheet))
