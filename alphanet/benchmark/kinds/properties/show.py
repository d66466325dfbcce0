"""Grids and figures of properties: ranks, numbers, reasons, and force errors against errors of properties."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alphanet.benchmark.findings import Place, Shown
from alphanet.benchmark.kinds.properties.card import PropertiesCard
from alphanet.figures.style import figure_files
from alphanet.measure.properties.registry import property_class
from alphanet.measure.properties.task import Curve, Quantity
from alphanet.results.facts import number_or_dash, record_facts, value_text
from alphanet.results.records import Facts, Record
from alphanet.results.schema import Figure, Grid, Number

PLANE, CURVES = "plane", "curves"
FEWEST = 3  # models of a correlation
FORCES = "forces"
EXACT = "exact"

Records = Mapping[Place, Sequence[Record]]
Failed = Mapping[tuple[str, str, str], str]


def show(card: PropertiesCard, folder: Path, reference: str, records: Records, failed: Failed) -> Shown:
    """The parts of a result besides its cells."""
    if not records and not failed:
        return Shown()
    grids = [_ranks(card, records)] if records else []
    if failed:
        grids.append(_reasons(card, failed))
    grids += [_numbers(card, name, records) for name in card.columns if any(place[1] == name for place in records)]
    figures = []
    points = force_plane(card, records)
    if points:
        from alphanet.figures.properties import plane_figure, write_plane_csv

        titles = {name: _axis(card, name) for name in points}
        plane_figure(folder / PLANE, points, titles)
        write_plane_csv(folder / f"{PLANE}.csv", points, titles)
        title = "Force error against error of each property"
        figures.append(Figure(name=PLANE, title=title, files=figure_files(PLANE, "csv")))
        grids.append(_correlations(card, points))
    if drawn := _drawn(card, records):
        from alphanet.figures.properties import curves_figure, write_curves_csv

        curves_figure(folder / CURVES, drawn, reference)
        write_curves_csv(folder / f"{CURVES}.csv", drawn, reference)
        title = "Curves of potentials and of the reference"
        figures.append(Figure(name=CURVES, title=title, files=figure_files(CURVES, "csv")))
    origins = {_origin(one): record_facts(one) for several in records.values() for one in several}
    return Shown(grids=grids, figures=figures, origins=origins, conditions=f"reference {reference}")


def headline(card: PropertiesCard, column: str) -> tuple[str, Quantity]:
    """The quantity by which potentials are ranked."""
    return next(iter(property_class(card.columns[column].task).quantities.items()))


def mean_error(records: Sequence[Record], quantity: str) -> float | None:
    """The mean over structures; None if no record has the quantity."""
    values = [value for record in records if (value := record.value(quantity)) is not None]
    return statistics.fmean(values) if values else None


def rank_words(values: Mapping[str, float | None], noise: float) -> dict[str, str]:
    """`best`, `2nd of 4`, …, `last`, by row; `exact` where nothing but noise is left; equal values share a rank."""
    known = {row: value for row, value in values.items() if value is not None}
    order = sorted(set(known.values()))
    words = {}
    for row, value in values.items():
        if value is None:
            words[row] = "no number"
        elif value <= noise:
            words[row] = EXACT
        elif len(known) == 1:
            words[row] = "the only one"
        else:
            place = order.index(value) + 1
            words[row] = (
                "best" if place == 1 else "last" if value == order[-1] else f"{_ordinal(place)} of {len(known)}"
            )
    return words


def force_plane(card: PropertiesCard, records: Records) -> dict[str, dict[str, tuple[float, float]]]:
    """Column -> row -> force error (meV/Å) and the column's error, in its unit; both measured in this run."""
    measured = [name for name, column in card.columns.items() if column.task == FORCES]
    if not measured:
        return {}
    quantity, described = headline(card, measured[0])
    points: dict[str, dict[str, tuple[float, float]]] = {}
    for column in card.columns:
        name, own = headline(card, column)
        for row in card.rows:
            force = mean_error(records.get((row, measured[0]), ()), quantity)
            error = mean_error(records.get((row, column), ()), name)
            if column != measured[0] and force is not None and error is not None:
                points.setdefault(column, {})[row] = force * described.factor, error * own.factor
    return points


def _ranks(card: PropertiesCard, records: Records) -> Grid:
    """Properties by potentials: the error by which they are ranked, and the rank."""
    shown = [row for row in card.rows if any(place[0] == row for place in records)]
    lines: list[tuple[str | Number, ...]] = []
    for column, described in card.columns.items():
        quantity, own = headline(card, column)
        values = {row: mean_error(records.get((row, column), ()), quantity) for row in shown}
        words = rank_words(values, own.noise)
        ranks = _ranks_of(values)
        fields: list[str | Number] = []
        for row, value in values.items():
            if value is None:
                fields.append("no number")
                continue
            error = own.factor * value
            origin = _origin(records[row, column][0])
            text = f"{value_text(error)}, {words[row]}"
            fields.append(Number(text=text, value=error, origin=origin, rank=ranks.get(row)))
        lines.append((described.title, f"{own.title}{f' ({own.unit})' if own.unit else ''}", *fields))
    title = "Properties by potentials: error and rank"
    return Grid(id="ranks", title=title, columns=("property", "error", *shown), rows=tuple(lines))


