"""Table 7: what a training would cost, from measured steps of it.

samples times epochs times the time of one sample, which is that of a step divided by its batch and carried to the mean
number of atoms of the data: along a straight line through the measured sizes, in proportion where there is one size.
The same holds for memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alphanet.errors import UserError
from alphanet.measure.speed.contestants import Setting
from alphanet.measure.speed.sweep import Sweep, run_sweep
from alphanet.paper.cells import Cell, Place, build_cells
from alphanet.paper.cost_cards import CostColumn, CostProtocol, CostTable
from alphanet.benchmark.kinds.settings import SCALE, settings_of
from alphanet.paper.timed_steps import DAY, gigabytes_a_sample, timing_protocol
from alphanet.provenance import hardware, where
from alphanet.results import Record, append_once

MILLISECONDS = 1e3

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What the user may ask for."""

    scale: str
    folder: Path  # of the table
    device: str = "cpu"
    threads: int = 1
    minutes: float | None = None  # of all columns together, instead of the card's
    memory_limit: int | None = None
    seed: int = 0
    restart: bool = False


@dataclass
class Outcome:
    """What came of it."""

    cells: list[Cell] = field(default_factory=list)
    summaries: dict[str, dict[str, Any]] = field(default_factory=dict)  # by column
    assumptions: list[str] = field(default_factory=list)  # what a cost rests on besides the measurement
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Training:
    """The training that is not run."""

    samples: int
    epochs: int
    batch: int  # structures in a step of one device
    atoms: float  # in a sample, on average

    @property
    def steps(self) -> float:
        """Steps of one device."""
        return self.samples * self.epochs / self.batch

    def days(self, seconds: float) -> float:
        """Days that one device needs, from the seconds of one sample."""
        return self.samples * self.epochs * seconds / DAY


def carried(sizes: Sequence[float], values: Sequence[float], size: float) -> float:
    """What `values` at `sizes` (n,) give at `size`: on a line by least squares, in proportion where n is 1."""
    if len(sizes) == 1:
        return values[0] * size / sizes[0]
    slope, start = np.polyfit(np.asarray(sizes, dtype=float), np.asarray(values, dtype=float), 1)
    return float(slope * size + start)


def measure_costs(card: CostTable, options: Options, report: Report) -> Outcome:
    """Time the steps of every column that are not timed yet and build the cells.

    Raises:
        UserError: no such scale, or steps cannot be timed here at all.
    """
    protocol, outcome, (row,) = card.scale(options.scale), Outcome(), card.rows
    records: dict[Place, list[Record]] = {}
    missing: dict[Place, str] = {}
    for name, column in card.columns.items():
        settings = settings_of(column.dataset)
        training = Training(column.samples, settings["epochs"], settings["batch_size"], column.atoms)
        sweep = _sweep(card, name, settings, options)
        summary = run_sweep(sweep, options.folder / name, report, restart=options.restart)
        outcome.summaries[name] = summary
        outcome.assumptions.append(_assumption(name, column, training, protocol, options))
        points = [point for point in summary["points"] if point["status"] == "ok"]
        if points:
            found = _found(training, points, settings, options)
            records[row, name] = [_record(card, name, found, training, points, options)]
        else:
            missing[row, name] = str(summary["points"][0]["reason"])
            outcome.failures.append(f"{name}: {missing[row, name]}")
    outcome.cells = build_cells(_saying(card, options), options.scale, records, missing=missing)
    return outcome


def _sweep(card: CostTable, name: str, settings: dict[str, Any], options: Options) -> Sweep:
    protocol = card.scale(options.scale)
    if name not in protocol.steps:
        raise UserError(f"{card.name}: scales.{options.scale}.steps has no column {name!r}")
    minutes = protocol.minutes if options.minutes is None else options.minutes / len(card.columns)
    return Sweep(
        models=(f"alphanet@{settings['model']['preset']}",),
        sizes=protocol.steps[name].sizes,
        structures=protocol.steps[name].structures,
        setting=Setting("untrained", "float32", options.device, options.threads, options.seed),
        protocol=timing_protocol(protocol, options, ("train",), protocol.batch or settings["batch_size"]),
        budget=60 * minutes,
    )


def _found(
    training: Training, points: Sequence[dict[str, Any]], settings: dict[str, Any], options: Options
) -> dict[str, float]:
    """Days of a device, GB/sample, parameters."""
    sizes = [float(point["n_atoms"]) for point in points]
    seconds = [point["train_ms"]["median"] / MILLISECONDS / point["batch"] for point in points]
    memory = [gigabytes_a_sample(point) for point in points]
    devices = options.threads if _on_cpu(options) else 1
    return {
        "training_cost": devices * training.days(carried(sizes, seconds, training.atoms)),
        "training_memory": carried(sizes, memory, training.atoms),
        "parameters": settings["parameters_paper"],
    }


def _on_cpu(options: Options) -> bool:
    return options.device == "cpu"


def _device_days(options: Options) -> str:
    """What the days are of."""
    found = hardware()
    return f"days of one core of {found['cpu']}" if _on_cpu(options) else f"days of {', '.join(found['gpus'])}"


def _saying(card: CostTable, options: Options) -> CostTable:
    """The card, whose reason says what the days are of."""
    protocol = card.scale(options.scale)
    said = f"{protocol.reason}; {_device_days(options)}{', not GPU-days' if _on_cpu(options) else ''}"
    scales = {**card.scales, options.scale: protocol.model_copy(update={"reason": said})}
    return card.model_copy(update={"scales": scales})


def _assumption(name: str, column: CostColumn, training: Training, protocol: CostProtocol, options: Options) -> str:
    steps = protocol.steps[name]
    return (
        f"{name}: {training.samples} samples ({column.samples_from}), {training.epochs} epochs in batches of "
        f"{training.batch} a device (the preset, as Table 6): {training.steps:.3g} steps of one device; "
        f"{training.atoms} atoms a sample ({column.atoms_from}). Timed: steps of {protocol.batch or training.batch} on "
        f"{steps.structures} with {' and '.join(map(str, steps.sizes))} atoms, {_device_days(options)}, "
        f"{'in proportion' if len(steps.sizes) == 1 else 'on a straight line'} from there to the mean number of atoms. "
        "Reading of data, validation and the exchange between devices are left out."
    )


def _record(
    card: CostTable,
    name: str,
    found: dict[str, float],
    training: Training,
    points: Sequence[dict[str, Any]],
    options: Options,
) -> Record:
    """The column's numbers with what they rest on; the line of before where nothing was measured anew."""
    column = card.columns[name]
    record = Record(
        what=found,
        on={"dataset": column.dataset, "scale": SCALE, "atoms": column.atoms, "atoms_from": column.atoms_from},
        model={"name": points[0]["model"]},
        how={
            "protocol": f"{card.name}/{options.scale}",
            "device": options.device,
            "threads": options.threads,
            "samples": training.samples,
            "epochs": training.epochs,
            "batch": training.batch,
            "steps": training.steps,
            "points": [{key: value for key, value in point.items() if key != "rounds"} for point in points],
        },
        where=where(),
    )
    return append_once(options.folder / "records.jsonl", record)
