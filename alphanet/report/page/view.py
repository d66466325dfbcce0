"""Views of runs: the values that the page shows of a run besides its result, and the parts that it shows runs in."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from alphanet.report.page.claims import ShownClaim
from alphanet.report.page.model import SETTINGS_KIND, ReportedRun
from alphanet.report.sheet import Sheet, make_sheet
from alphanet.results.facts import provenance_facts
from alphanet.results.schema import Figure

INLINE = 60_000  # bytes; larger drawings are loaded from files beside the page
PARITY = "parity"  # beginning of the names of figures that are open only on demand
PARTS = ("Tables", "Figures", "Physics and expressiveness", "Settings")
SOUNDNESS = ("physics", "expressiveness")  # kinds of the third part


@dataclass(frozen=True)
class ShownFigure:
    """A figure as the page shows it."""

    figure: Figure
    image: str  # address of the drawing: a file, or the drawing itself
    data: str  # address of its numbers; empty without them
    files: dict[str, str]  # in the report, by ending

    @property
    def folded(self) -> bool:
        """Whether it is open only on demand."""
        return self.figure.name.startswith(PARITY)


@dataclass(frozen=True)
class View:
    """Values that the template shows of a run besides its result."""

    run: ReportedRun
    sheet: Sheet | None
    figures: list[ShownFigure]
    facts: dict[str, str]  # machine, versions, code
    popovers: dict[str, str]  # ids of the elements with the facts behind a number, by the keys of `origins`
    has_tables: bool


def make_view(run: ReportedRun, folder: Path, *, single_file: bool) -> View:
    """The view of a run whose files lie in `folder`."""
    result = run.result
    if result is None:
        return View(run, None, [], {}, {}, has_tables=False)
    figures = [
        ShownFigure(
            figure,
            _address(run, figure, "svg", folder, "image/svg+xml", single_file=single_file),
            _address(run, figure, "csv", folder, "text/csv;charset=utf-8", single_file=single_file),
            run.figures[figure.name],
        )
        for figure in result.figures
        if figure.name in run.figures
    ]
    has_tables = bool(result.cells or result.grids)
    popovers = {key: f"{run.id}-origin-{place}" for place, key in enumerate(result.origins)}
    return View(run, make_sheet(result), figures, provenance_facts(result.provenance), popovers, has_tables)


def groups_of(views: Sequence[View]) -> dict[str, list[View]]:
    """The views by part of the page, parts without a view left out."""
    groups: dict[str, list[View]] = {part: [] for part in PARTS}
    for view in views:
        groups[_part(view.run)].append(view)
    return {part: members for part, members in groups.items() if members}


def leading_figure(claims: Sequence[ShownClaim], views: Sequence[View]) -> tuple[View, ShownFigure] | None:
    """The figure of the first screen: that of the most important claim whose run drew one; else the first figure."""
    by_run = {view.run.id: view for view in views}
    for view in [*(by_run[shown.run.id] for shown in claims), *views]:
        for figure in view.figures:
            if not figure.folded:
                return view, figure
    return None


def _part(run: ReportedRun) -> str:
    kind = run.result.kind if run.result else ""
    if kind in SOUNDNESS:
        return PARTS[2]
    if kind == SETTINGS_KIND:
        return PARTS[3]
    return PARTS[1] if run.form == "figure" else PARTS[0]


def _address(run: ReportedRun, figure: Figure, ending: str, folder: Path, media: str, *, single_file: bool) -> str:
    """The address of a figure's file: its content if it is small or the page carries all; empty if there is none."""
    target = run.figures[figure.name].get(ending)
    if target is None:
        return ""
    content = (folder / figure.files[ending]).read_bytes()
    if not single_file and (ending == "csv" or len(content) > INLINE):
        return target
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"
