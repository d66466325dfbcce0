"""Every table of the page as Markdown and as LaTeX."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphanet.files import write_text
from alphanet.report.page.model import Grid, Number, Run
from alphanet.report.page.reading import slug
from alphanet.report.page.shown import make_sheet
from alphanet.report.tables import tex

COLUMNS = ("system and metric", "potential", "paper", "measured", "verdict", "measured / paper")


@dataclass(frozen=True)
class PlainTable:
    """A table of texts."""

    name: str  # of its files
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def plain_tables(run: Run) -> Iterator[PlainTable]:
    """The tables of `run`: its cells, and its other numbers."""
    if run.cells:
        sheet = make_sheet(run)
        rows = tuple(
            (
                group.title,
                line.cell.row,
                line.paper,
                line.measured,
                " ".join([*filter(None, (line.cell.verdict, line.qualifier, line.mark)), *_marks(line.notes)]),
                line.ratio,
            )
            for group in sheet.groups
            for line in group.lines
        )
        yield PlainTable(run.id, _title(run), COLUMNS, rows, sheet.notes)
    for grid in run.grids:
        yield PlainTable(slug(grid.id), grid.title, grid.columns, tuple(_texts(grid)))


def write_plain_tables(folder: Path, runs: Sequence[Run]) -> None:
    """Write `NAME.md` and `NAME.tex` of each table into `folder`."""
    for run in runs:
        for table in plain_tables(run):
            write_text(folder / f"{table.name}.md", as_markdown(table))
            write_text(folder / f"{table.name}.tex", as_latex(table))


def as_markdown(table: PlainTable) -> str:
    """A heading, the table, and its notes as a numbered list."""
    lines = [table.columns, ("---",) * len(table.columns), *table.rows]
    body = "".join("| " + " | ".join(_one_line(text) for text in line) + " |\n" for line in lines)
    notes = "".join(f"{number}. {note}\n" for number, note in enumerate(table.notes, 1))
    return f"# {table.title}\n\n{body}\n{notes}".rstrip("\n") + "\n"


def as_latex(table: PlainTable) -> str:
    """A `table` with booktabs; columns that are texts to the left."""
    rows = "".join(_tex_row(row) for row in table.rows)
    notes = "".join(f"    [{number}] {tex(note)}\\par\n" for number, note in enumerate(table.notes, 1))
    under = f"\n  \\begin{{minipage}}{{\\linewidth}}\n    \\footnotesize\n{notes}  \\end{{minipage}}\n" if notes else ""
    return (
        "% Needs \\usepackage{booktabs}.\n\\begin{table}\n  \\centering\n"
        f"  \\caption{{{tex(table.title)}}}\n  \\begin{{tabular}}{{{'l' * len(table.columns)}}}\n    \\toprule\n"
        f"{_tex_row(table.columns)}    \\midrule\n{rows}    \\bottomrule\n  \\end{{tabular}}\n{under}\\end{{table}}\n"
    )


def _title(run: Run) -> str:
    return f"{run.title}, scale {run.scale}" if run.scale else run.title


def _texts(grid: Grid) -> Iterator[tuple[str, ...]]:
    for row in grid.rows:
        yield tuple(item.text if isinstance(item, Number) else item for item in row)


def _marks(notes: Sequence[int]) -> list[str]:
    return [f"[{number}]" for number in notes]


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _tex_row(texts: Sequence[str]) -> str:
    return "    " + " & ".join(tex(" ".join(text.split())) for text in texts) + r" \\" + "\n"
