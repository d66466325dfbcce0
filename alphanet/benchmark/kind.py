"""The protocol of a kind of benchmark: plan, measure, cells, show."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, NonNegativeInt, PositiveFloat, PositiveInt

from alphanet.benchmark.card import AnyCard
from alphanet.benchmark.claims.samples import Samples, samples_of_records
from alphanet.benchmark.findings import Finding, Findings, Place, Shown
from alphanet.benchmark.judging import build_cells
from alphanet.benchmark.needs import DataNeed
from alphanet.errors import UserError
from alphanet.results.records import Record
from alphanet.results.schema import Cell

COMMON = frozenset({"scale", "out", "only", "budget", "restart"})
"""Options that every kind has a use for."""


class RunOptions(BaseModel):
    """Options of a run. A kind names those that it uses; the others are refused, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scale: str = "mini"
    out: Path = Path("runs")
    """Folder of runs; each benchmark has a folder of its name in it"""
    only: tuple[str, ...] = ()
    """ROW, COLUMN or ROW/COLUMN, with `*` for anything; empty: all cells"""
    budget: PositiveFloat | None = None
    """Minutes for everything that is not measured yet: what does not fit is not run; no limit if None"""
    restart: bool = False
    """Measure again what is finished or begun"""
    device: str = "auto"
    """auto, cpu, cuda, …; the runner says which one `auto` is"""
    mirror: str | None = None
    """file:// or http(s):// that serves HOST/PATH in place of the real addresses"""
    seeds: PositiveInt | None = None
    """Trainings of each model; the card's number if None"""
    epochs: PositiveInt | None = None
    """Epochs of each training; the card's number if None"""
    max_time: PositiveFloat | None = None
    """Guard of each training in seconds: what it cuts is not run; the card's if None"""
    seed: NonNegativeInt = 0
    """Seed of random weights, displacements and samples"""
    threads: PositiveInt = 1
    mode: str = "eager"
    structures: str | None = None
    """Structures in place of the card's: a material or a file"""
    max_memory: PositiveFloat | None = None
    """GB that a worker may use; most of the machine's memory if None"""
    truth: Path | None = None
    """File with the labels of WBM; the published summary if None"""
    predictions: Path | None = None
    """Folder with published files of predictions; they are fetched if None"""
    reference: Path | None = None
    """File with reference energies of a landscape; the card's if None"""
    references: Path | None = None
    """File with the elemental reference entries of WBM; the published ones if None"""
    relax: PositiveInt | None = None
    """Number of WBM structures to relax anew and compare with the published predictions; no comparison if None"""
    cluster: str = "local"
    """Processes or scheduler for relaxations"""

    def given(self) -> dict[str, JsonValue]:
        """The options that differ from their defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


WorkT = TypeVar("WorkT")
CardT = TypeVar("CardT", bound=AnyCard)


@dataclass(frozen=True)
class Task(Generic[WorkT]):
    """One piece of a benchmark that is measured, resumed or fails as a whole."""

    title: str  # for messages: "AlphaNet on formate, seed 0"
    places: tuple[Place, ...]  # the cells that it fills
    work: WorkT  # for the kind
    seconds: float | None = None  # limit of its time, or usual time if `whole`; None if there is none, 0 if it is short
    whole: bool = False  # is done as a whole or not at all; a budget never shortens it, see `Kind.estimate`
    keys: Mapping[Place, str] = field(default_factory=dict)
    """Cell -> hash of everything that its numbers depend on; empty if the kind finds finished cells in another way"""


@dataclass(frozen=True)
class Plan(Generic[WorkT]):
    """Tasks of a benchmark at a scale, and their cost."""

    tasks: tuple[Task[WorkT], ...]
    cost: str  # in words
    minutes: float | None  # of all tasks, without environments and downloads; None if they are not known
    data: tuple[DataNeed, ...] = ()
    models: tuple[str, ...] = ()  # baselines that run, whose environments must exist
    impossible: Mapping[Place, str] = field(default_factory=dict)  # cells that the scale cannot fill, and why
    on_demand: Mapping[Place, str] = field(default_factory=dict)  # cells that only a selection measures, and why
    gpu_days: float | None = None  # estimated, if nothing limits the time
    estimate: str = ""  # the basis of `gpu_days`, or why there is none


class NothingToMeasureError(UserError):
    """What a task was given does not suffice for it. Its cells say so; nothing failed."""


class Kind(ABC, Generic[CardT, WorkT]):
    """A kind of benchmark, created for one card and the options of one run; it stores the data for `show`."""

    card_type: ClassVar[type[AnyCard]]
    uses: ClassVar[frozenset[str]] = frozenset()
    """Fields of `RunOptions` that the kind uses besides `COMMON`"""

    def __init__(self, card: CardT, options: RunOptions) -> None:
        """Store the card and the options; nothing is read or measured yet."""
        self.card, self.options = card, options
        self.folder = options.out / card.name

    @abstractmethod
    def plan(self) -> Plan[WorkT]:
        """Return the tasks of the scale and their cost, from cards alone; `repro list` asks for it.

        Raises:
            UserError: the card or one that it refers to is wrong.
        """

    def prepare(self, task: Task[WorkT]) -> Task[WorkT]:
        """Get data and environments before the budget's clock starts; return the task with its keys.

        Raises:
            NothingToMeasureError: the card gives the task too little.
            UserError: they are not available; only the cells of the task are lost.
        """
        return task

    def estimate(self, task: Task[WorkT], left: float) -> float | None:  # noqa: ARG002
        """Seconds that a `whole` task needs on this machine; None if they are not known.

        Args:
            task: as `prepare` returned it.
            left: seconds of the budget, which a measurement of the estimate itself may use.
        """
        return task.seconds

    def keeps(self, task: Task[WorkT], place: Place, record: Record) -> bool:
        """Whether an earlier record holds the number of a cell of `task`."""
        return bool(task.keys) and record.protocol.get("key") == task.keys.get(place)

    @abstractmethod
    def measure(self, task: Task[WorkT], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:
        """Measure `task` and yield its findings; each is recorded at once.

        Args:
            task: as `prepare` returned it.
            places: its cells that no earlier record fills.
            seconds: the task's share of the budget, or its own limit; None means no limit. A `whole` task gets its
                own limit, whatever the budget is.

        Raises:
            UserError: the task failed; only the cells that have no number yet are lost.
        """

    def keep(self, task: Task[WorkT], records: Mapping[Place, Record]) -> None:
        """Load the results of a task that was finished before, for `show`."""

    def deviations(self, findings: Findings) -> list[str]:  # noqa: ARG002
        """Differences from the paper's protocol that options or the machine cause; any makes cells incomparable."""
        return []

    def cells(self, findings: Findings) -> list[Cell]:
        """Return the judged cells."""
        return build_cells(self.card, self.options.scale, findings, self.deviations(findings))

    def samples(self, findings: Findings) -> Samples:
        """Return the measurements from which the card's claims are decided: by default the metrics of the records."""
        return samples_of_records(self.card, findings)

    @abstractmethod
    def show(self, findings: Findings) -> Shown:
        """Draw figures into the folder; return them with grids and notes."""
