"""What commands print: results on stdout as a table or as one JSON object, everything else on stderr."""

import json
import logging
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from alphanet.errors import UserError
from alphanet.printed import printable, printable_json
from alphanet.report.columns import widened

SHORT_CELL = 10  # characters of cells that are never broken on a terminal
LONG_CELL = 60  # characters of a cell, beyond which its column is not padded to it
LEAST_WIDTH = 20  # of a terminal, below which it breaks lines itself


class StderrHandler(logging.Handler):
    """Writes records of the logger `alphanet` as lines to stderr; warnings and errors are marked."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message; it goes above a progress bar, which puts itself in the place of `sys.stderr`."""
        try:
            print_text(self.format(record), sys.stderr)
        except (OSError, ValueError):
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        """The message, behind `warning:` or `error:` if it is one."""
        mark = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        return mark + super().format(record)


def show_messages(level: int = logging.INFO) -> None:
    """Send messages of `level` and above to stderr. A second call only changes the level."""
    logger = logging.getLogger("alphanet")
    logger.setLevel(level)
    if not any(isinstance(handler, StderrHandler) for handler in logger.handlers):
        logger.addHandler(StderrHandler())


def print_text(text: str, stream: TextIO | None = None) -> None:
    """Print sentences on stdout, or on `stream`; on a terminal they are broken between words, elsewhere never."""
    stream, shown = stream or sys.stdout, printable(text)
    print(_broken(shown) if stream.isatty() else shown, file=stream, flush=True)


def _broken(text: str) -> str:
    """The text in lines that fit the terminal; what goes on is indented, and a word that is too long stays whole."""
    from rich.console import Console

    width = max(LEAST_WIDTH, Console(stderr=True).width)
    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())] + "  "
        lines += textwrap.wrap(
            line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "\n".join(lines)


def print_json(schema: str, values: Mapping[str, object]) -> None:
    """Print one JSON object with the key `schema` on stdout.

    Raises:
        UserError: a value is NaN or infinite, which JSON cannot hold.
    """
    try:
        text = json.dumps({"schema": schema, **values}, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise UserError(f"the result cannot be printed as JSON: {error}") from error
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # JSON has escapes for what the terminal's encoding lacks
        text = json.dumps({"schema": schema, **values}, allow_nan=False)
    print(printable_json(text))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, left: Sequence[str] = (), title: str = ""
) -> None:
    """Print a table on stdout: lines on a terminal, Markdown elsewhere.

    Args:
        columns: titles; the first column is aligned left.
        rows: cells as text.
        left: titles of other columns with text, which are aligned left too.
        title: above the table.
    """
    if title:
        print_text(title)
    columns = [printable(column) for column in columns]
    rows = [[printable(cell) for cell in row] for row in rows]
    aligned = ["left" if place == 0 or column in left else "right" for place, column in enumerate(columns)]
    if sys.stdout.isatty():
        _print_lines(columns, rows, aligned)
    else:
        _print_markdown(columns, rows, aligned)


def _print_lines(columns: Sequence[str], rows: Iterable[Sequence[str]], aligned: Sequence[Any]) -> None:
    """A table if the terminal is wide enough for its longest words, otherwise a paragraph for each row."""
    from rich.console import Console

    console = Console(highlight=False)
    lines = [list(row) for row in rows]
    cells = [(column, *(line[place] for line in lines)) for place, column in enumerate(columns)]
    whole = [place == 0 or max(map(len, texts)) <= SHORT_CELL for place, texts in enumerate(cells)]
    widths = [
        max(map(len, texts)) if unbroken else max(len(word) for text in texts for word in ["", *text.split()])
        for texts, unbroken in zip(cells, whole, strict=True)
    ]
    spare = console.width - sum(widths) - (len(widths) - 1)
    if spare >= 0:
        gap = 2 if spare >= len(widths) else 1
        longest = [max(map(len, texts)) for texts in cells]
        wider = widened(widths, longest, spare - (gap - 1) * len(widths))
        _print_grid(console, columns, lines, aligned, wider, gap)
    else:
        _print_paragraphs(console, columns, lines)


def _print_grid(
    console: Any,
    columns: Sequence[str],
    lines: Sequence[Sequence[str]],
    aligned: Sequence[Any],
    widths: Sequence[int],
    gap: int,
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, gap - 1, 0, 0), pad_edge=False, show_edge=False)
    for column, justify, width in zip(columns, aligned, widths, strict=True):
        table.add_column(Text(column), justify=justify, overflow="fold", width=width)
    for line in lines:
        table.add_row(*map(Text, line))  # texts may hold brackets, which are no markup
    console.print(table)


def _print_paragraphs(console: Any, columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    for first, *rest in lines:
        console.print(Text(first, overflow="fold"))
        parts = [f"{title} {text}".strip() for title, text in zip(columns[1:], rest, strict=True) if text]
        console.print(Padding(Text(" · ".join(parts), overflow="fold"), (0, 0, 0, 2)))


def _print_markdown(columns: Sequence[str], rows: Sequence[Sequence[str]], aligned: Sequence[str]) -> None:
    """Columns are padded for readers of the text, unless a cell is long."""
    cells = [[text.replace("|", "\\|").replace("\n", " ") for text in row] for row in (columns, *rows)]
    widths = [min(LONG_CELL, max(len(text) for text in column)) for column in zip(*cells, strict=True)]
    for place, row in enumerate(cells):
        padded = [
            text.ljust(width) if side == "left" else text.rjust(width)
            for text, width, side in zip(row, widths, aligned, strict=True)
        ]
        print(f"| {' | '.join(padded)} |".rstrip())
        if place == 0:
            rules = [
                "-" * (width + 2) if side == "left" else "-" * (width + 1) + ":"
                for width, side in zip(widths, aligned, strict=True)
            ]
            print(f"|{'|'.join(rules)}|")
