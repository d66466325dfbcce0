"""Cards of properties: potentials by properties, against a reference method."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, PositiveFloat, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row
from alphanet.benchmark.kinds.opening import OpeningScale, rows_of_models
from alphanet.errors import UserError, did_you_mean
from alphanet.measure.properties.registry import PROPERTIES
from alphanet.measure.properties.task import Property

SECONDS = 60.0


class PropertiesScale(OpeningScale):
    """How a scale loads the potentials, and by which method the true numbers are computed."""

    reference: str  # a name of `methods.METHODS`, or a model in a form of `alphanet.potentials.forms.FORMS`


class PropertyColumn(Column):
    """A property on some structures; the table shows the mean of the errors over them."""

    task: str  # a name of `alphanet.measure.properties.registry.PROPERTIES`
    structures: tuple[str, ...] = Field(min_length=1)  # in a form of `alphanet.measure.properties.structures.FORMS`
    settings: dict[str, JsonValue] = Field(default_factory=dict)  # of the property
    seconds: PositiveFloat = SECONDS  # of a potential on a structure, by which a budget is divided

    @model_validator(mode="after")
    def _task_exists(self) -> Self:
        if self.task not in PROPERTIES:
            raise ValueError(f"task: no property {self.task!r}{did_you_mean(self.task, PROPERTIES)}")
        return self


class PropertyRow(Row):
    """A potential."""

    on_demand: bool = False  # measured only if it is selected: its environment is large, or it takes long


class PropertiesCard(BenchmarkCard[PropertiesScale, PropertyRow, PropertyColumn]):
    """A table of errors of properties; its metrics are the quantities of the columns' properties."""

    kind: Literal["properties"]

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:  # noqa: ARG002
        """Whether the metric is a quantity of the column's property."""
        from alphanet.measure.properties.registry import property_class  # brings scipy

        return metric in property_class(self.columns[column].task).quantities


def properties_card(
    name: str,
    *,
    models: Sequence[str],
    reference: str,
    tasks: Sequence[str],
    structures: Path | None = None,
    elements: Sequence[str] = (),
    **scale: Any,
) -> PropertiesCard:
    """The card of `tasks` of `models`, with scale `ad-hoc`.

    Args:
        name: of the benchmark and its folder.
        models: in any form of `alphanet.potentials.forms.FORMS`.
        reference: a name of `methods.METHODS`, or a model.
        tasks: properties; empty: all that have a structure.
        structures: file whose frames are used, each by the properties that it can have.
        elements: of the structures that are used by properties for which no frame fits.
        scale: other keys of `PropertiesScale`.

    Raises:
        UserError: a model is named twice, a task is unknown, nothing fits, or a value is not valid.
    """
    columns: dict[str, JsonValue] = {}
    metrics: dict[str, JsonValue] = {}
    for task in tasks or PROPERTIES:
        if chosen := _chosen(task, structures, elements):
            made = column_of(task, chosen)
            columns[task], metrics = made[0], metrics | made[1]
        elif tasks:
            raise UserError(f"no structure has the property {task}: name others with a file of structures")
    if not columns:
        raise UserError("no property has a structure here: name a file of structures")
    return PropertiesCard.ad_hoc(
        name,
        title=f"Properties against {reference}",
        protocol=f"Properties by each potential in its best precision, and by the reference {reference}.",
        metrics=metrics,
        across=("row",),
        columns=columns,
        rows=rows_of_models(models),
        scale={"reference": reference, **scale},
    )


def column_of(task: str, structures: Sequence[str]) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """The column of a property on structures, and its metrics, as a card holds them.

    Raises:
        UserError: there is no such property.
    """
    from alphanet.measure.properties.registry import property_class

    kind = property_class(task)
    metrics: dict[str, JsonValue] = {
        name: {"title": one.title, "unit": one.unit, "factor": one.factor, "better": better_of(name, own=one.own)}
        for name, one in kind.quantities.items()
    }
    return {"title": kind.title, "task": task, "structures": [*structures], "seconds": kind.seconds}, metrics


def better_of(quantity: str, *, own: bool) -> Literal["lower", "higher"]:
    """Errors should be low, and so should flaws; a run should be stable for long."""
    return "higher" if own and quantity.startswith("stable") else "lower"


def _chosen(task: str, file: Path | None, elements: Sequence[str]) -> tuple[str, ...]:
    from alphanet.measure.properties.registry import property_class
    from alphanet.measure.properties.structures import path_in, structures_in, usual_structures

    kind = property_class(task)
    names = () if file is None else (path_in(file),) if kind.of_paths else structures_in(file)
    fitting = tuple(name for name in names if _fits(kind(), name))
    return fitting or usual_structures(task, elements)


def _fits(task: Property[Any], name: str) -> bool:
    from alphanet.measure.properties.structures import structure_called

    try:
        return task.unfit(structure_called(name)) is None
    except UserError:
        if not task.of_paths:
            raise
        return False  # frames that are no path
