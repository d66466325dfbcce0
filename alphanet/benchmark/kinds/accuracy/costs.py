"""Costs of trained numbers as a table beside their errors, and whether rows are compared on the terms of the card."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alphanet.benchmark.claims.samples import Spent, seed_of, unequal
from alphanet.benchmark.findings import Place
from alphanet.benchmark.kinds.accuracy.card import AccuracyCard
from alphanet.results.facts import cell_facts, number_or_dash
from alphanet.results.records import Record
from alphanet.results.schema import Grid

COMPUTE = "compute"
FIELDS = {
    "steps": ("steps", 1.0),
    "epochs": ("epochs", 1.0),
    "cpu_seconds": ("CPU s", 1.0),
    "gpu_seconds": ("GPU s", 1.0),
    "flops": ("TFLOP", 1e-12),
    "parameters": ("parameters", 1.0),
}

ADDED = frozenset({"steps", "cpu_seconds", "gpu_seconds", "flops"})
"""Fields that are added up over the trainings of a seed; of others the mean is taken"""


@dataclass(frozen=True)
class TrainedCosts:
    """Costs of a row's trainings on one set of frames, over seeds; None if a training does not tell.

    A row that trains a network on each part of the frames has several trainings a seed, whose costs are added up.
    """

    row: str
    data: str
    seeds: tuple[tuple[Record, ...], ...]  # a record of each training, by seed

    @property
    def records(self) -> tuple[Record, ...]:
        """A record of each training."""
        return tuple(record for of_seed in self.seeds for record in of_seed)

    def mean(self, field: str) -> float | None:
        """The mean over seeds of a field of `TrainingAnswer`."""
        values = self._of_seeds(field)
        return statistics.fmean(values) if values else None

    def spent(self, equal: Literal["steps", "compute", "convergence"] | None) -> Spent | None:
        """What was taken of the card's term; None if there is no term, or a training does not tell."""
        if equal is None:
            return None
        if equal == "convergence":
            return Spent(equal, float(all(record.training.get("converged") is True for record in self.records)))
        amount = self.mean("steps") if equal == "steps" else self._least_seconds
        return None if amount is None else Spent(equal, amount)

    @property
    def _least_seconds(self) -> float | None:
        """GPU seconds, or processor seconds without a GPU, of the seed that took least.

        What else a machine does can only add to them, even to processor seconds, by shared caches and clock rates.
        """
        values = self._of_seeds("gpu_seconds") or self._of_seeds("cpu_seconds")
        return min(values) if values else None

    def _of_seeds(self, field: str) -> list[float]:
        """A number a seed; empty if a training does not tell."""
        numbers = []
        for of_seed in self.seeds:
            values = [record.training.get(field) for record in of_seed]
            known = [float(value) for value in values if isinstance(value, int | float)]
            if len(known) < len(values):
                return []
            numbers.append(sum(known) if field in ADDED else statistics.fmean(known))
        return numbers


def trained_costs(card: AccuracyCard, records: Mapping[Place, Sequence[Record]]) -> list[TrainedCosts]:
    """The costs of all rows that are trained step by step, by data; columns that share a training count it once."""
    trainings: dict[tuple[str, str], dict[int, dict[object, Record]]] = {}
    for column, described in card.columns.items():
        frames = "" if described.train_frames is None else f", {described.train_frames} frames"
        data = f"{described.dataset}{frames}"
        for row in card.rows:
            for place, record in enumerate(records.get((row, column), ())):
                if "steps" in record.training:
                    of_seed = trainings.setdefault((row, data), {}).setdefault(seed_of(record, place), {})
                    of_seed.setdefault(record.training.get("sha256"), record)
    return [
        TrainedCosts(row, data, tuple(tuple(of_seed.values()) for of_seed in seeds.values()))
        for (row, data), seeds in trainings.items()
    ]


def compute_grid(costs: Sequence[TrainedCosts]) -> tuple[Grid, dict[str, dict[str, str]]]:
    """The costs as a table, and the facts behind its numbers; columns that nothing fills are left out."""
    named = [field for field in FIELDS if any(cost.mean(field) is not None for cost in costs)]
    origins, rows = {}, []
    for cost in costs:
        origin = f"{COMPUTE}/{cost.row}/{cost.data}"
        origins[origin] = cell_facts(cost.records)
        numbers = (number_or_dash(cost.mean(field), origin, factor=FIELDS[field][1]) for field in named)
        rows.append((cost.row, cost.data, *numbers))
    columns = ("row", "data", *(FIELDS[field][0] for field in named))
    title = "Compute of each training, over all its resumptions; mean over seeds"
    return Grid(id=COMPUTE, title=title, columns=columns, rows=tuple(rows)), origins


def unequal_terms(equal: Literal["steps", "compute", "convergence"] | None, costs: Sequence[TrainedCosts]) -> list[str]:
    """The comparisons that are refused, in words: rows whose terms differ by more than a tenth.

    Args:
        equal: `steps`; `compute`, that is GPU seconds or processor seconds; `convergence`; None: nothing is compared.
        costs: of all rows.
    """
    refusals = []
    for data in dict.fromkeys(cost.data for cost in costs):
        reason = unequal({cost.row: cost.spent(equal) for cost in costs if cost.data == data})
        if reason:
            refusals.append(f"{data}: not tested: {reason}")
    return refusals
