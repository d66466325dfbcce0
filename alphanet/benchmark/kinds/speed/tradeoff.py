"""Speed against accuracy; the accuracy comes from another benchmark, computed or printed, and the result says which."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.findings import Shown
from alphanet.benchmark.kinds.speed.card import AccuracySource, SpeedCard
from alphanet.benchmark.kinds.sweep_results import place_facts
from alphanet.errors import UserError, did_you_mean
from alphanet.figures.style import figure_files
from alphanet.figures.tradeoff import TradeoffPoint, tradeoff_figure
from alphanet.files import write_text
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.summary import SUMMARY, SweepSummary
from alphanet.results.facts import value_text
from alphanet.results.schema import RESULTS, BenchmarkResult, Figure, Grid, Number, read_result

TRADEOFF = "tradeoff"
CSV_COLUMNS = (
    "row",
    "model",
    "accuracy",
    "accuracy_is",
    "parameters",
    "structures_per_s",
    "low",
    "high",
    "status",
    "reason",
)


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of one row."""

    value: float
    text: str
    computed: bool  # by a run of the other benchmark; else printed in its card

    @property
    def source(self) -> str:
        """Computed or printed."""
        return "computed" if self.computed else "printed"


@dataclass(frozen=True)
class TradeoffRow:
    """A row of the figure, measured or not."""

    name: str
    model: str
    accuracy: Accuracy | None
    parameters: float | None
    point: SpeedPoint | None  # None if it did not take part
    task: str

    @property
    def rates(self) -> tuple[float, float, float] | None:
        """Structures per second: median, slow and fast quartile; None if it was not measured."""
        if self.point is None or self.task not in self.point.times_ms:
            return None
        times, batch = self.point.times_ms[self.task], 1e3 * self.point.batch
        return batch / times.median, batch / times.q75, batch / times.q25

    @property
    def state(self) -> str:
        """Ok, or why there is no speed."""
        if self.point is None:
            return "not measured"
        return "ok" if self.point.ok else f"{self.point.status}: {self.point.reason}"


def require_metric(source: AccuracySource) -> tuple[AnyCard, str]:
    """The card of the accuracies and the column to use.

    Raises:
        UserError: there is no such benchmark, metric or column, or the column is not named and there are several.
    """
    from alphanet.benchmark.loading import card_path, read_benchmark

    card = read_benchmark(card_path(source.benchmark))
    if source.metric not in card.metrics:
        known = did_you_mean(source.metric, card.metrics)
        raise UserError(f"accuracy: {source.benchmark} has no metric {source.metric!r}{known}")
    if source.column is None and len(card.columns) != 1:
        known = ", ".join(card.columns)
        raise UserError(f"accuracy: {source.benchmark} has several columns; name one as `column`: {known}")
    column = source.column or next(iter(card.columns))
    if column not in card.columns:
        raise UserError(f"accuracy: {source.benchmark} has no column {column!r}{did_you_mean(column, card.columns)}")
    return card, column


def accuracies(card: SpeedCard, runs: Path) -> tuple[dict[str, Accuracy], str]:
    """The accuracy of each row that has one, and a note on their source.

    Args:
        card: the card of the figure.
        runs: folder of runs, in which the other benchmark may have a result.
    """
    source = card.accuracy
    assert source is not None
    other, column = require_metric(source)
    result, note = _result_of(source, other.metrics[source.metric].title, runs)
    values = {}
    for row in card.rows:
        printed = other.printed(row, column, source.metric)
        if printed is not None:
            values[row] = Accuracy(float(printed), str(printed), computed=False)
    for cell in result.cells if result else ():
        meant = (cell.column, cell.metric) == (column, source.metric) and cell.row in card.rows
        if meant and cell.comparable and cell.measured is not None:
            values[cell.row] = Accuracy(cell.measured, value_text(cell.measured), computed=True)
    return values, note


