"""Cards of speed: tables with printed numbers, figures without, and sweeps that a user asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row
from alphanet.benchmark.kinds.opening import rows_of_models
from alphanet.benchmark.kinds.published import PublishedTimes
from alphanet.benchmark.kinds.timing import TimingScale
from alphanet.cards import Card
from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.specification import with_checkouts

TimedTask = Literal["step", "forward", "train"]
QUANTITIES = ("speed", "memory")  # of a sweep, as metrics SWEEP_speed (samples/s) and SWEEP_memory (GB/sample)


class SpeedRow(Row):
    """One potential."""

    parameters: PositiveFloat | None = None  # published number


class AccuracySource(Card):
    """The metric of another benchmark against which speed is drawn. Rows of the same name belong together."""

    benchmark: str
    metric: str
    column: str | None = None  # the only column if None


class SpeedScale(TimingScale):
    """How a scale measures speed."""

    structures: str  # a material or a file
    sizes: tuple[PositiveInt, ...] = Field(min_length=1)  # atoms
    batch: PositiveInt  # structures in a call
    hardware: str = ""  # part of the GPU's name that the paper's numbers are of
    needs_structures: str = ""  # structures of the paper's protocol, if they cannot be shipped


class SpeedCard(BenchmarkCard[SpeedScale, SpeedRow, Column]):
    """A table or figure of speeds. Its metrics are `SWEEP_speed` and `SWEEP_memory`."""

    kind: Literal["speed"]
    sweeps: dict[str, tuple[TimedTask, ...]] = Field(min_length=1)
    """Name -> tasks that are timed together: `step` (atoms in, forces out), `forward` (graph given), `train` (a step of
    training). The first one gives the speed"""
    accuracy: AccuracySource | None = None  # if given, speed against accuracy is drawn, too
    published: tuple[PublishedTimes, ...] = ()  # of other people's machines; nothing is judged by them

    @property
    def claim_columns(self) -> tuple[str, ...]:
        """The columns, and the sizes of all scales."""
        sizes = {size for scale in self.scales.values() for size in scale.sizes}
        return (*self.columns, *map(str, sorted(sizes)))

    @property
    def claim_quantities(self) -> tuple[str, ...]:
        """The metrics, speed and memory of every sweep, and the time of a batch of each task at every size."""
        tasks = dict.fromkeys(task for tasks in self.sweeps.values() for task in tasks)
        return tuple(dict.fromkeys([*self.metrics, *self._of_sweeps, *tasks]))

    @property
    def _of_sweeps(self) -> list[str]:
        return [f"{sweep}_{quantity}" for sweep in self.sweeps for quantity in QUANTITIES]

    def axis(self, column: str) -> float | None:
        """The number of atoms, if the column is a size."""
        return None if column in self.columns or not column.isdigit() else float(column)

    def unit(self, quantity: str) -> str:
        """Of a task's time."""
        return "" if quantity in self._of_sweeps else "ms"

    @property
    def references(self) -> tuple[str, ...]:
        """The benchmark of the accuracies."""
        return (self.accuracy.benchmark,) if self.accuracy else ()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if len(self.columns) > 1:
            raise ValueError("columns: speed is measured on one set of structures; give one column or none")
        known = self._of_sweeps
        for metric in self.metrics:
            if metric not in known:
                raise ValueError(f"metrics: no sweep gives {metric!r}{did_you_mean(metric, known)}")
        for name, scale in self.scales.items():
            if (self.metrics or self.accuracy) and len(scale.sizes) != 1:
                raise ValueError(f"scale {name}: sizes: the numbers of a table are of one size")
        return self


@dataclass(frozen=True)
class PublicProtocol:
    """What a card of the project prescribes for a sweep of any models."""

    models: tuple[str, ...]  # its own, for those who name none
    sizes: tuple[int, ...]
    structures: str
    published: tuple[PublishedTimes, ...]


def public_protocol(name: str) -> PublicProtocol:
    """The protocol of the benchmark `name`.

    Raises:
        UserError: there is no such benchmark, or it has no published times of others.
    """
    from alphanet.benchmark.loading import benchmark_names, load_benchmark

    if name not in benchmark_names():
        raise UserError(f"protocol: unknown {name!r}{did_you_mean(name, benchmark_names())}")
    card = load_benchmark(name)
    if not isinstance(card, SpeedCard) or not card.published:
        raise UserError(f"protocol: {name} has no published times of others; public-si has")
    scale = next(iter(card.scales.values()))
    models = tuple(row.model for row in card.rows.values())
    return PublicProtocol(models, scale.sizes, scale.structures, card.published)


def speed_card(
    name: str,
    *,
    models: Sequence[str],
    structures: str,
    tasks: Sequence[TimedTask] = ("step", "forward"),
    batch: int,
    passes: int,
    rounds: int,
    published: Sequence[PublishedTimes] = (),
    **scale: Any,
) -> SpeedCard:
    """The card of a user's sweep.

    Args:
        name: of its folder.
        models: in any form of `alphanet.potentials.forms.FORMS`, the reference of the ratios first.
        structures: a material or a file.
        tasks: timed together.
        batch: structures in a call.
        passes: over all sizes, each in new processes.
        rounds: turns of each model at each size in a pass.
        published: times of others to show beside.
        scale: other keys of `SpeedScale`.

    Raises:
        UserError: a model is named twice, or a value is not valid.
    """
    training = "train" in tasks
    return SpeedCard.ad_hoc(
        name,
        title="Time and memory of a training step" if training else "Time and memory of energy and forces",
        protocol=f"Supercells of {structures} in batches of {batch}; passes: {passes}, turns in each: {rounds}.",
        sweeps={"training" if training else "inference": tuple(tasks)},
        rows=rows_of_models(tuple(with_checkouts(models))),
        scale={"structures": structures, "batch": batch, "passes": passes, "rounds": rounds, **scale},
        published=[one.model_dump() for one in published],
    )
