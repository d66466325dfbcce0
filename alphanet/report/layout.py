"""The cells of a result in the arrangement of the paper's table: what runs across it, and what runs down."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from alphanet.results.schema import Axis, BenchmarkResult, Cell

AXES: tuple[Axis, ...] = ("column", "metric", "row")  # the order of those that the table does not print across
TITLES: dict[Axis, str] = {"row": "potential", "column": "system", "metric": "metric"}
MANY = 4  # potentials or metrics; more of them run down

Item = TypeVar("Item")
Key = tuple[str, ...]


@dataclass(frozen=True)
class Block(Generic[Item]):
    """Items in rows and columns; `items` has one a column, None where the table has no such cell."""

    fixed: tuple[str, ...]  # values that all cells share; the title of the table states them
    down: tuple[str, ...]  # titles of the headings of a row
    head: tuple[Key, ...]  # headings of each column, the outermost first
    rows: tuple[tuple[Key, tuple[Item | None, ...]], ...]  # headings of each row, and its items

    @property
    def levels(self) -> list[list[tuple[str, int]]]:
        """Headings of the columns, a list a level, each with the number of columns that it spans."""
        levels: list[list[tuple[str, int]]] = []
        for level in range(len(self.head[0]) if self.head else 0):
            spans: list[tuple[str, int]] = []
            for place, key in enumerate(self.head):
                if place and self.head[place - 1][: level + 1] == key[: level + 1]:
                    spans[-1] = (key[level], spans[-1][1] + 1)
                else:
                    spans.append((key[level], 1))
            levels.append(spans)
        return levels


def axes_across(result: BenchmarkResult) -> tuple[Axis, ...]:
    """The axes that the table prints across: those of its card; else few potentials, or the metrics of one system."""
    if result.across:
        return result.across
    count = {axis: len({text_on(axis, cell) for cell in result.cells}) for axis in AXES}
    if count["column"] == 1:
        return ("metric",)
    if count["row"] == 1:
        return ("metric",) if count["metric"] <= MANY else ("column",)
    return ("column",) if count["column"] > MANY or count["row"] > MANY else ("row",)


def arrange(
    across: Sequence[Axis], cells: Iterable[Cell], item: Callable[[Cell], Item], context: Iterable[Cell] = ()
) -> Block[Item]:
    """Cells in rows and columns, both in the order of the cells.

    Args:
        across: axes that run across the table, the outermost first.
        cells: those of the block.
        item: what the block holds of a cell.
        context: all cells of the table; an axis on which they share one value is left out of the headings. By default
            `cells`.
    """
    cells = list(cells)
    context = list(context) or cells
    single = {axis for axis in AXES if len({text_on(axis, cell) for cell in context}) == 1}
    fixed = tuple(text_on(axis, context[0]) for axis in AXES if axis in single and axis != "metric")
    down = [axis for axis in AXES if axis not in across]
    shown_across = [axis for axis in across if axis not in single] or list(across[-1:])
    shown_down = [axis for axis in down if axis not in single] or down[-1:]
    items = {(_key(shown_down, cell), _key(shown_across, cell)): item(cell) for cell in cells}
    head = tuple(dict.fromkeys(key for _, key in items))
    rows = tuple(
        (heading, tuple(items.get((heading, column)) for column in head))
        for heading in dict.fromkeys(key for key, _ in items)
    )
    fixed = tuple(text for text in fixed if not any(text in heading for heading, _ in rows))
    return Block(fixed, tuple(TITLES[axis] for axis in shown_down), head, rows)


def text_on(axis: Axis, cell: Cell) -> str:
    """The heading of a cell on one axis; metrics have their unit."""
    if axis != "metric":
        return str(getattr(cell, axis))
    return f"{cell.metric_title} ({cell.unit})" if cell.unit else cell.metric_title


def _key(axes: Iterable[Axis], cell: Cell) -> Key:
    return tuple(text_on(axis, cell) for axis in axes)
