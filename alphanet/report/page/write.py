"""Write a report: the page, everything as JSON, tables, and copies of the figures."""

import shutil
from pathlib import Path
from typing import Any

from alphanet.files import atomic_path, write_text
from alphanet.paths import resources
from alphanet.report.page.claims import LEVELS, shown_claims
from alphanet.report.page.collect import Collected
from alphanet.report.page.view import groups_of, leading_figure, make_view
from alphanet.report.sheet import ERRATUM
from alphanet.report.tables import write_tables
from alphanet.results.schema import CLAIMS, RESULTS, SETTINGS, VERDICTS, Number

RECORDS: Any = {"runs": {"__all__": {"result": {"records"}}}}
"""Left out of a report, whose cells name them by id: they stand in the `results.json` of their run"""
HOVER = 100  # characters of a tip: the record, its time and the model; a click shows everything
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


def write_report(folder: Path, collected: Collected, *, single_file: bool = False) -> Path:
    """Write a report into `folder`; return the path of the page.

    Args:
        folder: of the report.
        collected: the runs.
        single_file: carry all drawings and their numbers inside the page; by default large ones are files beside it.

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
    content = report.model_dump_json(by_alias=True, indent=1, exclude=RECORDS)
    write_text(folder / RESULTS, content + "\n")
    page = folder / "index.html"
    write_text(page, render(collected, single_file=single_file))
    return page


def render(collected: Collected, *, single_file: bool = False) -> str:
    """The page as HTML, with styles, script and small drawings inside; with `single_file` all drawings."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = resources("reports") / "templates"
    environment = Environment(
        loader=FileSystemLoader(templates),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["number"] = lambda item: isinstance(item, Number)
    environment.filters["minute"] = lambda when: when[:16].replace("T", " ")
    environment.filters["hover"] = _hover
    report = collected.report
    views = [make_view(run, collected.folders[run.id], single_file=single_file) for run in report.runs]
    claims = shown_claims(report.runs)
    return environment.get_template("page.html.j2").render(
        report=report,
        meanings={**VERDICTS, **SETTINGS, **CLAIMS},
        verdicts=list(VERDICTS),
        claim_verdicts=list(CLAIMS),
        levels=LEVELS,
        fills=FILLS,
        marks=MARKS,
        ink=INK,
        checked=CHECKED,
        erratum=ERRATUM,
        claims=claims,
        lead=leading_figure(claims, views),
        groups=groups_of(views),
        css=(templates / "page.css").read_text(encoding="utf-8"),
        script=(templates / "page.js").read_text(encoding="utf-8"),
    )


def _hover(facts: dict[str, str]) -> str:
    text = " · ".join(f"{name} {value}" for name, value in facts.items())
    return text if len(text) <= HOVER else f"{text[:HOVER]}…"
