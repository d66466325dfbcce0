"""A result on a terminal, or as plain Markdown if the output is not a terminal."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from alphanet.report.sheet import CELL_COLUMNS, NUMBERS, Sheet, grid_rows, make_sheet
from alphanet.results.schema import BenchmarkResult, Grid

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 120  # columns if the output is not a terminal


def print_result(result: BenchmarkResult) -> None:
    """Print the cells with their notes, claims, short grids, problems and failures to stdout."""
    from rich.text import Text

    console = _make_console()
    console.print(Text(f"{result.title} · scale {result.scale}", style="bold"))
    for text in (result.protocol, result.conditions):
        if text:
            console.print(Text(text))
    sheet = make_sheet(result)
    if sheet.groups:
        _print_cells(console, sheet)
        _print_notes(console, (*sheet.notes, *result.notes))
    for grid in result.grids:
        if not grid.folded or not result.cells:
            console.print(Text(grid.title, style="bold"))
            _print_grid(console, grid)
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


def _make_console() -> "Console":
    """A console on stdout: as wide as the terminal, or of a fixed width without colors."""
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _print_cells(console: "Console", sheet: Sheet) -> None:
    """Print the cells; on a terminal each group has a separate title line, so that they fit into 80 characters."""
    rows: list[tuple[str, ...]]
    if not console.is_terminal:
        rows = [
            (group.system, group.metric, line.cell.row, line.paper, line.measured, line.verdict)
            for group in sheet.groups
            for line in group.lines
        ]
        _print_rows(console, CELL_COLUMNS, rows, wrapped=("verdict", "metric", "system"))
        return
    rows = []
    for group in sheet.groups:
        rows.append((f"{group.system}: {group.metric}", "", "", ""))
        rows += [(f"  {line.cell.row}", line.paper, line.measured, line.verdict) for line in group.lines]
    _print_rows(console, CELL_COLUMNS[2:], rows, wrapped=("potential", "verdict"))


def _print_grid(console: "Console", grid: Grid) -> None:
    """Print a grid as a table with titles broken between words if it fits; otherwise every row as a paragraph."""
    from rich.padding import Padding
    from rich.text import Text

    rows = list(grid_rows(grid))
    columns = zip(grid.columns, *rows, strict=False)
    widths = [max(map(len, [*title.split(), *texts, ""])) for title, *texts in columns]
    if not console.is_terminal:
        _print_rows(console, grid.columns, rows, wrapped=grid.columns[1:])
        return
    if sum(widths) + 4 * len(widths) <= console.width:
        _print_rows(console, grid.columns, rows, wrapped=grid.columns, widths=widths)
        return
    for row in rows:
        console.print(Text(row[0] if row else ""))
        parts = (f"{title} {text}".strip() for title, text in zip(grid.columns[1:], row[1:], strict=False) if text)
        console.print(Padding(Text(" · ".join(parts)), (0, 0, 0, 2)))


def _print_rows(
    console: "Console",
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    wrapped: Sequence[str],
    widths: Sequence[int] = (),
) -> None:
    """Print a table: lines on a terminal, Markdown elsewhere.

    Args:
        console: the console to print on.
        columns: titles.
        rows: one text per column.
        wrapped: columns whose texts may be broken into lines.
        widths: least width of each column; empty means any.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.MARKDOWN)
    for column, width in zip_longest(columns, widths):
        justify: Literal["left", "right"] = "right" if column in NUMBERS else "left"
        no_wrap = column not in wrapped
        table.add_column(Text(column), justify=justify, no_wrap=no_wrap, overflow="fold", min_width=width)
    for row in rows:
        own = any(text.strip().startswith("AlphaNet") for text in row)
        table.add_row(*(Text(text) for text in row), style="bold" if own else "")
    console.print(table)


def _print_notes(console: "Console", notes: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    for number, note in enumerate(notes, 1):
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(f"[{number}]"), Text(note, style="dim"))
        console.print(grid)
