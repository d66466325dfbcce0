"""A result prepared for display: numbers as text, long reasons and errata as numbered notes under the table."""

from collections.abc import Iterator
from dataclasses import dataclass

from alphanet.results.facts import value_text
from alphanet.results.schema import INCONSISTENT, BenchmarkResult, Cell, Grid, Number

ERRATUM = "Erratum: "
CELL_COLUMNS = ("system", "metric", "potential", "paper", "measured", "verdict")
NUMBERS = frozenset({"paper", "measured"})  # columns of numbers, to the right


@dataclass(frozen=True)
class Line:
    """One cell, as texts."""

    cell: Cell
    paper: str
    measured: str
    ratio: str
    qualifier: str  # beside the verdict, such as "one seed"
    mark: str  # set if the paper contradicts itself here and the verdict does not say so
    notes: tuple[int, ...]  # numbers of the notes under the table

    @property
    def verdict(self) -> str:
        """Outcome, qualifier and mark, with the numbers of the notes."""
        qualifier = f" ({self.qualifier})" if self.qualifier else ""
        mark = f"; {self.mark}" if self.mark else ""
        numbers = "".join(f"[{number}]" for number in self.notes)
        return f"{self.cell.outcome}{qualifier}{mark} {numbers}".strip()


@dataclass(frozen=True)
class Group:
    """Cells of one system and metric."""

    system: str
    metric: str  # title and unit
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sheet:
    """The cells of a result, and the notes that their lines refer to by number."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PlainTable:
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def make_sheet(result: BenchmarkResult) -> Sheet:
    """The cells of `result` in groups of system and metric, in their order."""
    notes: list[str] = []
    groups: dict[tuple[str, str], list[Line]] = {}
    for cell in result.cells:
        metric = f"{cell.metric_title} ({cell.unit})" if cell.unit else cell.metric_title
        groups.setdefault((cell.column, metric), []).append(_line(cell, notes))
    return Sheet(tuple(Group(*place, tuple(lines)) for place, lines in groups.items()), tuple(notes))


def plain_tables(result: BenchmarkResult) -> list[PlainTable]:
    """The cells with all notes, then every grid, as texts."""
    sheet = make_sheet(result)
    rows = [
        (group.system, group.metric, line.cell.row, line.paper, line.measured, line.verdict)
        for group in sheet.groups
        for line in group.lines
    ]
    notes = (*sheet.notes, *result.notes)
    tables = [PlainTable(result.title, CELL_COLUMNS, tuple(rows), notes)] if rows else []
    return tables + [PlainTable(grid.title, grid.columns, tuple(grid_rows(grid))) for grid in result.grids]


def grid_rows(grid: Grid) -> Iterator[tuple[str, ...]]:
    """The rows of a grid as texts."""
    for row in grid.rows:
        yield tuple(item.text if isinstance(item, Number) else item for item in row)


def _line(cell: Cell, notes: list[str]) -> Line:
    short, _, explanation = cell.verdict.partition(": ")
    stated = [explanation] if explanation else []
    stated += [f"{ERRATUM}{text}" for text in cell.errata]
    return Line(
        cell=cell,
        paper=cell.printed or "–",
        measured=_measured(cell),
        ratio=_ratio(cell),
        qualifier=short.removeprefix(cell.outcome).strip(" ()"),
        mark=INCONSISTENT if cell.inconsistent and cell.outcome != INCONSISTENT else "",
        notes=tuple(_number(notes, text) for text in stated),
    )


def _measured(cell: Cell) -> str:
    """The measured value with at least the paper's decimals, its spread over seeds or its interval."""
    text = value_text(cell.measured, cell.spread)
    decimals = _decimals(text.partition(" ")[0])
    if cell.printed is not None and cell.measured is not None and _decimals(cell.printed) > decimals:
        decimals = _decimals(cell.printed)
        text = f"{cell.measured:.{decimals}f}" + ("" if cell.spread is None else f" ± {cell.spread:.{decimals}f}")
    if cell.interval is None:
        return text
    low, high = cell.interval
    return f"{text} ({low:.{decimals}f}–{high:.{decimals}f})"


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])


def _ratio(cell: Cell) -> str:
    if cell.ratio is None:
        return ""
    allowed = "" if cell.margin is None else f"; ±{cell.margin:.3g} allowed"
    return f"{cell.ratio:.3g} ×{allowed}"


def _number(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1
