"""Write a report: the page, everything as JSON, tables, and copies of the figures."""

import base64
import shutil
from dataclasses import dataclass
from pathlib import Path

from alphanet.files import atomic_path, write_text
from alphanet.paths import resources
from alphanet.report.page.collect import Collected
from alphanet.report.page.model import ReportedRun
from alphanet.report.sheet import ERRATUM, Sheet, make_sheet
from alphanet.report.tables import write_tables
from alphanet.results.facts import provenance_facts
from alphanet.results.schema import CLAIMS, RESULTS, SETTINGS, VERDICTS, Figure, Number

INLINE = 2_000_000  # bytes; a larger CSV is linked beside the page, not carried in it
HOVER = 240  # characters of the text that a pointer shows
INK = "#1a1a1a"
FILLS = {
    "reproduced": "#bfe3f5",
    "better": "#c9ecd9",
    "worse": "#f7c6a3",
    "paper inconsistent": "#f3e39a",
    "not comparable": "#ececec",
    "not run": "#ffffff",
    "not in the paper": "#f6f6f6",
    "inconclusive": "#ececec",
    "agrees": "#e3eef4",
    "differs": "#f6ddca",
    "supported": "#bfe3f5",
    "contradicted": "#f7c6a3",
    "undecided": "#ececec",
    "not tested": "#ffffff",
}
"""Backgrounds of verdicts, distinct with any color vision and light enough for `INK`; words and marks repeat them"""
MARKS = {
    "reproduced": "✓",
    "better": "▲",
    "worse": "▼",
    "paper inconsistent": "⚠",
    "not comparable": "≠",
    "not run": "○",
    "not in the paper": "·",
    "inconclusive": "?",
    "agrees": "=",
    "differs": "✗",
    "supported": "✓",
    "contradicted": "✗",
    "undecided": "?",
    "not tested": "○",
}
CHECKED = {"ok": "v-supported", "FAILS": "v-contradicted"}
"""Words of an audit, and the class of the color behind each."""


@dataclass(frozen=True)
class ShownFigure:
    """A figure as the page carries it."""

    figure: Figure
    image: str  # an address that is the drawing: names inside one do not meet those of another
    data: str  # an address of its numbers; empty without them
    files: dict[str, str]  # in the report, by ending


@dataclass(frozen=True)
class View:
    """Values that the template shows of a run besides its result."""

    run: ReportedRun
    sheet: Sheet | None
    figures: list[ShownFigure]
    facts: dict[str, str]  # machine, versions, code
    popovers: dict[str, str]  # ids of the elements with the facts behind a number, by the keys of `origins`
    has_tables: bool


def write_report(folder: Path, collected: Collected) -> Path:
    """Write a report into `folder`; return the path of the page.

    Raises:
        UserError: the folder cannot be written.
    """
    report, sources = collected.report, collected.folders
    for run in report.runs:
        if run.result is None:
            continue
        for figure in run.result.figures:
            for ending, file in run.figures.get(figure.name, {}).items():
                with atomic_path(folder / file) as temporary:
                    shutil.copyfile(sources[run.id] / figure.files[ending], temporary)
        write_tables(folder / "tables", run.result, run.id)
    write_text(folder / RESULTS, report.model_dump_json(by_alias=True, indent=1) + "\n")
    page = folder / "index.html"
    write_text(page, render(collected))
    return page


def render(collected: Collected) -> str:
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
    environment.filters["hover"] = _hover
    return environment.get_template("page.html.j2").render(
        report=collected.report,
        meanings={**VERDICTS, **SETTINGS, **CLAIMS},
        verdicts=list(VERDICTS),
        settings=list(SETTINGS),
        fills=FILLS,
        marks=MARKS,
        ink=INK,
        checked=CHECKED,
        erratum=ERRATUM,
        views=[_view(run, collected.folders[run.id]) for run in collected.report.runs],
        css=(resources("reports") / "templates" / "page.css").read_text(encoding="utf-8"),
    )


def _view(run: ReportedRun, folder: Path) -> View:
    result = run.result
    if result is None:
        return View(run, None, [], {}, {}, has_tables=False)
    figures = [
        ShownFigure(figure, _image(folder / figure.files["svg"]), _data(run, figure, folder), run.figures[figure.name])
        for figure in result.figures
        if figure.name in run.figures
    ]
    has_tables = bool(result.cells or result.grids)
    popovers = {key: f"{run.id}-origin-{place}" for place, key in enumerate(result.origins)}
    return View(run, make_sheet(result), figures, provenance_facts(result.provenance), popovers, has_tables)


def _hover(facts: dict[str, str]) -> str:
    text = " · ".join(f"{name} {value}" for name, value in facts.items())
    return text if len(text) <= HOVER else f"{text[:HOVER]}…"


def _image(path: Path) -> str:
    return f"data:image/svg+xml;base64,{_base64(path)}"


def _data(run: ReportedRun, figure: Figure, folder: Path) -> str:
    """The address of the figure's numbers: a data URL, or a link if the file is large; empty if there are none."""
    target = run.figures[figure.name].get("csv")
    if target is None:
        return ""
    source = folder / figure.files["csv"]
    if source.stat().st_size > INLINE:
        return target
    return f"data:text/csv;charset=utf-8;base64,{_base64(source)}"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
