"""Runs as they are read: cells in groups with numbered notes, verdicts with colours, origins under short names."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from alphanet.paper.cells import INCONSISTENT
from alphanet.report.page.model import PaperCell, Run
from alphanet.report.sheet import value_text

INK = "#1a1a1a"
FILLS = {
    "reproduced": "#bfe3f5",
    "better": "#c9ecd9",
    "worse": "#f7c6a3",
    INCONSISTENT: "#f3e39a",
    "not comparable": "#ececec",
    "not run": "#ffffff",
    "not in the paper": "#f6f6f6",
    "holds": "#bfe3f5",
    "does not hold": "#f7c6a3",
    "not measured": "#ffffff",
}
"""Behind a verdict. Told apart with any colour vision, light enough for `INK`; the word and the mark say the same."""
MARKS = {
    "reproduced": "✓",
    "better": "▲",
    "worse": "▼",
    INCONSISTENT: "⚠",
    "not comparable": "≠",
    "not run": "○",
    "not in the paper": "·",
    "holds": "✓",
    "does not hold": "✗",
    "not measured": "○",
}
CHECKED = {"ok": "v-holds", "FAILS": "v-does-not-hold"}
"""Words of an audit, and the class of the colour behind each."""
ERRATUM = "Erratum: "


@dataclass(frozen=True)
class Line:
    """One cell of the paper, as texts."""

    cell: PaperCell
    paper: str
    measured: str
    ratio: str
    qualifier: str  # beside the verdict, say "one seed"
    mark: str  # that the paper contradicts itself here, where the verdict does not say it
    notes: tuple[int, ...]  # numbers of the notes under the table


@dataclass(frozen=True)
class Group:
    """Cells of one system and metric."""

    title: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Sheet:
    """The cells of a run, and the notes that their lines call by number."""

    groups: tuple[Group, ...]
    notes: tuple[str, ...]


def make_sheet(run: Run) -> Sheet:
    """The cells of `run` in groups of system and metric, in their order."""
    notes: list[str] = []
    groups: dict[str, list[Line]] = {}
    for cell in run.cells:
        unit = f" ({cell.unit})" if cell.unit else ""
        groups.setdefault(f"{cell.column}: {cell.metric_title}{unit}", []).append(_line(cell, notes))
    return Sheet(tuple(Group(title, tuple(lines)) for title, lines in groups.items()), tuple(notes))


def measured_text(cell: PaperCell) -> str:
    """The measured value with at least the paper's decimals, its spread over seeds or its interval."""
    text = value_text(cell.measured, cell.spread)
    decimals = len(text.partition(" ")[0].partition(".")[2])
    if cell.printed is not None and cell.measured is not None:
        printed = -int(Decimal(cell.printed).as_tuple().exponent)
        if printed > decimals:
            decimals = printed
            text = f"{cell.measured:.{decimals}f}" + ("" if cell.spread is None else f" ± {cell.spread:.{decimals}f}")
    if cell.interval is None:
        return text
    low, high = cell.interval
    return f"{text} ({low:.{decimals}f}–{high:.{decimals}f})"


def origin_names(runs: Sequence[Run]) -> dict[str, str]:
    """An id of the page for each origin of a number."""
    keys = [key for run in runs for key in run.origins]
    return {key: f"origin-{place}" for place, key in enumerate(keys)}


def _line(cell: PaperCell, notes: list[str]) -> Line:
    short, _, explanation = cell.said.partition(": ")
    stated = [explanation] if explanation else []
    stated += [f"{ERRATUM}{text}" for text in cell.errata]
    return Line(
        cell=cell,
        paper=cell.printed or "–",
        measured=measured_text(cell),
        ratio=_ratio(cell),
        qualifier=short.removeprefix(cell.verdict).strip(" ()"),
        mark=INCONSISTENT if cell.inconsistent and cell.verdict != INCONSISTENT else "",
        notes=tuple(_number(notes, text) for text in stated),
    )


def _ratio(cell: PaperCell) -> str:
    if cell.ratio is None:
        return ""
    allowed = "" if cell.tolerance is None else f"; ±{cell.tolerance:.3g} allowed"
    return f"{cell.ratio:.3g} ×{allowed}"


def _number(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text) + 1