def _result_of(source: AccuracySource, title: str, runs: Path) -> tuple[BenchmarkResult | None, str]:
    """The result of the other benchmark, or None, and a note on the source of the accuracies."""
    path = runs / source.benchmark / RESULTS
    printed = f"{title} is the value that the card of {source.benchmark} holds as printed"
    if not path.exists():
        return None, f"{printed}: {path} does not exist; it is computed after a run of {source.benchmark}"
    try:
        result = read_result(path)
    except UserError as error:
        return None, f"{printed}: {error}"
    note = f"{title} is computed in {path} (scale {result.scale}) if it is comparable there, else as printed"
    return result, note


def add_tradeoff(shown: Shown, card: SpeedCard, summary: SweepSummary | None, runs: Path) -> None:
    """Add the table and the figure, which has the card's name, to `shown`; write the figure and its CSV."""
    source = card.accuracy
    assert source is not None
    other, _ = require_metric(source)
    title = other.metrics[source.metric].title
    values, note = accuracies(card, runs)
    rows = _rows(card, values, summary)
    shown.notes.append(note)
    shown.grids.insert(0, _grid(shown, rows, title, summary))
    complete = [row for row in rows if row.accuracy is not None and row.rates is not None]
    sources = ", ".join(dict.fromkeys(row.accuracy.source for row in complete if row.accuracy))
    folder = runs / card.name
    heading = summary.where if summary else card.title
    tradeoff_figure(folder / card.name, heading, f"{title}, {sources}", [_drawn(row) for row in complete])
    _write_csv(folder / f"{card.name}.csv", rows)
    shown.figures.insert(0, Figure(name=card.name, title=card.title, files=figure_files(card.name, "csv")))


def _rows(card: SpeedCard, values: dict[str, Accuracy], summary: SweepSummary | None) -> list[TradeoffRow]:
    points = {} if summary is None else {point.model: point for point in summary.points}
    task = next(iter(card.sweeps.values()))[0]
    return [
        TradeoffRow(name, row.model, values.get(name), row.parameters, points.get(row.model), task)
        for name, row in card.rows.items()
    ]


def _grid(shown: Shown, rows: list[TradeoffRow], title: str, summary: SweepSummary | None) -> Grid:
    lines = []
    for index, row in enumerate(rows):
        key = f"{TRADEOFF}/{index}"
        shown.origins[key] = {"model": row.model, "file": SUMMARY}
        if summary is not None:
            shown.origins[key] |= {"begun": summary.conditions.begun} | place_facts(summary.conditions)
        accuracy: str | Number = "–"
        if row.accuracy is not None:
            printed = not row.accuracy.computed
            accuracy = Number(text=row.accuracy.text, value=row.accuracy.value, origin=key, paper=printed)
        rate: str | Number = "–"
        if row.rates is not None:
            middle, low, high = row.rates
            text = f"{value_text(middle)} ({value_text(low)}–{value_text(high)})"
            rate = Number(text=text, value=middle, origin=key, interval=(low, high))
        parameters: str | Number = "–"
        if row.parameters is not None:
            parameters = Number(text=f"{row.parameters / 1e6:.3g} M", value=row.parameters, origin=key, paper=True)
        source = row.accuracy.source if row.accuracy else "–"
        lines.append((row.name, accuracy, source, parameters, rate, row.state))
    columns = ("model", title, f"{title} is", "parameters", "structures/s (quartiles)", "state")
    return Grid(id=TRADEOFF, title=f"Structures per second against {title}", columns=columns, rows=tuple(lines))


def _drawn(row: TradeoffRow) -> TradeoffPoint:
    assert row.accuracy is not None and row.rates is not None
    return TradeoffPoint(row.name, row.accuracy.value, *row.rates, row.parameters)


def _write_csv(path: Path, rows: list[TradeoffRow]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for row in rows:
        accuracy = (row.accuracy.value, row.accuracy.source) if row.accuracy else ("", "")
        status, reason = (row.point.status, row.point.reason) if row.point else ("missing", "")
        writer.writerow((row.name, row.model, *accuracy, row.parameters, *(row.rates or ("", "", "")), status, reason))
    write_text(path, text.getvalue())
