"""Write a report: the page, everything as JSON, tables, and copies of the figures."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

from alphanet.files import atomic_path, write_text
from alphanet.paths import resources
from alphanet.report.page.model import CLAIMS, VERDICTS, Figure, Number, Report, Run
from alphanet.report.page.plain_tables import plain_tables, write_plain_tables
from alphanet.report.page.reading import place_facts
from alphanet.report.page.shown import CHECKED, ERRATUM, FILLS, INK, MARKS, make_sheet, origin_names

INLINE = 2_000_000  # bytes; a larger CSV is linked beside the page, not carried in it
HOVER = 240  # characters of what a pointer tells
TREE = """\
{folder}
├── index.html      the page, a single file
├── results.json    everything on it
├── tables/         Markdown and LaTeX
└── figures/        PDF, PNG, SVG, and CSV with the numbers"""


def write_report(folder: Path, report: Report) -> Path:
    """Write `report` into `folder`; returns the path of the page.

    Raises:
        UserError: the folder cannot be written.
    """
    for run in report.runs:
        for figure in run.figures:
            for ending, source in figure.sources.items():
                with atomic_path(folder / figure.files[ending]) as temporary:
                    shutil.copyfile(source, temporary)
    write_plain_tables(folder / "tables", report.runs)
    text = json.dumps(report.as_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(folder / "results.json", text)
    page = folder / "index.html"
    write_text(page, render(report))
    return page


def render(report: Report) -> str:
    """The page as HTML, with styles, figures and data inside."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resources("reports") / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda item: isinstance(item, Number)
    environment.filters["minute"] = lambda when: when[:16].replace("T", " ")
    names = origin_names(report.runs)
    facts = {key: value for run in report.runs for key, value in run.origins.items()}
    return environment.get_template("page.html.j2").render(
        report=report,
        summary=report.summary(),
        meanings={**VERDICTS, **CLAIMS},
        verdicts=list(VERDICTS),
        fills=FILLS,
        marks=MARKS,
        ink=INK,
        checked=CHECKED,
        erratum=ERRATUM,
        views=[_view(run) for run in report.runs],
        origin=names,
        hover={key: _hover(value) for key, value in facts.items()},
        css=(resources("reports") / "templates" / "page.css").read_text(encoding="utf-8"),
    )


def _view(run: Run) -> dict[str, Any]:
    """What the template shows of a run."""
    return {
        "run": run,
        "sheet": make_sheet(run),
        "figures": [(figure, _image(figure), _data(figure)) for figure in run.figures],
        "tables": [(table.name, table.title) for table in plain_tables(run)],
        "place": place_facts(run.where),
        "counts": run.verdicts(),
    }


def _hover(facts: dict[str, str]) -> str:
    text = " · ".join(f"{name} {value}" for name, value in facts.items())
    return text if len(text) <= HOVER else f"{text[:HOVER]}…"


def _image(figure: Figure) -> str:
    """The drawing as an address that is the drawing: names inside one do not meet those of another."""
    return f"data:image/svg+xml;base64,{_base64(figure.sources['svg'])}"


def _data(figure: Figure) -> str:
    """The figure's numbers as an address that is the file, or leads to it where it is large; empty without them."""
    source = figure.sources.get("csv")
    if source is None:
        return ""
    if source.stat().st_size > INLINE:
        return figure.files["csv"]
    return f"data:text/csv;charset=utf-8;base64,{_base64(source)}"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
