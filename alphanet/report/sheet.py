"""A result prepared for display: numbers as text in the paper's arrangement, long reasons and errata as notes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from alphanet.report.layout import Block, arrange, axes_across
from alphanet.results.facts import value_text
from alphanet.results.schema import INCONSISTENT, BenchmarkResult, Cell, Grid, Number

ERRATUM = "Erratum: "


@dataclass(frozen=True)
class Line:
    """One cell, as texts."""

    cell: Cell
    paper: str
    measured: str
    ratio: str  # empty unless the cell may be compared
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
class Sheet:
    """The cells of a result in blocks, and the notes that their lines refer to by number."""

    shown: Block[Line] | None
    trivial: Block[Line] | None  # floors such as the mean; of no interest beside the paper
    absent: Block[Line] | None  # potentials without a number
    common: str  # verdict of every measured cell; its reason has no note then
    notes: tuple[str, ...]

    @property
    def lines(self) -> Iterator[Line]:
        """All cells, in the order of the blocks."""
        for block in (self.shown, self.trivial, self.absent):
            for _, items in block.rows if block else ():
                yield from (item for item in items if item)

    @property
    def absent_rows(self) -> tuple[str, ...]:
        """The potentials without a number."""
        items = (item for _, row in self.absent.rows for item in row if item) if self.absent else ()
        return tuple(dict.fromkeys(item.cell.row for item in items))


@dataclass(frozen=True)
class PlainTable:
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()  # places of the columns of numbers, to the right
    remarks: tuple[str, ...] = ()  # under the table, before the notes
    notes: tuple[str, ...] = ()


def make_sheet(result: BenchmarkResult) -> Sheet:
    """The cells of `result` in the arrangement of the paper: measured rows, floors, and rows without a number."""
    if not result.cells:
        return Sheet(None, None, None, "", ())
    measured = {cell.row for cell in result.cells if cell.measured is not None}
    groups: dict[str, list[Cell]] = {"shown": [], "trivial": [], "absent": []}
    for cell in result.cells:
        name = "absent" if cell.row not in measured else "trivial" if cell.row in result.trivial else "shown"
        groups[name].append(cell)
    notes: list[str] = []
    common = _common_verdict(groups["shown"])
    across = axes_across(result)
    blocks = {
        name: arrange(across, cells, lambda cell: _line(cell, notes, common), result.cells) if cells else None
        for name, cells in groups.items()
    }
    return Sheet(blocks["shown"], blocks["trivial"], blocks["absent"], common, tuple(notes))


def plain_tables(result: BenchmarkResult) -> list[PlainTable]:
    """The cells with all notes, then every grid, as texts; a row of cells has lines for paper, here and verdict."""
    sheet = make_sheet(result)
    tables = []
    remarks = _remarks(sheet)
    for block, title in ((sheet.shown, result.title), (sheet.trivial, f"{result.title}: floors")):
        if block:
            tables.append(_plain(block, title, sheet.common if block is sheet.shown else "", remarks))
            remarks = ()
    notes = (*sheet.notes, *result.notes)
    if tables:
        tables[-1] = replace(tables[-1], notes=notes)
    elif result.cells:
        tables = [PlainTable(result.title, ("potential",), (), remarks=remarks, notes=notes)]
    return tables + [PlainTable(grid.title, grid.columns, tuple(grid_rows(grid))) for grid in result.grids]


def grid_rows(grid: Grid) -> Iterator[tuple[str, ...]]:
    """The rows of a grid as texts."""
    for row in grid.rows:
        yield tuple(item.text if isinstance(item, Number) else item for item in row)


def _remarks(sheet: Sheet) -> tuple[str, ...]:
    remarks = []
    if sheet.common:
        remarks.append(f"Every number measured here: {sheet.common}.")
    if sheet.absent:
        numbers = sorted({number for line in sheet.lines for number in line.notes if line.cell.measured is None})
        listed = "".join(f"[{number}]" for number in numbers)
        remarks.append(f"Not run: {', '.join(sheet.absent_rows)} {listed}".rstrip() + ".")
    return tuple(remarks)


def _plain(block: Block[Line], title: str, common: str, remarks: Sequence[str]) -> PlainTable:
    """A block as lines of text: of each row the paper's numbers, those measured here, and the verdicts."""
    columns = (*block.down, "", *(" ".join(key) for key in block.head))
    rows = []
    for heading, items in block.rows:
        texts = {
            "paper": [item.paper if item else "" for item in items],
            "here": [item.measured if item else "" for item in items],
            "verdict": [_short(item, common) if item else "" for item in items],
        }
        kept = [(name, cells) for name, cells in texts.items() if name == "here" or set(cells) - {"", "–"}]
        rows += [
            (*(heading if not place else [""] * len(heading)), name, *cells) for place, (name, cells) in enumerate(kept)
        ]
    numbers = frozenset(range(len(block.down) + 1, len(columns)))
    fixed = f" ({', '.join(block.fixed)})" if block.fixed else ""
    return PlainTable(f"{title}{fixed}", columns, tuple(rows), numbers, tuple(remarks))


def _short(line: Line, common: str) -> str:
    """The verdict of a line; of a cell with the common one, or that the paper has not, only its notes."""
    if line.cell.verdict in (common, "not in the paper"):
        numbers = "".join(f"[{number}]" for number in line.notes)
        return f"{line.mark} {numbers}".strip()
    return line.verdict


def _common_verdict(cells: Sequence[Cell]) -> str:
    """The verdict of all measured cells that the paper has, if they share one that has a reason; else empty."""
    verdicts = {cell.verdict for cell in cells if cell.measured is not None and cell.printed is not None}
    return verdicts.pop() if len(verdicts) == 1 and ": " in next(iter(verdicts)) else ""


def _line(cell: Cell, notes: list[str], common: str) -> Line:
    short, _, explanation = cell.verdict.partition(": ")
    stated = [explanation] if explanation and cell.verdict != common else []
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
    """Measured over paper with the margin, if the two may be compared."""
    if cell.ratio is None or not cell.comparable:
        return ""
    allowed = "" if cell.margin is None else f"; ±{cell.margin:.3g} allowed"
    return f"{cell.ratio:.3g} ×{allowed}"


def _number(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1
