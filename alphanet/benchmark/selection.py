"""The cells of a benchmark that the user asks for: by row, column or both."""

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.findings import Place
from alphanet.errors import UserError, did_you_mean
from alphanet.results.schema import BenchmarkResult

WHOLE = ""  # the column of a benchmark that has none


def all_places(card: AnyCard) -> list[Place]:
    """Row and column of every cell; a card without columns has one place per row."""
    return [(row, column) for row in card.rows for column in card.columns or (WHOLE,)]


def selected_places(card: AnyCard, only: Sequence[str]) -> set[Place]:
    """Row and column of every cell that fits one of the patterns; all of them if there is no pattern.

    Args:
        card: the benchmark.
        only: patterns ROW, COLUMN, MODEL or ROW/COLUMN; `*` stands for anything, case does not count.

    Raises:
        UserError: a pattern fits nothing; the message gives the nearest known name.
    """
    if not only:
        return set(all_places(card))
    return {place for pattern in only for place in _matching(card, pattern)}


def anything_measured(result: BenchmarkResult, selected: Collection[Place]) -> bool:
    """Whether a selected cell has a number, or a record with a number is there that is of no other cell.

    The other cells keep the numbers of earlier runs.
    """
    if any(cell.measured is not None for cell in result.cells if (cell.row, cell.column) in selected):
        return True
    kept = {key for cell in result.cells if (cell.row, cell.column) not in selected for key in cell.records}
    return any(result.records[key].metrics for key in result.records.keys() - kept)


def _matching(card: AnyCard, pattern: str) -> set[Place]:
    # A row's name may hold a slash: the whole pattern is tried first.
    rows, columns = _rows(card, pattern), _fitting(pattern, card.columns)
    if rows or columns:
        return {(row, column) for row, column in all_places(card) if row in rows or column in columns}
    if "/" in pattern:
        row, _, column = pattern.partition("/")
        rows, columns = _rows(card, row), _fitting(column, card.columns)
        if not rows:
            raise _unknown(pattern, row, card.rows)
        if not columns:
            raise _unknown(pattern, column, card.columns)
        return {(row, column) for row in rows for column in columns}
    raise _unknown(pattern, pattern, [*card.rows, *card.columns])


def _rows(card: AnyCard, pattern: str) -> list[str]:
    """Rows whose name or model fits."""
    return [
        name
        for name, row in card.rows.items()
        if _fitting(pattern, [name]) or _fitting(pattern, [row.model.partition("@")[0]])
    ]


def _fitting(pattern: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if fnmatchcase(name.casefold(), pattern.strip().casefold())]


def _unknown(pattern: str, part: str, known: Iterable[str]) -> UserError:
    return UserError(f"only {pattern!r}: no row or column {part.strip()!r}{did_you_mean(part.strip(), list(known))}")
