"""Read a table of the paper as `alphanet repro` left it, and hold it against its card and its records."""

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from alphanet.errors import UserError
from alphanet.paper.all_cards import AnyCard, any_card
from alphanet.paper.benchmark import Table
from alphanet.paper.cells import tolerance
from alphanet.report.page.model import VERDICTS, PaperCell, Run
from alphanet.report.page.reading import number, place_facts, record_facts
from alphanet.results import Record, read_records

SLACK = 1e-9  # relative; means of the same numbers, summed in another order
UNSTATED = "this run's results do not have it: not finished, or of another version"


def read_table(run: Run, values: Mapping[str, Any], folder: Path) -> None:
    """Add the cells of `values` (a table's `results.json`) to `run`, with what is wrong about them.

    Paper values and errata are the card's, wherever the card has the cell.
    """
    log = read_records(folder / "records.jsonl")
    run.problems += log.problems
    kept = {record.id: record for record in log.records}
    card = _card(run)
    for place, cell in enumerate(values["cells"], 1):
        try:
            run.cells.append(_cell(run, cell, card, kept))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            run.problems.append(f"cell {place} of results.json is left out: {_missing(error)}")
    if card is not None:
        _add_unstated(run, card)
        run.notes += card.notes
    _tell_mixture(run)
    run.problems += [f"failed: {failure}" for failure in values.get("failures", []) if isinstance(failure, str)]


def _card(run: Run) -> Table | None:
    try:
        card: AnyCard = any_card(run.name)
    except UserError as error:
        run.problems.append(f"no paper values and errata: {error}")
        return None
    return card if isinstance(card, Table) else None


def _cell(run: Run, cell: Mapping[str, Any], card: Table | None, kept: Mapping[str, Record]) -> PaperCell:
    row, column, metric = cell["row"], cell["column"], cell["metric"]
    said, scale, measured = str(cell["verdict"]), str(cell["scale"]), number(cell["measured"])
    verdict = said.partition(":")[0].partition(" (")[0]
    if verdict not in VERDICTS:
        raise ValueError(f"its verdict {said!r} is none that is known")
    title = f"{row}, {column}, {metric}"
    known = card is not None and row in card.rows and column in card.columns and metric in card.metrics
    if card is not None and not known:
        run.problems.append(f"{title}: benchmarks/{card.name}.yaml has no such cell; a run of another version?")
    if scale != run.scale:
        run.problems.append(f"{title}: measured at scale {scale}, not {run.scale}")
    printed = card.printed(row, column, metric) if card is not None and known else None
    if card is not None and known and number(cell["paper"]) != (None if printed is None else float(printed)):
        run.problems.append(f"{title}: the run took {cell['paper']} for the paper's value, which is {printed}")
    records = [kept[key] for key in cell["records"] if key in kept]
    if card is not None and known and measured is not None:
        _check_records(run, title, measured, cell["records"], records, card, metric)
    ratio = measured / float(printed) if measured is not None and printed else None
    comparable = cell["comparable"] is True and printed is not None and measured is not None
    spread = number(cell["spread"])
    return PaperCell(
        id=f"{run.id}/{row}/{column}/{metric}",
        table=run.name,
        row=row,
        column=column,
        metric=metric,
        metric_title=card.metrics[metric].title if card is not None and known else metric,
        unit=str(cell["unit"]),
        scale=scale,
        printed=None if printed is None else str(printed),
        paper=None if printed is None else float(printed),
        measured=measured,
        spread=spread,
        interval=_interval(records, card, metric) if known else None,
        ratio=ratio,
        tolerance=tolerance(printed, spread) if comparable and printed is not None else None,
        verdict=verdict,
        said=said,
        errata=_errata(card, row, column, metric) if printed is not None else (),
        inconsistent=card is not None and printed is not None and bool(card.contradictions(row, column, metric)),
        records=tuple(cell["records"]),
        origin=origin_of(run, records) if measured is not None else "",
    )


def _check_records(
    run: Run, title: str, measured: float, asked: list[str], records: list[Record], card: Table, metric: str
) -> None:
    """A measured value is the mean of its records, all of which are there."""
    if not asked or len(records) < len(asked):
        run.problems.append(f"{title}: records behind it are missing from records.jsonl, so it cannot be traced")
        return
    unit = card.metrics[metric].per_record_unit
    found = [number(record.what.get(metric)) for record in records]
    values = [unit * value for value in found if value is not None]
    if not values or abs(fmean(values) - measured) > SLACK * abs(measured):
        run.problems.append(f"{title}: {measured:g} is not what its records say")


def _interval(records: list[Record], card: Table | None, metric: str) -> tuple[float, float] | None:
    """The record's interval of a metric; several seeds have a spread instead."""
    found = records[0].what.get("intervals") if len(records) == 1 else None
    if card is None or not isinstance(found, dict) or not found.get(metric):
        return None
    low, high = (card.metrics[metric].per_record_unit * bound for bound in found[metric])
    return low, high


def _errata(card: Table | None, row: str, column: str, metric: str) -> tuple[str, ...]:
    return () if card is None else tuple(one.text for one in card.errata if one.touches(row, column, metric))


def origin_of(run: Run, records: list[Record]) -> str:
    """The facts of all `records` as one origin; cells of the same records share it."""
    key = f"{run.id}/{'+'.join(record.id for record in records) or 'results.json'}"
    if key not in run.origins:
        facts: dict[str, str] = {}
        for place, record in enumerate(records):
            values = vars(record) | {"id": record.id}
            run.records[record.id] = values
            again = f" ({place + 1})" if place else ""
            facts |= {f"{name}{again}": text for name, text in record_facts(values).items()}
        run.origins[key] = facts or {"file": "results.json; no record"}
    return key


def _add_unstated(run: Run, card: Table) -> None:
    """Cells of the card that the results do not have."""
    stated = {(cell.row, cell.column, cell.metric) for cell in run.cells}
    for value in card.paper:
        if (value.row, value.column, value.metric) not in stated:
            cell: dict[str, Any] = {
                "row": value.row,
                "column": value.column,
                "metric": value.metric,
                "unit": card.metrics[value.metric].unit,
                "scale": run.scale,
                "paper": float(value.printed),
                "measured": None,
                "spread": None,
                "comparable": False,
                "verdict": f"not run: {UNSTATED}",
                "records": [],
            }
            run.cells.append(_cell(run, cell, card, {}))
            run.problems.append(f"{value.row}, {value.column}, {value.metric}: {UNSTATED}")


def _tell_mixture(run: Run) -> None:
    """A run that was gone on with elsewhere or later has records of several machines or versions."""
    places = [place_facts(record["where"]) for record in run.records.values()]
    for title, fact in (("versions of the code", "code"), ("machines", "hardware")):
        texts = sorted({place[fact] for place in places if fact in place})
        if len(texts) > 1:
            run.problems.append(f"records of several {title}: {'; '.join(texts)}")


def _missing(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)
