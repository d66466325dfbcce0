"""Which cells of a table the user asks for: by row, column, model or data set."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from alphanet.errors import UserError, did_you_mean
from alphanet.paper.benchmark import Benchmark
from alphanet.paper.cells import Place


def chosen_places(
    benchmark: Benchmark, only: Sequence[str] = (), models: Sequence[str] = (), datasets: Sequence[str] = ()
) -> set[Place]:
    """Row and column of every cell that all of the options allow; an empty one allows every cell.

    Args:
        benchmark: the card.
        only: patterns ROW, COLUMN or ROW/COLUMN; `*` stands for anything, case does not count.
        models: models, or run keys of rows.
        datasets: data sets.

    Raises:
        UserError: a name or pattern that nothing matches, with the nearest that is known.
    """
    _require_known(models, [name for row in benchmark.rows.values() for name in (row.model, row.run_key)], "--models")
    _require_known(datasets, [column.dataset for column in benchmark.columns.values()], "--datasets")
    places: set[Place] = {(row, column) for row in benchmark.rows for column in benchmark.columns}
    if only:
        places = {place for pattern in only for place in _matching(benchmark, pattern)}
    if models:
        asked = _folded(models)
        rows = {title for title, row in benchmark.rows.items() if _folded((row.model, row.run_key)) & asked}
        places = {(row, column) for row, column in places if row in rows}
    if datasets:
        asked = _folded(datasets)
        columns = {title for title, column in benchmark.columns.items() if column.dataset.casefold() in asked}
        places = {(row, column) for row, column in places if column in columns}
    return places


def _matching(benchmark: Benchmark, pattern: str) -> set[Place]:
    if "/" in pattern:
        row, _, column = pattern.partition("/")
        rows, columns = _fitting(row, benchmark.rows), _fitting(column, benchmark.columns)
        for part, found, known in ((row, rows, benchmark.rows), (column, columns, benchmark.columns)):
            _require_match(pattern, part, found, known)
        return {(row, column) for row in rows for column in columns}
    rows, columns = _fitting(pattern, benchmark.rows), _fitting(pattern, benchmark.columns)
    _require_match(pattern, pattern, [*rows, *columns], [*benchmark.rows, *benchmark.columns])
    return {(row, column) for row in benchmark.rows for column in benchmark.columns if row in rows or column in columns}


def _fitting(pattern: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if fnmatchcase(name.casefold(), pattern.strip().casefold())]


def _require_match(pattern: str, part: str, found: Sequence[str], known: Iterable[str]) -> None:
    if not found:
        raise UserError(f"--only {pattern}: no row or column {part.strip()!r}{did_you_mean(part.strip(), list(known))}")


def _folded(names: Iterable[str]) -> set[str]:
    """Names for comparison, where case does not count."""
    return {name.casefold() for name in names}


def _require_known(asked: Sequence[str], known: Sequence[str], option: str) -> None:
    for name in asked:
        if name.casefold() not in _folded(known):
            raise UserError(f"{option}: unknown {name!r}{did_you_mean(name, known)}")
