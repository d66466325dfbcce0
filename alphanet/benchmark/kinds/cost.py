"""Cost: the time and memory of a training, computed from measured steps of it. One task is a column.

The time is samples times epochs times the time of one sample. The latter is the time of a step divided by its batch,
extrapolated to the mean number of atoms of the data: along a straight line through the measured sizes, or in proportion
if there is one size. Memory is extrapolated in the same way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from alphanet import durations
from alphanet.benchmark.card import BenchmarkCard, DataColumn, Row
from alphanet.benchmark.findings import Finding, Findings, Measured, Missing, Place, Shown
from alphanet.benchmark.judging import build_cells
from alphanet.benchmark.kind import Kind, Plan, RunOptions, Task
from alphanet.benchmark.kinds.sweep_results import SweepResult
from alphanet.benchmark.kinds.timing import (
    DAY,
    SweepFolder,
    TimingScale,
    memory_by_pass,
    times_by_pass,
    timing_settings,
    timing_setup,
)
from alphanet.cards import Card
from alphanet.data.cards import load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.hardware.devices import kind_of
from alphanet.measure.speed.points import SpeedPoint
from alphanet.measure.speed.summary import SweepSummary
from alphanet.measure.speed.sweep import Sweep
from alphanet.provenance import hardware, where
from alphanet.results.facts import device_text
from alphanet.results.records import Record
from alphanet.results.schema import Cell, Hardware

__all__ = ["DAY", "Cost", "CostCard", "CostColumn", "CostScale", "Training", "carried"]

SCALE = "full"  # of the presets: a cost is that of the paper's own training
TASK = "train"
PARAMETERS = "parameters_paper"  # key of the settings: counted in the reading of the paper


class CostColumn(DataColumn):
    """One training, whose network, epochs and batch are those of the data set's preset at scale `full`."""

    samples_from: str  # source of the number of training frames in the data set's card
    atoms: PositiveFloat  # in a frame, on average
    atoms_from: str  # source of `atoms`

    @property
    def samples(self) -> int:
        """The number of training frames in the data set's card.

        Raises:
            UserError: the card has no such number.
        """
        frames = load_card(self.dataset).at(SCALE).train_frames
        if frames is None:
            raise UserError(f"the card of the data set {self.dataset} has no train_frames at scale {SCALE}")
        return frames


class Steps(Card):
    """The structures on which steps are timed."""

    structures: str  # a material or a file
    sizes: tuple[PositiveInt, ...] = Field(min_length=1)  # atoms


class CostScale(TimingScale):
    """How a scale times steps."""

    batch: PositiveInt | None = None  # structures in a step; the preset's number if None
    steps: dict[str, Steps]  # by column


class CostCard(BenchmarkCard[CostScale, Row, CostColumn]):
    """A table of training costs: `training_cost` (days of a device), `training_memory` (GB/sample), `parameters`."""

    kind: Literal["cost"]

    @model_validator(mode="after")
    def _steps_of_every_column(self) -> Self:
        if len(self.rows) != 1:
            raise ValueError("rows: a table of costs has one row, the model whose presets are trained")
        for name, scale in self.scales.items():
            for column in self.columns:
                if column not in scale.steps:
                    raise ValueError(f"scale {name}: steps has no column {column!r}{did_you_mean(column, scale.steps)}")
        return self


@dataclass(frozen=True)
class Training:
    """The training whose cost is computed; it is not run."""

    samples: int
    epochs: int
    batch: int  # structures in a step of one device
    atoms: float  # in a sample, on average

    @property
    def steps(self) -> float:
        """The number of steps of one device."""
        return self.samples * self.epochs / self.batch

    def days(self, seconds: float) -> float:
        """Days that one device needs, from the seconds of one sample."""
        return self.samples * self.epochs * seconds / DAY


@dataclass(frozen=True)
class CostWork:
    """The steps of one column; the training and the sweep are set when it is prepared."""

    column: str
    training: Training | None = None
    parameters: int = 0
    sweep: SweepFolder | None = None


def carried(sizes: Sequence[float], values: Sequence[float], size: float) -> float:
    """The value at `size` from `values` at `sizes` (n,): on a line by least squares, in proportion if n is 1."""
    if len(sizes) == 1:
        return values[0] * size / sizes[0]
    slope, start = np.polyfit(np.asarray(sizes, dtype=float), np.asarray(values, dtype=float), 1)
    return float(slope * size + start)