def _ranks_of(values: Mapping[str, float | None]) -> dict[str, float]:
    """From 0, the best, to 1, the last, by row with a number; equal values share a rank; empty if all are equal."""
    known = {row: value for row, value in values.items() if value is not None}
    order = sorted(set(known.values()))
    return {row: order.index(value) / (len(order) - 1) for row, value in known.items()} if len(order) > 1 else {}


def _reasons(card: PropertiesCard, failed: Failed) -> Grid:
    rows = tuple((row, card.columns[column].title, structure, why) for (row, column, structure), why in failed.items())
    return Grid(
        id="reasons",
        title="What has no number, and why",
        columns=("potential", "property", "structure", "why"),
        rows=rows,
    )


def _numbers(card: PropertiesCard, column: str, records: Records) -> Grid:
    """Every scalar of a property by potential and structure, beside the reference's."""
    described = card.columns[column]
    scalars: dict[str, None] = {}
    lines: list[tuple[Record, str, dict[str, float], dict[str, float], str]] = []
    for row in card.rows:
        for record in records.get((row, column), ()):
            found: Any = record.metrics["found"]
            true: Any = record.metrics.get("reference", {})
            one, other = _scalars(found), _scalars(true)
            scalars |= dict.fromkeys([*one, *other])
            lines.append((record, row, one, other, "; ".join(found["notes"])))
    rows = tuple(
        (
            row,
            str(record.data["structure"]),
            *(
                field
                for name in scalars
                for field in (number_or_dash(of.get(name), _origin(record), ".4g") for of in (one, other))
            ),
            number_or_dash(float(str(record.protocol["seconds"])), _origin(record), ".4g"),
            notes,
        )
        for record, row, one, other, notes in lines
    )
    heads = [head for name in scalars for head in (name.replace("_", " "), "reference")]
    return Grid(
        id=f"numbers/{column}",
        title=f"{described.title}: every number (eV, Å, ps, K, THz, W/m/K)",
        columns=("potential", "structure", *heads, "seconds", "notes"),
        rows=rows,
        folded=True,
    )


def _axis(card: PropertiesCard, column: str) -> tuple[str, str]:
    """Title of a property's panel, and of its axis."""
    _, own = headline(card, column)
    return card.columns[column].title, f"{own.title}{f', {own.unit}' if own.unit else ''}"


def _correlations(card: PropertiesCard, points: Mapping[str, Mapping[str, tuple[float, float]]]) -> Grid:
    """Spearman's rank correlation over potentials."""
    from scipy.stats import spearmanr

    rows = []
    for column, by_row in points.items():
        pairs = list(by_row.values())
        text = f"too few potentials ({len(pairs)})"
        distinct = all(len({pair[axis] for pair in pairs}) > 1 for axis in (0, 1))
        if len(pairs) >= FEWEST:
            text = f"{spearmanr(*zip(*pairs, strict=True)).statistic:.2f}" if distinct else "all are equal"
        rows.append((card.columns[column].title, headline(card, column)[1].title, str(len(pairs)), text))
    return Grid(
        id="correlations",
        title="Does the force error foretell the error of a property?",
        columns=("property", "error", "potentials", "rank correlation with the force error"),
        rows=tuple(rows),
    )


def _drawn(card: PropertiesCard, records: Records) -> dict[str, dict[str, Curve]]:
    """Title of a panel -> curves of potentials and of the reference: the first of each property, on one structure."""
    panels: dict[str, dict[str, Curve]] = {}
    for column, described in card.columns.items():
        name = property_class(described.task).drawn
        of_rows = [(row, record) for row in card.rows for record in records.get((row, column), ())]
        if not name or not of_rows:
            continue
        structure = of_rows[0][1].data["structure"]
        curves: dict[str, Curve] = {}
        for row, record in of_rows:
            if record.data["structure"] == structure:
                found: Any = record.metrics["found"]
                true: Any = record.metrics.get("reference")
                curves[row] = Curve.model_validate(found["curves"][name])
                if true:
                    curves[""] = Curve.model_validate(true["curves"][name])
        panels[f"{described.title}, {structure}"] = curves
    return panels


def _scalars(result: Facts) -> dict[str, float]:
    return {name: value for name, value in result.items() if isinstance(value, float)}


def _ordinal(place: int) -> str:
    return f"{place}{'th' if place % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(place % 10, 'th')}"


def _origin(record: Record) -> str:
    return f"property/{record.id}"
