"""Curves of errors against compute, and the length of every training."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import JsonValue

from alphanet.benchmark.findings import Place, Shown
from alphanet.benchmark.kinds.accuracy.costs import TrainedCosts
from alphanet.benchmark.kinds.learning.card import ENERGY, FORCE, LearningCard
from alphanet.figures.accuracy_cost import learning_curves_figure, write_learning_curves_csv
from alphanet.figures.style import figure_files
from alphanet.results.facts import cell_facts, value_text
from alphanet.results.records import Record
from alphanet.results.schema import Curve, Figure, Grid, Number, Point

Records = Mapping[Place, Sequence[Record]]

ERRORS = (FORCE, ENERGY)
LENGTHS = "lengths"
TERA = 1e-12


def add_curves(shown: Shown, card: LearningCard, folder: Path, records: Records) -> None:
    """Add the curves of errors against compute and operations, their figure and CSV, to `shown`."""
    errors = [metric for metric in ERRORS if metric in card.metrics]
    curves = [
        curve for by in ("compute", "operations") for metric in errors for curve in _curves(card, metric, by, records)
    ]
    if not curves:
        return
    shown.curves += curves
    untrained = [row for row in card.rows if not any(learned(of) for (name, _), of in records.items() if name == row)]
    floors = [curve.row for curve in curves if curve.row.partition(", ")[0] in untrained]
    learning_curves_figure(folder / card.name, card.title, curves, floors)
    write_learning_curves_csv(folder / f"{card.name}.csv", curves)
    shown.figures.append(Figure(name=card.name, title=card.title, files=figure_files(card.name, "csv")))
    shown.notes.append(
        "Learning curves: means over seeds, with bands of one sample standard deviation; the compute of a point is "
        "that of the seed that took least, since whatever else the machine does only adds to it."
    )


def lengths_grid(records: Records) -> tuple[Grid, dict[str, dict[str, str]]]:
    """How each amount of compute became a number of steps, by the measured cost of one; and the facts behind it."""
    rows: list[tuple[str | Number, ...]] = []
    origins: dict[str, dict[str, str]] = {}
    for (row, column), measured in records.items():
        length, cost = measured[0].protocol.get("length"), measured[0].protocol.get("step_cost")
        if not isinstance(length, dict) or not isinstance(cost, dict):
            continue
        origin = f"{LENGTHS}/{row}/{column}"
        origins[origin] = cell_facts(measured)
        numbers = [length["steps"], length["epochs"], cost["step"], cost["validation"], cost["start"]]
        rows.append((row, column, *(_number(value, origin) for value in numbers), str(cost["unit"])))
    columns = ("row", "column", "steps", "epochs", "s a step", "s a validation", "s to start", "seconds of")
    title = "Length of each training, from the cost of a step that was measured before"
    return Grid(id=LENGTHS, title=title, columns=columns, rows=tuple(rows), folded=True), origins


def _curves(card: LearningCard, metric: str, by: str, records: Records) -> list[Curve]:
    """A curve of each row and number of training frames."""
    described = card.metrics[metric]
    trained = [name for name, column in card.columns.items() if column.compute is not None]
    groups = list(dict.fromkeys((card.columns[name].dataset, card.columns[name].train_frames) for name in trained))
    curves = []
    for row in card.rows:
        for dataset, frames in groups:
            of_group = [
                name
                for name in trained
                if (card.columns[name].dataset, card.columns[name].train_frames) == (dataset, frames)
            ]
            points = [
                point
                for name in of_group
                if (point := _point(card, row, name, metric, by, records.get((row, name), ()))) is not None
            ]
            parts = [row]
            parts += [dataset] if len({one for one, _ in groups}) > 1 else []
            parts += [f"{frames} frames"] if len({one for _, one in groups}) > 1 else []
            curves.append(
                Curve(
                    row=", ".join(parts),
                    quantity=f"{metric} by {by}",
                    x_title=f"compute of the training ({_unit(records)})"
                    if by == "compute"
                    else "operations of the training (TFLOP)",
                    y_title=described.title,
                    unit=described.unit,
                    points=tuple(sorted(points, key=lambda point: point.x)),
                )
            )
    return [curve for curve in curves if curve.points]


def _point(card: LearningCard, row: str, column: str, metric: str, by: str, records: Sequence[Record]) -> Point | None:
    values = values_of(card, metric, records)
    if not values:
        return None
    x: float | None
    if not learned(records):
        x = card.columns[column].compute if by == "compute" else None
    else:
        costs = TrainedCosts(row, column, tuple((record,) for record in records))
        flops = costs.mean("flops")
        spent = costs.spent("compute")
        of_flops = None if flops is None else TERA * flops
        x = (None if spent is None else spent.amount) if by == "compute" else of_flops
    if x is None or x <= 0:
        return None
    mean, spread = statistics.fmean(values), spread_of(values)
    low, high = (max(0.01 * mean, mean - spread), mean + spread) if spread else (None, None)
    return Point(x=x, y=mean, low=low, high=high, record=records[0].id)


def learned(records: Sequence[Record]) -> bool:
    """Whether the potential behind the records was trained step by step."""
    return bool(records) and "steps" in records[0].training


def values_of(card: LearningCard, metric: str, records: Sequence[Record]) -> list[float]:
    """The numbers of `metric` in the unit of the table, one a record that has it."""
    factor = card.metrics[metric].factor if metric in card.metrics else 1.0
    return [factor * value for record in records if (value := record.value(metric)) is not None]


def spread_of(values: Sequence[float]) -> float:
    """The sample standard deviation; 0 of a single value."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _unit(records: Records) -> str:
    on_gpus = any(record.training.get("gpu_seconds") for of_place in records.values() for record in of_place)
    return "GPU s" if on_gpus else "CPU s"


def _number(value: JsonValue, origin: str) -> str | Number:
    if not isinstance(value, int | float):
        return "–"
    return Number(text=value_text(float(value)), value=float(value), origin=origin)
