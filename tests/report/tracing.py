"""Follow every number of a report to what it rests on: records on disk, files of the runs, cards of the benchmarks."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean, stdev

from alphanet.measure.speed.statistics import used_memory
from alphanet.paper.all_cards import any_card
from alphanet.paper.benchmark import Table
from alphanet.results import Record, read_records

CLOSE = 1e-9  # relative
LEAST = 1e-12  # what a shown zero may be


class _Shown(HTMLParser):
    """Texts of the elements that show a number: `data-value`, `data-paper`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict] = []
        self._open: list[dict] = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        element = {"tag": tag, "text": "", **dict(attributes)}
        if tag not in ("meta", "link", "img", "br"):
            self._open.append(element)
        if "data-value" in element or "data-paper" in element:
            self.found.append(element)

    def handle_endtag(self, tag):
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data


def trace(report: Path, runs: Path) -> dict[str, int]:
    """Fail where a number of `report` cannot be followed; returns how many of each kind were.

    Args:
        report: its folder.
        runs: the folder that the run folders lie in.
    """
    results = json.loads((report / "results.json").read_text(encoding="utf-8"))
    shown = _Shown((report / "index.html").read_text(encoding="utf-8")).found
    known, papers, counts = {}, {}, {"cells": 0, "paper": 0, "others": 0}
    for run in results["runs"]:
        folder = runs / Path(run["folder"]).name
        log = read_records(folder / "records.jsonl")
        assert log.problems == []
        kept = {record.id: record for record in log.records}
        for cell in run["cells"]:
            known |= _cell(cell, run, kept)
            papers |= _printed(cell)
            counts["cells"] += cell["measured"] is not None
        leaves = None
        for grid in run["grids"]:
            for item in (item for row in grid["rows"] for item in row if isinstance(item, dict)):
                if item["paper"]:
                    papers[item["id"]] = item["text"]
                    _require_published(item, run)
                    continue
                leaves = _leaves(folder) if leaves is None else leaves
                assert run["origins"][item["origin"]], item["id"]
                assert _among(item["value"], leaves), f"{item['id']}: {item['value']} is in no file of {folder}"
                known[item["id"]] = item["value"]
                counts["others"] += 1
    for element in shown:
        text = " ".join(element["text"].split())
        if "data-value" in element:
            _require_rounds_to(known[element["data-value"]], text)
        else:
            assert papers[element["data-paper"]] == text, element
            counts["paper"] += 1
    on_page = {element["data-value"] for element in shown if "data-value" in element}
    assert on_page == {key for key, value in known.items() if value is not None}
    return counts


def _cell(cell: dict, run: dict, kept: dict[str, Record]) -> dict[str, float | None]:
    """The numbers of a cell, after they were computed again from the records on disk."""
    key, measured = cell["id"], cell["measured"]
    if measured is None:
        assert not cell["origin"] and cell["ratio"] is None
        return {}
    assert cell["records"] and run["origins"][cell["origin"]]["record"] == cell["records"][0], key
    unit = _card(cell["table"]).metrics[cell["metric"]].per_record_unit
    values = [unit * kept[record].what[cell["metric"]] for record in cell["records"]]
    assert math.isclose(fmean(values), measured, rel_tol=CLOSE), key
    if cell["spread"] is not None:
        assert math.isclose(stdev(values), cell["spread"], rel_tol=1e-6, abs_tol=LEAST), key
    printed = _card(cell["table"]).printed(cell["row"], cell["column"], cell["metric"])
    ratio = measured / float(printed) if printed else None
    assert (ratio is None) == (cell["ratio"] is None) and (ratio is None or math.isclose(ratio, cell["ratio"])), key
    return {f"{key}#measured": measured, f"{key}#ratio": ratio}


def _printed(cell: dict) -> dict[str, str]:
    """The paper's value as its card prints it."""
    printed = _card(cell["table"]).printed(cell["row"], cell["column"], cell["metric"])
    assert cell["printed"] == (None if printed is None else str(printed)), cell["id"]
    if printed is None:
        return {}
    return {f"{cell['table']}|{cell['row']}|{cell['column']}|{cell['metric']}": str(printed)}


def _require_published(item: dict, run: dict) -> None:
    """A published number of a figure's row, by its card."""
    _, row, field = item["id"].split("/")
    assert float(getattr(any_card(run["name"]).rows[row], field)) == item["value"], item["id"]


def _card(name: str) -> Table:
    card = any_card(name)
    assert isinstance(card, Table)
    return card


def _leaves(folder: Path) -> list[float]:
    """All numbers in the JSON files of a run, and what a reader derives from them, sorted."""
    found: list[float] = []
    for path in [*folder.glob("*.json"), *folder.glob("*/speed.json")]:
        values = json.loads(path.read_text(encoding="utf-8"))
        found += _numbers(values)
        found += [used_memory(point) for point in values.get("points", []) if point["status"] == "ok"]
        found += [1e3 * number for number in _numbers(values.get("landscapes", []))]  # shown in meV
        for audit in values.get("models", []):
            checks = audit.get("checks", [])
            found += [sum(check["passed"] is None for check in checks), sum(bool(check["passed"]) for check in checks)]
    return sorted(found)


def _numbers(values: object) -> list[float]:
    if isinstance(values, dict):
        values = list(values.values())
    if isinstance(values, list):
        return [number for value in values for number in _numbers(value)]
    return [float(values)] if isinstance(values, int | float) and not isinstance(values, bool) else []


def _among(value: float, numbers: list[float]) -> bool:
    return any(math.isclose(value, number, rel_tol=CLOSE, abs_tol=LEAST) for number in numbers)


def _require_rounds_to(value: float, text: str) -> None:
    """The text begins with the value, rounded to the digits that it shows."""
    number = re.match(r"-?\d[\d.,]*(e[+-]?\d+)?", text)[0].replace(",", "")
    mantissa, _, exponent = number.partition("e")
    unit = 10 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    assert abs(float(number) - value) <= unit * 0.5 * (1 + 1e-6) + LEAST, f"{text} is not {value}"
