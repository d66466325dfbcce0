"""A result on a terminal, or as plain Markdown if the output is not a terminal."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

from alphanet.report.columns import widened
from alphanet.report.sheet import PlainTable, grid_rows, plain_tables
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
    cells = plain_tables(result)[: -len(result.grids) or None]
    for table in cells:
        _print_cells(console, table)
        _print_notes(console, table.notes)
    for grid in result.grids:
        if not grid.folded or not result.cells:
            console.print(Text(grid.title, style="bold"))
            _print_grid(console, grid)
    for claim in result.claims:
        console.print(Text(f"claimed{f' ({claim.place})' if claim.place else ''}: {claim.text}\nhere: {claim.verdict}"))
        for detail in claim.details:
            console.print(Text(f"  {detail}"))
    if not cells:
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


def _print_cells(console: "Console", table: PlainTable) -> None:
    """Print cells in the paper's arrangement; a table that is too wide is broken into parts of fewer columns."""
    from rich.text import Text

    for remark in table.remarks:
        console.print(Text(remark))
    fixed = [place for place in range(len(table.columns)) if place not in table.numbers]
    widths = [max(len(word) for text in texts for word in (*text.split(), "")) for texts in _columns(table)]
    free = console.width - sum(widths[place] + 3 for place in fixed) - 2
    part: list[int] = []
    for place in sorted(table.numbers):
        if part and sum(widths[other] + 3 for other in (*part, place)) > free:
            _print_part(console, table, [*fixed, *part], widths)
            part = []
        part.append(place)
    if part:
        _print_part(console, table, [*fixed, *part], widths)


def _columns(table: PlainTable) -> list[tuple[str, ...]]:
    """Title and texts of each column."""
    return list(zip(table.columns, *table.rows, strict=True))


def _print_part(console: "Console", table: PlainTable, places: Sequence[int], widths: Sequence[int]) -> None:
    columns = [table.columns[place] for place in places]
    rows = [[row[place] for place in places] for row in table.rows]
    right = [place in table.numbers for place in places]
    _print_rows(console, columns, rows, wrapped=columns, widths=[widths[place] for place in places], right=right)


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
    right: Sequence[bool] = (),
) -> None:
    """Print a table: lines on a terminal, Markdown elsewhere.

    Args:
        console: the console to print on.
        columns: titles.
        rows: one text per column.
        wrapped: columns whose texts may be broken into lines.
        widths: least width of each column, see `widened`; empty means any.
        right: whether a column is of numbers; empty means that none is.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else box.MARKDOWN)
    if widths:
        longest = [max(map(len, texts)) for texts in zip(columns, *rows, strict=True)]
        widths = widened(widths, longest, console.width - sum(width + 3 for width in widths) - 1)
    for column, width, number in zip_longest(columns, widths, right):
        justify: Literal["left", "right"] = "right" if number else "left"
        no_wrap = column not in wrapped
        table.add_column(Text(column), justify=justify, no_wrap=no_wrap, overflow="fold", width=width)
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
