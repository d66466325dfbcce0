"""A result on a terminal, or as plain Markdown where the output is none."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from alphanet.report.sheet import CELL_COLUMNS, NUMBERS, grid_rows, make_sheet
from alphanet.results.schema import BenchmarkResult

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 120  # columns where the output is no terminal


def print_result(result: BenchmarkResult) -> None:
    """Print the cells with their notes, claims, short grids, problems and failures to stdout."""
    from rich.text import Text

    console = make_console()
    console.print(Text(f"{result.title} · scale {result.scale}", style="bold"))
    for text in (result.protocol, result.conditions):
        if text:
            console.print(Text(text))
    sheet = make_sheet(result)
    if sheet.groups:
        rows = [
            (group.system, group.metric, line.cell.row, line.paper, line.measured, line.verdict)
            for group in sheet.groups
            for line in group.lines
        ]
        print_rows(console, CELL_COLUMNS, rows, wrapped=("verdict", "metric", "system"))
        _print_notes(console, (*sheet.notes, *result.notes))
    for grid in result.grids:
        if not grid.folded or not result.cells:
            console.print(Text(grid.title, style="bold"))
            print_rows(console, grid.columns, list(grid_rows(grid)), wrapped=grid.columns[1:])
    for claim in result.claims:
        console.print(Text(f"claimed: {claim.text}\nhere: {claim.verdict}"))
        for detail in claim.details:
            console.print(Text(f"  {detail}"))
    if not sheet.groups:
        if result.reason:
            console.print(Text(f"not comparable: {result.reason}"))
        _print_notes(console, result.notes)
    for problem in result.problems:
        console.print(Text(problem, style="yellow"))
    for failure in result.failures:
        console.print(Text(f"failed: {failure}", style="red"))


def make_console() -> "Console":
    """A console on stdout: as wide as the terminal, or of a fixed width without colors."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def print_rows(
    console: "Console", columns: Sequence[str], rows: Sequence[Sequence[str]], wrapped: Sequence[str] = ()
) -> None:
    """Print a table: lines on a terminal, Markdown elsewhere.

    Args:
        console: where.
        columns: titles.
        rows: one text a column.
        wrapped: columns whose texts may be broken into lines.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.MARKDOWN)
    for column in columns:
        justify = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, no_wrap=column not in wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(Text(text) for text in row), style="bold" if "AlphaNet" in row else "")
    console.print(table)


def _print_notes(console: "Console", notes: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    for number, note in enumerate(notes, 1):
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(f"[{number}]"), Text(note, style="dim"))
        console.print(grid)
