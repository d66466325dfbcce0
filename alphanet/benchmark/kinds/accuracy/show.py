"""Figures of tables of accuracies: parity plots, and power laws in the number of training frames."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alphanet.benchmark.findings import Place
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard
from alphanet.benchmark.power_law import fit_power_law
from alphanet.figures.style import figure_files
from alphanet.results.records import Record
from alphanet.results.schema import Curve, Figure, Grid, Number, Point

if TYPE_CHECKING:
    from alphanet.benchmark.kinds.accuracy import TrainingWork

LAWS = "power-laws"


def parity_plots(
    card: AccuracyCard, scale: str, folder: Path, work: "TrainingWork", records: Mapping[Place, Record]
) -> Figure:
    """Draw predicted against reference values of one training into `folder`."""
    from alphanet.benchmark.kinds.accuracy.jobs import samples_of
    from alphanet.figures.parity import parity_figure, write_parity_csv

    training = work.training
    data = card.columns[training.columns[0]].title if len(training.columns) == 1 else training.dataset
    title = f"{' and '.join(training.rows)} on {data}, scale {scale}, seed {work.seed}"
    name = f"parity_{training.place}_{training.key}"
    samples = samples_of(work.ready_job, records.values())
    parity_figure(folder / name, title, samples)
    write_parity_csv(folder / f"{name}.csv", samples)
    return Figure(
        name=name,
        title=f"Predicted against reference energies and forces: {training.place}, {training.key}",
        files=figure_files(name, "csv"),
    )


def power_law_curves(card: AccuracyCard, records: Mapping[Place, Sequence[Record]]) -> list[Curve]:
    """Every row and metric of `card.power_law`, with the points that were measured and the law through them."""
    return [_curve(card, row, metric, records) for metric in card.power_law for row in card.rows]


def power_law_plot(card: AccuracyCard, scale: str, folder: Path, curves: Sequence[Curve]) -> list[Figure]:
    """Draw the curves into `folder`; empty if nothing was measured."""
    from alphanet.figures.power_law import power_law_figure, write_power_law_csv

    printed: dict[str, list[tuple[float, float]]] = {}
    for columns in card.paper.values():
        for column, metrics in columns.items():
            size = card.columns[column].train_frames
            for metric, value in metrics.items():
                if size is not None:
                    printed.setdefault(metric, []).append((size, float(value)))
    title = f"{card.title}, scale {scale}"
    if not power_law_figure(folder / card.name, title, curves, printed):
        return []
    write_power_law_csv(folder / f"{card.name}.csv", curves)
    return [Figure(name=card.name, title=card.title, files=figure_files(card.name, "csv"))]


def power_law_grid(curves: Sequence[Curve]) -> tuple[Grid, dict[str, dict[str, str]]]:
    """The laws as a table, and the facts behind their numbers."""
    origins: dict[str, dict[str, str]] = {}
    rows: list[tuple[str | Number, ...]] = []
    for curve in curves:
        sizes = sorted({int(point.x) for point in curve.points})
        measured = f"{len(curve.points)}, {sizes[0]} to {sizes[-1]} frames" if sizes else "none measured"
        law = curve.law
        if law is None:
            rows.append((curve.row, curve.quantity, "–", "–", measured))
            continue
        origin = f"{LAWS}/{curve.row}/{curve.quantity}"
        origins[origin] = {"fitted to records": ", ".join(point.record for point in curve.points)}
        text = f"{law.exponent:.3g}"
        if law.exponent_error is not None and law.interval is not None:
            text += f" ± {law.exponent_error:.2g} ({law.interval[0]:.3g} to {law.interval[1]:.3g})"
        exponent = Number(text=text, value=law.exponent, origin=origin, interval=law.interval)
        factor = Number(text=f"{law.prefactor:.3g} {curve.unit}", value=law.prefactor, origin=origin)
        rows.append((curve.row, curve.quantity, exponent, factor, measured))
    columns = ("row", "metric", "exponent b (standard error; 95 %)", "factor a", "points")
    title = "Power laws: error = a N^b, N training frames"
    return Grid(id=LAWS, title=title, columns=columns, rows=tuple(rows)), origins


def _curve(card: AccuracyCard, row: str, metric: str, records: Mapping[Place, Sequence[Record]]) -> Curve:
    described = card.metrics[metric]
    points = []
    for name, column in card.columns.items():
        for record in records.get((row, name), ()):
            value, seed = record.value(metric), record.protocol.get("seed")
            if value is not None and column.train_frames is not None:
                points.append(
                    Point(
                        x=column.train_frames,
                        y=described.factor * value,
                        seed=seed if isinstance(seed, int) else None,
                        record=record.id,
                    )
                )
    points.sort(key=lambda point: (point.x, point.seed or 0))
    law = fit_power_law([point.x for point in points], [point.y for point in points]) if points else None
    return Curve(
        row=row,
        quantity=metric,
        x_title="training frames",
        y_title=described.title,
        unit=described.unit,
        points=tuple(points),
        law=law,
    )
