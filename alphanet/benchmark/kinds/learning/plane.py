"""The plane of accuracy and cost: test error against the time of a step in simulation, with the Pareto front."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alphanet.benchmark.findings import Place, Shown
from alphanet.benchmark.kinds.learning.card import ENERGY, FORCE, STEP_TIME, LearningCard
from alphanet.benchmark.kinds.learning.pareto import beaten_by, pareto_front
from alphanet.benchmark.kinds.learning.show import learned, spread_of, values_of
from alphanet.figures.accuracy_cost import Plane, PlanePoint, plane_figure
from alphanet.figures.style import figure_files
from alphanet.results.facts import cell_facts, value_text
from alphanet.results.records import Record
from alphanet.results.schema import Curve, Figure, Grid, Number, Point

PLANE = "plane"
ON_FRONT = "on the front"
QUANTITY = "by time of a step"


@dataclass(frozen=True)
class Placed:
    """A row with a time of a step and errors."""

    row: str
    column: str  # of the errors: the largest compute on the most frames
    time: tuple[float, float, float]  # ms: mean, least and largest of the passes
    errors: Mapping[str, tuple[float, float]]  # metric -> mean and spread over seeds
    timed: Record
    trained: tuple[Record, ...]


def add_plane(shown: Shown, card: LearningCard, folder: Path, records: Mapping[Place, Sequence[Record]]) -> None:
    """Add a table and a figure to `shown` for each column of times of a step; nothing without a time and an error."""
    columns = [name for name, column in card.columns.items() if column.compute is None]
    for column in columns:
        placed = [one for row in card.rows if (one := _placed(card, row, column, records)) is not None]
        if not placed:
            continue
        part = f"-{card.columns[column].dataset}" if len(columns) > 1 else ""
        fronts = {metric: _front(metric, placed) for metric in (FORCE, ENERGY) if _with(metric, placed)}
        shown.grids.append(_grid(shown, card, f"{PLANE}{part}", placed, fronts))
        shown.curves += [_curve(card, metric, one) for metric in fronts for one in _with(metric, placed)]
        planes = [_drawn(card, metric, placed, front) for metric, front in fronts.items()]
        if not planes:
            continue
        name = f"{card.name}-{PLANE}{part}"
        plane_figure(folder / name, card.title, planes, list(card.rows))
        title = "Accuracy and cost: test error against the time of a step in simulation"
        shown.figures.append(Figure(name=name, title=title, files=figure_files(name)))


def _placed(card: LearningCard, row: str, column: str, records: Mapping[Place, Sequence[Record]]) -> Placed | None:
    """A row in the plane; None if it was not timed, or nothing was trained."""
    timed = records.get((row, column))
    last = _most(card, row, card.columns[column].dataset, records)
    if not timed or last is None:
        return None
    trained = tuple(records[row, last])
    factor = card.metrics[STEP_TIME].factor if STEP_TIME in card.metrics else 1.0
    passes = [factor * value for value in timed[0].repeats(STEP_TIME)]
    values = {metric: values_of(card, metric, trained) for metric in (FORCE, ENERGY) if metric in card.metrics}
    return Placed(
        row=row,
        column=last,
        time=(statistics.fmean(passes), min(passes), max(passes)),
        errors={metric: (statistics.fmean(of), spread_of(of)) for metric, of in values.items() if of},
        timed=timed[0],
        trained=trained,
    )


def _most(card: LearningCard, row: str, dataset: str, records: Mapping[Place, Sequence[Record]]) -> str | None:
    """The column in which a row has errors, of most frames of a data set and the largest compute."""
    columns = [
        (column.train_frames or float("inf"), column.compute, name)
        for name, column in card.columns.items()
        if column.dataset == dataset and column.compute is not None and records.get((row, name))
    ]
    return max(columns)[-1] if columns else None


def _with(metric: str, placed: Sequence[Placed]) -> list[Placed]:
    return [one for one in placed if metric in one.errors]


def _front(metric: str, placed: Sequence[Placed]) -> dict[str, str]:
    """By row, whether it is on the front, or which rows beat it."""
    rows = _with(metric, placed)
    points = [(one.time[0], one.errors[metric][0]) for one in rows]
    front = pareto_front(points)
    return {
        one.row: ON_FRONT
        if place in front
        else f"behind {', '.join(rows[other].row for other in beaten_by(points, place))}"
        for place, one in enumerate(rows)
    }


def _grid(
    shown: Shown, card: LearningCard, name: str, placed: Sequence[Placed], fronts: Mapping[str, Mapping[str, str]]
) -> Grid:
    lines: list[tuple[str | Number, ...]] = []
    for one in placed:
        timed, trained = f"{name}/{one.row}/time", f"{name}/{one.row}/error"
        shown.origins |= {timed: cell_facts([one.timed]), trained: cell_facts(one.trained)}
        middle, low, high = one.time
        text = f"{value_text(middle)} ({value_text(low)}–{value_text(high)})"
        line: list[str | Number] = [one.row, one.column if learned(one.trained) else "–"]
        line.append(Number(text=text, value=middle, origin=timed, interval=(low, high)))
        for metric, front in fronts.items():
            if metric not in one.errors:
                line += ["–", ""]
                continue
            mean, spread = one.errors[metric]
            line += [Number(text=value_text(mean, spread or None), value=mean, origin=trained), front[one.row]]
        lines.append(tuple(line))
    errors = [(f"{card.metrics[metric].title} ({card.metrics[metric].unit})", "Pareto front") for metric in fronts]
    return Grid(
        id=name,
        title="Accuracy and cost: error of the longest training against the time of a step in simulation",
        columns=(
            "row",
            "trained for",
            "time of a step (ms, range of passes)",
            *(part for pair in errors for part in pair),
        ),
        rows=tuple(lines),
    )


def _curve(card: LearningCard, metric: str, one: Placed) -> Curve:
    """A curve of one point, so that the result holds what the figure shows."""
    described, (mean, spread) = card.metrics[metric], one.errors[metric]
    point = Point(x=one.time[0], y=mean, low=mean - spread, high=mean + spread, record=one.timed.id)
    return Curve(
        row=one.row,
        quantity=f"{metric} {QUANTITY}",
        x_title="time of a step in simulation (ms)",
        y_title=described.title,
        unit=described.unit,
        points=(point,),
    )


def _drawn(card: LearningCard, metric: str, placed: Sequence[Placed], front: Mapping[str, str]) -> Plane:
    described = card.metrics[metric]
    points = tuple(
        PlanePoint(one.row, *one.time, *one.errors[metric], on_front=front[one.row] == ON_FRONT)
        for one in _with(metric, placed)
    )
    return Plane(described.title, described.unit, points)
