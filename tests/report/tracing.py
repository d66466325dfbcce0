"""Follow every number of a report to its basis: records on disk, files of the runs, cards of the benchmarks."""

import math
import re
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean, stdev

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.loading import load_benchmark
from alphanet.report.page.model import Report, ReportedRun
from alphanet.results.records import Record, RecordLog
from alphanet.results.schema import Cell, Number, read_result

CLOSE = 1e-9  # relative
LEAST = 1e-12  # the largest value that a shown zero may have


class _Shown(HTMLParser):
    """Texts of the elements that show a number: `data-value`, `data-paper`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.numbers: list[dict] = []
        self._open: list[dict] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        if tag not in ("meta", "link", "img", "br", "input"):
            self._open.append(element)
        if "data-value" in element or "data-paper" in element:
            self.numbers.append(element)

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data


def trace(report: Path, runs: Path) -> dict[str, int]:
    """Fail where a number of `report` cannot be followed; return how many of each sort were.

    Args:
        report: its folder.
        runs: the folder that the run folders lie in.
    """
    collected = Report.model_validate_json((report / "results.json").read_text(encoding="utf-8"))
    shown = _Shown((report / "index.html").read_text(encoding="utf-8")).numbers
    known: dict[str, float | None] = {}
    papers: dict[str, str] = {}
    counts = {"cells": 0, "paper": 0, "others": 0}
    for run in collected.runs:
        if run.result is None:
            continue
        folder = runs / Path(run.folder).name
        own = read_result(folder / "results.json").model_copy(update={"records": {}})  # those stay beside the run
        assert own == run.result, f"{folder} holds another result"
        log = RecordLog(folder / "records.jsonl")
        assert log.problems == [], log.problems
        kept = {record.id: record for record in log.records}
        for cell in run.result.cells:
            known |= _cell(cell, run, kept)
            papers |= _printed(cell)
            counts["cells"] += cell.measured is not None
        for claim in run.result.claims:
            known[f"{run.id}/claim-{claim.id}#effect"] = claim.effect
        for key, item in grid_numbers(run).items():
            if item.paper:
                papers[key] = item.text
                continue
            _require_basis(run.result.origins[item.origin], folder, key)
            known[key] = item.value
            counts["others"] += 1
    for element in shown:
        text = " ".join(element["text"].split()).replace("−", "-")
        if "data-value" in element:
            _require_rounds_to(known[element["data-value"]], text)
        else:
            assert papers[element["data-paper"]] == text, element
            counts["paper"] += 1
    on_page = {element["data-value"] for element in shown if "data-value" in element}
    assert on_page == {key for key, value in known.items() if value is not None}
    return counts


def grid_numbers(run: ReportedRun) -> dict[str, Number]:
    """The numbers of all grids of a run, by the id that the page calls them by."""
    assert run.result is not None
    return {
        f"{run.id}/{grid.id}/{line}/{place}": item
        for grid in run.result.grids
        for line, row in enumerate(grid.rows)
        for place, item in enumerate(row)
        if isinstance(item, Number)
    }


def cell_id(run: ReportedRun, cell: Cell) -> str:
    """The id that the page calls a cell by."""
    return "/".join((run.id, cell.row, cell.column, cell.metric))


def _cell(cell: Cell, run: ReportedRun, kept: dict[str, Record]) -> dict[str, float | None]:
    """The numbers of a cell, after they were computed again from the records on disk."""
    key, measured = cell_id(run, cell), cell.measured
    if measured is None:
        assert not cell.origin and cell.ratio is None
        return {}
    assert cell.records and cell.records[0] in run.result.origins[cell.origin]["record"], key
    factor = _card(cell.table).metrics[cell.metric].factor
    values = [factor * kept[record].metrics[cell.metric] for record in cell.records]
    assert math.isclose(fmean(values), measured, rel_tol=CLOSE), key
    if cell.spread is not None and cell.repeats == "seed":  # passes are within a record
        assert math.isclose(stdev(values), cell.spread, rel_tol=1e-6, abs_tol=LEAST), key
    printed = _card(cell.table).printed(cell.row, cell.column, cell.metric)
    ratio = measured / float(printed) if printed else None
    assert (ratio is None) == (cell.ratio is None) and (ratio is None or math.isclose(ratio, cell.ratio)), key
    return {f"{key}#measured": measured, f"{key}#ratio": ratio if cell.comparable else None}


def _printed(cell: Cell) -> dict[str, str]:
    """The paper's value as its card prints it."""
    printed = _card(cell.table).printed(cell.row, cell.column, cell.metric)
    assert cell.printed == (None if printed is None else str(printed)), cell
    if printed is None:
        return {}
    return {f"{cell.table}|{cell.row}|{cell.column}|{cell.metric}": str(printed)}


def _require_basis(facts: dict[str, str], folder: Path, key: str) -> None:
    """A number of a grid rests on something, and if that is a file, the file is there."""
    assert facts, key
    assert "file" not in facts or (folder / facts["file"]).is_file(), f"{key}: {folder / facts['file']} is missing"


def _card(name: str) -> AnyCard:
    return load_benchmark(name)


def _require_rounds_to(value: float | None, text: str) -> None:
    """The text begins with the value, rounded to the digits that it shows.

    Two digits are shown at least: the zeros of 11000 may stand for others.
    """
    assert value is not None
    number = re.match(r"-?\d[\d.,]*(e[+-]?\d+)?", text)[0].replace(",", "")
    mantissa, _, exponent = number.partition("e")
    whole, _, decimals = mantissa.partition(".")
    zeros = 0 if decimals else max(0, min(len(whole) - len(whole.rstrip("0")), len(whole) - 2))
    unit = 10 ** (int(exponent or 0) - len(decimals) + zeros)
    assert abs(float(number) - value) <= unit * 0.5 * (1 + 1e-6) + LEAST, f"{text} is not {value}"
