"""Data: the speed of reading, storing and opening frames, beside ASE's on the same files. One task is all passes."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, Self

from pydantic import PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Metric, Row, ScaleSettings
from alphanet.benchmark.findings import Finding, Findings, Measured, Place, Shown
from alphanet.benchmark.kind import Kind, Plan, Task
from alphanet.benchmark.kinds.sweep_results import ratio_text
from alphanet.errors import UserError, did_you_mean
from alphanet.files import sha256_of
from alphanet.measure.data_speed import (
    READERS,
    TASKS,
    DataRequest,
    Reader,
    TaskTime,
    made_up_frames,
    measured_apart,
    write_large_store,
)
from alphanet.measure.speed import machine_noise
from alphanet.measure.speed.repeats import Ratio
from alphanet.measure.speed.statistics import ratio_intervals
from alphanet.provenance import code_digest, digest_of, hardware, software, where
from alphanet.results.facts import cell_facts, value_text
from alphanet.results.records import Record
from alphanet.results.schema import Grid, Number

__all__ = ["Data", "DataCard", "data_card"]

RATE, SECONDS, MEMORY = "rate", "seconds", "memory"
METRICS = {
    RATE: Metric(title="speed", unit="frames/s", better="higher"),
    SECONDS: Metric(title="time", unit="ms", factor=1000),
    MEMORY: Metric(title="memory", unit="MB"),
}
COLUMNS = {
    "read": "reading text",
    "ingest": "text into a store",
    "random": "random reads of a store",
    "open": "opening a large store",
}
OPEN = "open"
CODE = ("data", "measure/data_speed.py")
RATES = 1000.0  # frames/s, by which the time of a run is guessed

logger = logging.getLogger(__name__)


class DataRow(Row):
    """One reader: its `model` is alphanet or ASE."""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.model not in READERS:
            raise ValueError(f"model: no reader {self.model!r}{did_you_mean(self.model, READERS)}")
        return self


class DataScale(ScaleSettings):
    """How much is read."""

    frames: PositiveInt = 1000  # made up, unless a file is named
    atoms: PositiveInt = 50
    random_reads: PositiveInt = 2000
    large: PositiveInt = 200_000  # frames of the store that is opened
    passes: PositiveInt = 3  # each in new processes


class DataCard(BenchmarkCard[DataScale, DataRow, Column]):
    """Readers by tasks: `read`, `ingest`, `random`, `open`."""

    kind: Literal["data"]

    @model_validator(mode="after")
    def _columns_are_tasks(self) -> Self:
        for column in self.columns:
            if column not in TASKS:
                raise ValueError(f"columns: no task {column!r}{did_you_mean(column, TASKS)}")
        return self

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:  # noqa: ARG002
        """Whether a task has a metric: opening a time and memory, the others a rate."""
        return (metric == RATE) == (column != OPEN)


def data_card(name: str, *, frames: int, atoms: int, large: int, passes: int) -> DataCard:
    """The card of a measurement of this package and of ASE.

    Args:
        name: of its folder.
        frames: to read, if the run names no file.
        atoms: in a frame.
        large: frames of the store that is opened.
        passes: each in new processes.

    Raises:
        UserError: a value that no card may have.
    """
    return DataCard.ad_hoc(
        name,
        title="Speed of reading and storing frames",
        protocol="Readers on the same files, in turns, each in a new process a pass; imports do not count.",
        metrics=METRICS,
        columns={task: {"title": title} for task, title in COLUMNS.items()},
        rows={reader: {"model": reader} for reader in READERS},
        scale={"frames": frames, "atoms": atoms, "large": large, "passes": passes},
    )


class Data(Kind[DataCard, None]):
    """Readers side by side."""

    card_type = DataCard
    uses = frozenset({"structures", "seed"})

    def plan(self) -> Plan[None]:
        """Return one task for everything: readers take turns."""
        scale = self.card.scale(self.options.scale)
        read = 2 * scale.frames + scale.random_reads + scale.large / 10
        seconds = scale.passes * len(self.card.rows) * read / RATES
        places = tuple((row, column) for row in self.card.rows for column in self.card.columns)
        task = Task("reading and storing", places, None, seconds, whole=True, keys=dict.fromkeys(places, self._key()))
        return Plan((task,), cost="about a minute", minutes=seconds / 60)

    def measure(self, task: Task[None], places: tuple[Place, ...], seconds: float | None) -> Iterator[Finding]:  # noqa: ARG002
        """Measure all passes, and yield a record of each reader and task."""
        scale = self.card.scale(self.options.scale)
        file, store, large = self._files()
        taken: dict[str, list[dict[str, TaskTime]]] = {row: [] for row in self.card.rows}
        readings = [machine_noise.reading()]
        for number in range(scale.passes):
            rows = list(self.card.rows)
            for row in rows[number % len(rows) :] + rows[: number % len(rows)]:
                reader: Any = self.card.rows[row].model
                request = DataRequest(
                    reader=reader,
                    file=file,
                    store=store,
                    large=large,
                    random_reads=scale.random_reads,
                    seed=self.options.seed + number,
                )
                taken[row].append(measured_apart(request))
                logger.info("pass %d: %s", number + 1, row)
            readings.append(machine_noise.reading())
        noise = machine_noise.machine_noise(readings)
        for row, column in places:
            passes = [of_pass[column] for of_pass in taken[row]]
            yield Measured(self._record(row, column, passes, noise, file, task.keys[row, column]), ((row, column),))

    def show(self, findings: Findings) -> Shown:
        """Return the ratios of the first reader to the others, with their spread over passes."""
        shown = Shown()
        lines: list[tuple[str | Number, ...]] = []
        first, *others = self.card.rows
        for other in others:
            pairs = {
                column: (findings.records[first, column][0], findings.records[other, column][0])
                for column in self.card.columns
                if findings.records.get((first, column)) and findings.records.get((other, column))
            }
            for column, (own, reference) in pairs.items():
                origin = f"ratio/{other}/{column}"
                shown.origins[origin] = cell_facts([own, reference])
                lines.append((self.card.columns[column].title, other, *self._line(own, reference, column, origin)))
        if lines:
            title = f"Speed of {first} over that of others (above 1: faster), 99 % interval over passes"
            columns = ("task", "beside", first, "the other", "ratio of speeds")
            shown.grids.append(Grid(id="ratios", title=title, columns=columns, rows=tuple(lines)))
        noisy = [records[0].protocol.get("noise") for records in findings.records.values()]
        shown.notes += dict.fromkeys(str(note) for note in noisy if note)
        return shown

    def _line(self, own: Record, reference: Record, column: str, origin: str) -> tuple[str | Number, ...]:
        times = [record.repeats(SECONDS) for record in (own, reference)]
        interval = ratio_intervals([[theirs / ours for ours, theirs in zip(*times, strict=True)]])[0]
        ratio = Ratio(**dict(interval), model=str(own.model["name"]), n_atoms=0, task=column, repeats=len(times[0]))
        metric = SECONDS if column == OPEN else RATE
        described = self.card.metrics[metric]
        values = [described.factor * (record.value(metric) or 0.0) for record in (own, reference)]
        bounds = None if ratio.low is None or ratio.high is None else (ratio.low, ratio.high)
        return (
            *(Number(text=f"{value_text(value)} {described.unit}", value=value, origin=origin) for value in values),
            Number(text=ratio_text(ratio), value=ratio.ratio, origin=origin, interval=bounds),
        )

    def _files(self) -> tuple[Path, Path, Path]:
        """The frames as text, the same in a store, and the large store; written unless they are there."""
        from alphanet.data.formats import read_frames, write_frames
        from alphanet.data.store import write_store

        scale = self.card.scale(self.options.scale)
        folder = self.folder / "files"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{scale.frames}x{scale.atoms}.extxyz"
        if self.options.structures is not None:
            file = Path(self.options.structures)
            if not file.is_file():
                raise UserError(f"structures: no file {self.options.structures!r}")
        elif not file.exists():
            write_frames(file, made_up_frames(scale.frames, scale.atoms))
        store = folder / f"{file.stem}-{sha256_of(file)[:8]}.aselmdb"
        if not store.exists():
            write_store(store, read_frames(file, labeled=False), {})
        large = folder / f"large-{scale.large}.aselmdb"
        if not large.exists():
            logger.info("writing a store of %d frames", scale.large)
            write_large_store(large, scale.large)
        return file.resolve(), store.resolve(), large.resolve()

    def _record(
        self,
        row: str,
        column: str,
        passes: Sequence[TaskTime],
        noise: machine_noise.MachineNoise,
        file: Path,
        key: str,
    ) -> Record:
        values = {SECONDS: [one.seconds for one in passes], MEMORY: [one.memory_mb or 0.0 for one in passes]}
        if column != OPEN:
            values[RATE] = [one.rate for one in passes]
        reader: Reader = "alphanet" if self.card.rows[row].model == "alphanet" else "ASE"
        return Record(
            metrics={
                **{name: fmean(of) for name, of in values.items()},
                "passes": {name: [*of] for name, of in values.items()},
            },
            data={"file": file.name, "frames": passes[0].count},
            model={"name": reader},
            protocol={
                "benchmark": f"{self.card.name}/{self.options.scale}",
                "key": key,
                "task": column,
                "cpu_seconds": [one.cpu_seconds for one in passes],
                "noise": noise.warning,
            },
            environment=where(),
        )

    def _key(self) -> str:
        scale = self.card.scale(self.options.scale)
        named = self.options.structures
        digest = sha256_of(Path(named)) if named and Path(named).is_file() else named
        depends = [hardware(), software(), scale.model_dump(mode="json"), self.options.seed, digest, code_digest(CODE)]
        return digest_of(depends)
