"""Tables of a result as Markdown, LaTeX and CSV, with one template per format."""

import csv
import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.files import write_text
from alphanet.paths import resources
from alphanet.report.sheet import plain_tables
from alphanet.results.schema import BenchmarkResult, Cell

if TYPE_CHECKING:
    from jinja2 import Environment

LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "Å": r"\AA{}",
        "±": r"$\pm$",
        "–": "--",
        "−": "$-$",
        "×": r"$\times$",
        "→": r"$\rightarrow$",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def write_tables(folder: Path, result: BenchmarkResult, name: str = "table") -> None:
    """Write `NAME.md` and `NAME.tex` with all tables of `result`, and `NAME.csv` with its cells, if it has any.

    Raises:
        UserError: the folder cannot be written.
    """
    if not result.cells and not result.grids:
        return
    write_text(folder / f"{name}.md", as_markdown(result))
    write_text(folder / f"{name}.tex", as_latex(result))
    if result.cells:
        write_text(folder / f"{name}.csv", as_csv(result))


def as_markdown(result: BenchmarkResult) -> str:
    """Every table with its notes as a numbered list."""
    return _render("table.md.j2", result)


def as_latex(result: BenchmarkResult) -> str:
    """Every table with booktabs, and its notes under it."""
    return _render("table.tex.j2", result)


def as_csv(result: BenchmarkResult) -> str:
    """One line a cell, with all digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Cell.model_fields), lineterminator="\n")
    writer.writeheader()
    for cell in result.cells:
        lists = {"records": " ".join(cell.records), "errata": " ".join(cell.errata)}
        interval = "" if cell.interval is None else "{} {}".format(*cell.interval)
        prediction = "" if cell.prediction is None else "{} {}".format(*cell.prediction)
        ratio = cell.ratio if cell.comparable else None  # of numbers that may not be compared it says nothing
        pairs = {"interval": interval, "prediction": prediction, "ratio": ratio}
        writer.writerow(cell.model_dump() | lists | pairs)
    return text.getvalue()


def tex(text: str) -> str:
    """`text` with LaTeX's special characters escaped."""
    return text.translate(LATEX)


def _render(template: str, result: BenchmarkResult) -> str:
    rendered = _environment().get_template(template).render(result=result, tables=plain_tables(result))
    return rendered.rstrip("\n") + "\n"


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resources("reports") / "templates"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # Braces and percent signs are LaTeX's own.
        block_start_string=r"\BLOCK{",
        block_end_string="}",
        variable_start_string=r"\VAR{",
        variable_end_string="}",
        comment_start_string=r"\COMMENT{",
        comment_end_string="}",
    )
    environment.filters["tex"] = lambda text: tex(" ".join(text.split()))
    environment.filters["cell"] = lambda text: " ".join(text.split()).replace("|", r"\|")
    return environment