class Cost(Kind[CostCard, CostWork]):
    """A table of training costs."""

    card_type = CostCard
    uses = frozenset({"device", "threads", "max_memory", "seed"})

    def __init__(self, card: CostCard, options: RunOptions) -> None:
        """See `Kind`."""
        super().__init__(card, options)
        self.finished: dict[str, tuple[CostWork, SweepSummary]] = {}
        """Timed columns, by name"""

    def plan(self) -> Plan[CostWork]:
        """One task a column."""
        scale, (row,) = self.card.scale(self.options.scale), self.card.rows
        minutes = scale.minutes * len(self.card.columns)
        return Plan(
            tasks=tuple(
                Task(f"steps of {column}", ((row, column),), CostWork(column), 60 * scale.minutes)
                for column in self.card.columns
            ),
            cost=f"{durations.words(60 * minutes)} of steps at most; no training",
            minutes=minutes,
        )

    def prepare(self, task: Task[CostWork]) -> Task[CostWork]:
        """Read the settings of the training."""
        from alphanet.benchmark.kinds.settings import settings_of
        from alphanet.training.config import preset_config

        scale, column = self.card.scale(self.options.scale), self.card.columns[task.work.column]
        (row,), steps = self.card.rows.values(), scale.steps[task.work.column]
        config, parameters = preset_config(column.dataset, SCALE), settings_of(column.dataset)[PARAMETERS]
        assert isinstance(parameters, int)
        training = Training(column.samples, config.epochs, config.batch_size, column.atoms)
        sweep = Sweep(
            models=(f"{row.model}@{config.model['preset']}",),
            sizes=steps.sizes,
            structures=steps.structures,
            setup=timing_setup(scale, self.options),
            settings=timing_settings(scale, self.options, (TASK,), scale.batch or training.batch),
        )
        place = SweepFolder(sweep, self.folder / task.work.column)
        work = CostWork(task.work.column, training, parameters, place)
        finished = not self.options.restart and place.finished
        return replace(task, work=work, seconds=0.0 if finished else task.seconds)

    def measure(self, task: Task[CostWork], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:
        """Time the steps and compute the cost."""
        work = task.work
        assert work.sweep is not None
        summary = work.sweep.run(seconds or 0.0, restart=self.options.restart)
        self.finished[work.column] = work, summary
        points = [point for point in summary.points if TASK in point.times_ms]
        if points:
            yield Measured(self._record(work, points, summary), places)
        else:
            yield Missing(places, str(summary.points[0].reason), failed=True)

    def cells(self, findings: Findings) -> list[Cell]:
        """The judged cells; their reason names the device of the counted days."""
        scale = self.card.scale(self.options.scale)
        days = f"{self._device_days}{', not GPU-days' if self._on_cpu else ''}"
        reason = "; ".join(filter(None, (scale.reason, days)))
        scales = {**self.card.scales, self.options.scale: scale.model_copy(update={"reason": reason})}
        return build_cells(self.card.model_copy(update={"scales": scales}), self.options.scale, findings)

    def show(self, findings: Findings) -> Shown:  # noqa: ARG002
        """Tables of the timed steps, and the assumptions behind each cost."""
        shown = Shown()
        for column, (work, summary) in self.finished.items():
            rows = dict.fromkeys(summary.models, next(iter(self.card.rows)))
            SweepResult(summary, rows, part=column).add_to(shown, self.folder, "speed")
            shown.notes.append(self._assumption(work))
        return shown

    @property
    def _on_cpu(self) -> bool:
        return kind_of(self.options.device) == "cpu"

    @property
    def _device_days(self) -> str:
        """The unit of the days."""
        device = device_text(Hardware.model_validate(hardware()), self.options.device)
        return f"days of {'one core of ' if self._on_cpu else ''}{device}"

    def _assumption(self, work: CostWork) -> str:
        """The assumptions behind a cost, besides the measurement."""
        scale, column, training = self.card.scale(self.options.scale), self.card.columns[work.column], work.training
        assert training is not None
        steps = scale.steps[work.column]
        return (
            f"{work.column}: {training.samples} samples ({column.samples_from}), {training.epochs} epochs in batches "
            f"of {training.batch} a device (the preset): {training.steps:.3g} steps of one device; {training.atoms} "
            f"atoms a sample ({column.atoms_from}). Timed: steps of {scale.batch or training.batch} on "
            f"{steps.structures} with {' and '.join(map(str, steps.sizes))} atoms, {self._device_days}, "
            f"{'in proportion' if len(steps.sizes) == 1 else 'on a straight line'} from there to the mean number of "
            "atoms. Reading of data, validation and the exchange between devices are left out."
        )

    def _passes(self, training: Training, points: Sequence[SpeedPoint]) -> dict[str, list[float]]:
        """Cost (days of a device) and memory (GB/sample) by each pass that timed all sizes."""
        sizes = [float(point.n_atoms) for point in points]
        times, memory = [times_by_pass(point, TASK) for point in points], [memory_by_pass(point) for point in points]
        passes = sorted(set.intersection(*(set(of_size) for of_size in (*times, *memory))))
        devices = self.options.threads if self._on_cpu else 1
        costs = []
        for number in passes:
            seconds = [of_size[number] / point.batch for of_size, point in zip(times, points, strict=True)]
            costs.append(devices * training.days(carried(sizes, seconds, training.atoms)))
        return {
            "training_cost": costs,
            "training_memory": [
                carried(sizes, [of_size[number] for of_size in memory], training.atoms) for number in passes
            ],
        }

    def _record(self, work: CostWork, points: Sequence[SpeedPoint], summary: SweepSummary) -> Record:
        """The record of a column: its numbers and everything behind them."""
        column, training = self.card.columns[work.column], work.training
        assert training is not None
        passes = self._passes(training, points)
        return Record(
            metrics={
                **{metric: fmean(values) for metric, values in passes.items()},
                "parameters": work.parameters,
                "passes": {metric: [*values] for metric, values in passes.items()},
            },
            data={"dataset": column.dataset, "scale": SCALE, "atoms": column.atoms, "atoms_from": column.atoms_from},
            model={"name": points[0].model, "versions": {**summary.conditions.models[points[0].model]}},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                **summary.conditions.setup.model_dump(mode="json"),
                "samples": training.samples,
                "epochs": training.epochs,
                "batch": training.batch,
                "steps": training.steps,
                "points": [point.without_raw_times() for point in points],
            },
            environment=where(),
        )
