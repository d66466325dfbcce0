"""Properties: what potentials are for. One task is a potential, a property and a structure."""

import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.judging import build_cells
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.opening import file_digest, load_options
from alphanet.benchmark.kinds.properties.card import (
    PropertiesCard,
    PropertiesScale,
    PropertyColumn,
    column_of,
    properties_card,
)
from alphanet.errors import UserError
from alphanet.potentials.specification import specified
from alphanet.provenance import code_digest, digest_of, where
from alphanet.results.records import Record
from alphanet.results.schema import Cell

if TYPE_CHECKING:
    from ase import Atoms

    from alphanet.measure.properties.task import Property, Result
    from alphanet.potentials.protocol import Potential

__all__ = ["Properties", "PropertiesCard", "column_of", "properties_card"]

CODE = (
    "measure/properties",
    "measure/relaxation/optimize.py",
    "measure/force_constants.py",
    "model",
    "potentials",
    "graph.py",
    "neighbors.py",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PropertyWork:
    """A property of a structure by the potential of a row."""

    row: str
    column: str
    structure: str


class Properties(Kind[PropertiesCard, PropertyWork]):
    """A table of errors of properties; a cell is the mean over the structures of its column."""

    card_type = PropertiesCard
    uses = frozenset({"seed", "device", "threads"})

    def __init__(self, card: PropertiesCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.failed: dict[tuple[str, str, str], str] = {}
        """Row, column and structure without a result -> why"""
        self._opened: tuple[str, Potential] | None = None
        self._no_truth: dict[tuple[str, str], str] = {}  # column and structure -> why the reference has no value

    def plan(self) -> Plan[PropertyWork]:
        """Return a task for each row, column and structure; those of a row follow each other.

        Raises:
            UserError: a model cannot be a potential.
        """
        from alphanet.measure.properties.registry import PROPERTIES

        for one in self.card.rows.values():
            specified(one.model)  # before minutes are spent on others
        asked = {name for name, one in self.card.rows.items() if self.options.only or not one.on_demand}
        tasks = [
            self._task(PropertyWork(row, name, structure), column)
            for row in self.card.rows
            if row in asked
            for name, column in sorted(self.card.columns.items(), key=lambda pair: list(PROPERTIES).index(pair[1].task))
            for structure in column.structures
        ]
        return Plan(
            tasks=tuple(tasks),
            cost="minutes a potential",
            minutes=sum(task.seconds or 0.0 for task in tasks) / 60,
            models=tuple(one.model for name, one in self.card.rows.items() if name in asked),
            on_demand={
                (row, column): "measured if it is selected"
                for row in self.card.rows
                if row not in asked
                for column in self.card.columns
            },
        )

    def prepare(self, task: Task[PropertyWork]) -> Task[PropertyWork]:
        """Give the task its key. A structure that cannot be had fails when it is measured, and costs no other one."""
        from alphanet.measure.properties.structures import structure_called, structure_digest

        try:
            digest = structure_digest(structure_called(task.work.structure))
            keys = {place: self._key(task.work, digest) for place in task.places}
        except UserError:
            return task
        return replace(task, keys=keys)

    def measure(self, task: Task[PropertyWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Compute the property by the potential and by the reference; a failure costs this structure alone."""
        from alphanet.measure.properties.structures import structure_called
        from alphanet.measure.properties.task import MissingPackageError

        work = task.work
        try:
            atoms = structure_called(work.structure)
            if unfit := self._property(work.column).unfit(atoms):
                raise UserError(unfit)
            yield from self._measured(task, places, atoms)
        except UserError as error:
            self._close()  # a worker that failed may not answer again
            self.failed[work.row, work.column, work.structure] = str(error)
            yield Missing(places, f"{work.structure}: {error}", failed=not isinstance(error, MissingPackageError))

    def cells(self, findings: Findings) -> list[Cell]:
        """Return the cells, each the mean over structures."""
        self._close()
        return build_cells(self.card, self.options.scale, findings, parts=True)

    def show(self, findings: Findings) -> Shown:
        """Ranks, every number, what could not be had, and force errors against errors of properties."""
        from alphanet.benchmark.kinds.properties.show import show

        return show(self.card, self.folder, self._scale.reference, findings.records, self.failed)

    @property
    def _scale(self) -> PropertiesScale:
        return self.card.scale(self.options.scale)

    @functools.cached_property
    def _code(self) -> str:
        """Hash of the code behind every number."""
        return code_digest(CODE)

    def _task(self, work: PropertyWork, column: PropertyColumn) -> Task[PropertyWork]:
        title = f"{work.row}: {work.column} of {work.structure}"
        return Task(title, ((work.row, work.column),), work, seconds=column.seconds)

    def _property(self, column: str) -> "Property[Any]":
        from alphanet.measure.properties.registry import make_property

        described = self.card.columns[column]
        return make_property(described.task, described.settings, f"{self.card.name}: columns.{column}")

    def _key(self, work: PropertyWork, digest: str) -> str:
        """Hash of everything that a property depends on."""
        from alphanet.measure.properties.methods import METHODS

        scale, column = self._scale, self.card.columns[work.column]
        model = self.card.rows[work.row].model
        reference = scale.reference
        depends: list[Any] = [
            [column.task, column.settings],
            [work.structure, digest],
            [model, specified(model).digest],
            [reference, None if reference in METHODS else specified(reference).digest],
            [scale.untrained, scale.preset],
            file_digest(scale.config),
            [self.options.seed, self.options.device],
            self._code,
        ]
        return digest_of(depends)

    def _measured(self, task: Task[PropertyWork], places: tuple[Place, ...], atoms: "Atoms") -> Iterator[Finding]:
        from alphanet.measure.properties.references import true_property
        from alphanet.measure.properties.running import computed
        from alphanet.measure.properties.task import MissingPackageError
        from alphanet.potentials.ase_calculator import PotentialCalculator

        work, column = task.work, self.card.columns[task.work.column]
        wanted = self._property(work.column)
        wanted.require_packages()
        own = any(quantity.own for quantity in wanted.quantities.values())
        truth: Result | None = None
        reference_key, without = "", self._no_truth.get((work.column, work.structure), "")
        if not without:
            try:
                truth, reference_key = true_property(wanted, atoms, self._scale.reference, self._reference_opened)
            except MissingPackageError as error:
                if not own:
                    raise
                without = str(error)
            except UserError as error:
                without = self._no_truth[work.column, work.structure] = str(error)
        if without and not own:
            raise UserError(without)
        potential = self._potential(self.card.rows[work.row].model)
        began = perf_counter()
        found = computed(wanted, PotentialCalculator(potential), atoms)
        seconds = perf_counter() - began
        metrics: dict[str, JsonValue] = {**wanted.compare(found, truth)}
        if not metrics:
            notes = [*found.notes, *(f"reference: {note}" for note in (truth.notes if truth else ()))]
            raise UserError("; ".join(notes) or "the result has nothing to compare")
        left = tuple(name for name in wanted.quantities if name not in metrics)
        if truth is not None:
            bounds = wanted.intervals(found, truth)
            metrics |= {"intervals": {name: [*pair] for name, pair in bounds.items()}} if bounds else {}
            metrics["reference"] = truth.model_dump(mode="json")
        metrics["found"] = found.model_dump(mode="json")
        record = Record(
            metrics=metrics,
            data={"structure": work.structure, "formula": str(atoms.symbols), "n_atoms": len(atoms)},
            model={
                "name": self.card.rows[work.row].model,
                "untrained": self._scale.untrained,
                **potential.provenance(),
            },
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "key": task.keys[places[0]],
                "task": column.task,
                "settings": wanted.model_dump(mode="json"),
                "reference": self._scale.reference,
                "reference_key": reference_key,
                "seed": self.options.seed,
                "device": self.options.device,
                "seconds": round(seconds, 2),
            },
            environment=where(),
        )
        yield Measured(record, places)
        if left:
            why = without or "; ".join([*found.notes, *(truth.notes if truth else ())]) or "not defined here"
            yield Missing(places, f"{work.structure}: {why}", left)
        if without:
            self.failed[work.row, work.column, work.structure] = without

    def _potential(self, model: str) -> "Potential":
        """The potential of a row, opened once for all of its tasks."""
        if self._opened is None or self._opened[0] != model:
            self._close()
            self._opened = model, self._open(model, untrained=self._scale.untrained)
        return self._opened[1]

    def _reference_opened(self, model: str) -> "Potential":
        return self._open(model, untrained=False)

    def _open(self, model: str, *, untrained: bool) -> "Potential":
        from alphanet.potentials.opening import best_dtype, open_potential

        options = load_options(self.options, self._scale, specified(model))
        dtype = best_dtype(model, trust=options.trust)
        # Displacements and thermostats have seeds of their own; only random weights have a use for this one.
        plain = replace(options, dtype=dtype, seed=options.seed if untrained else 0, untrained=untrained)
        if not untrained:
            plain = replace(plain, preset=None)
        return open_potential(model, plain, self._frames)

    def _frames(self) -> "list[Atoms]":
        """The structures whose elements random weights are made for."""
        from alphanet.measure.properties.structures import structure_called

        names = dict.fromkeys(name for column in self.card.columns.values() for name in column.structures)
        return [structure_called(name) for name in names]

    def _close(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None
