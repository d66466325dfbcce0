"""A table as it is read: numbers as text, long reasons and errata as numbered notes under it."""

from collections.abc import Sequence
from dataclasses import dataclass

from alphanet.paper.benchmark import Table
from alphanet.paper.cells import INCONSISTENT, RULE, Cell


@dataclass(frozen=True)
class Line:
    """One cell of the table, as text."""

    system: str
    metric: str
    potential: str
    paper: str
    measured: str
    verdict: str


@dataclass(frozen=True)
class Sheet:
    """Everything a reader of the table sees."""

    title: str
    scale: str
    protocol: str
    source: str
    systems: tuple[tuple[Line, ...], ...]  # the lines of each column of the benchmark
    notes: tuple[str, ...]  # note n is called [n] in the verdicts


def make_sheet(benchmark: Table, scale: str, cells: Sequence[Cell]) -> Sheet:
    """The readable form of `cells`."""
    notes: list[str] = []
    systems = tuple(
        tuple(_line(benchmark, cell, notes) for cell in cells if cell.column == column) for column in benchmark.columns
    )
    if any(cell.comparable or cell.inconsistent for cell in cells):
        notes.append(RULE)
    notes += [row.note for row in benchmark.rows.values() if row.note]
    notes += benchmark.notes
    return Sheet(
        title=benchmark.title,
        scale=scale,
        protocol=benchmark.scale(scale).protocol,
        source=benchmark.source,
        systems=tuple(lines for lines in systems if lines),
        notes=tuple(notes),
    )


def _line(benchmark: Table, cell: Cell, notes: list[str]) -> Line:
    printed = benchmark.printed(cell.row, cell.column, cell.metric)
    short, _, explanation = cell.verdict.partition(": ")
    stated = [explanation] if explanation else []
    if printed is not None:
        stated += [e.text for e in benchmark.errata if e.touches(cell.row, cell.column, cell.metric)]
    if cell.inconsistent and not short.startswith(INCONSISTENT):
        short += f"; {INCONSISTENT}"
    marks = "".join(f"[{_number(notes, text)}]" for text in stated)
    metric = benchmark.metrics[cell.metric].title
    return Line(
        system=cell.column,
        metric=f"{metric} ({cell.unit})" if cell.unit else metric,
        potential=cell.row,
        paper="–" if printed is None else str(printed),
        measured=value_text(cell.measured, cell.spread),
        verdict=f"{short} {marks}".strip(),
    )


def _number(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1


def value_text(value: float | None, spread: float | None) -> str:
    """Three significant digits without an exponent, and the spread to the same place; whole numbers as they are."""
    if value is None:
        return "–"
    if spread is None and float(value).is_integer():
        return f"{value:.0f}"
    # The digits of what was rounded: 99.96 is 100, not 100.0.
    magnitude = f"{abs(value):.2e}"
    decimals = max(0, 2 - int(magnitude.partition("e")[2])) if value else 0
    text = f"{value:.{decimals}f}"
    return text if spread is None else f"{text} ± {spread:.{decimals}f}"
