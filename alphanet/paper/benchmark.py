"""Benchmark cards: what a table of the paper prints, and by what protocol each scale measures its cells."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from alphanet.cards import Card, card_files, read_card
from alphanet.errors import UserError, did_you_mean

EVERY_COLUMN = "*"


class Metric(Card):
    """One measured quantity of a table."""

    title: str
    unit: str  # as the table prints it; empty for a pure number
    per_record_unit: PositiveFloat  # table value = record value (eV, eV/Å) times this
    better: Literal["lower", "higher", "equal"] = "lower"  # `equal`: a setting or a count, not a measurement


class Row(Card):
    """One potential of a table."""

    model: str  # "alphanet", "mean", or the name of a baseline card
    note: str = ""  # what it is, where its name does not say it


class TrainedRow(Row):
    """One potential of a table of accuracies; several may be the same model with different settings."""

    run: str = ""  # its key under `runs`; its model where there is none

    @property
    def run_key(self) -> str:
        """Its key under `runs`; parts of file names."""
        return self.run or self.model


class Column(Card):
    """One system or data set of a table."""

    title: str


class DataColumn(Column):
    """One data set of a table of accuracies."""

    dataset: str  # the name of a dataset card
    only: dict[str, str] = Field(default_factory=dict)
    """What is evaluated: frames whose `info` matches these patterns (`*` for anything, case does not count). Columns of
    one data set that differ only in this share one training"""
    train_frames: PositiveInt | None = None
    """Trained on so many of the training frames, drawn by the seed; the frames of fewer are among those of more"""


class PaperValue(Card):
    """A number as printed; its decimals are its precision."""

    row: str
    column: str
    metric: str
    printed: Decimal


class Contradiction(Card):
    """What else is said of a number that the paper prints, in the unit of its cell."""

    where: str  # another place of the paper, or the public record: "the text of section 2.1"
    says: Decimal | None = None  # the other number; none where only the printed one is excluded


class Erratum(Card):
    """A contradiction or an open question in the paper, and the cells it touches (no key: all)."""

    text: str
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    contradicts: Contradiction | None = None  # set where the numbers of these cells themselves are contradicted

    def touches(self, row: str, column: str, metric: str) -> bool:
        """Whether it must be stated beside this cell."""
        pairs = ((self.rows, row), (self.columns, column), (self.metrics, metric))
        return all(not named or value in named for named, value in pairs)


class Run(Card):
    """How one potential is trained on one data set."""

    settings: dict[str, Any] = Field(default_factory=dict)  # of its trainer; checked by it
    batch_size: PositiveInt = 8  # in evaluation


class Protocol(Card):
    """How a scale measures. Only the paper's own data and settings are comparable with the paper's numbers."""

    comparable: bool
    reason: str = ""  # why not comparable
    protocol: str  # one sentence for people

    @model_validator(mode="after")
    def _says_why_not(self) -> "Protocol":
        if not self.comparable and not self.reason:
            raise ValueError("a scale that is not comparable says why in `reason`")
        return self


class Scale(Protocol):
    """The protocol of a table of accuracies."""

    epochs: PositiveInt | None = None  # the trainers' own number where there is none
    max_time: PositiveFloat | None = None  # seconds of each training, the same for every model
    dtype: Literal["float32", "float64"] = "float32"  # of training and evaluation
    seeds: PositiveInt = 1  # trainings of each model that has anything random; two or more give a spread
    threads: PositiveInt | None = None  # of every model; none: torch's choice
    parity_frames: PositiveInt | None = None  # most frames of train and of valid in parity plots; none: all
    unavailable: dict[str, str] = Field(default_factory=dict)  # column -> what it needs
    untrained: dict[str, str] = Field(default_factory=dict)  # run key of a row that has no run -> what it needs
    runs: dict[str, dict[str, Run]]  # run key of a row -> column, or `*` for those that are not named -> run

    def run_of(self, key: str, column: str) -> Run | None:
        """How the row with the run key `key` is trained for `column`; none where this scale does not."""
        runs = self.runs.get(key, {})
        return runs.get(column, runs.get(EVERY_COLUMN))


class Table(Card):
    """A table of the paper, whatever it measures."""

    name: str
    title: str
    source: str
    metrics: dict[str, Metric]
    columns: Mapping[str, Column]
    rows: Mapping[str, Row]
    paper: tuple[PaperValue, ...]
    errata: tuple[Erratum, ...] = ()
    notes: tuple[str, ...] = ()  # for the reader, under the table
    scales: Mapping[str, Protocol]

    @model_validator(mode="after")
    def _cells_exist(self) -> "Table":
        for value in self.paper:
            if not (value.row in self.rows and value.column in self.columns and value.metric in self.metrics):
                raise ValueError(f"paper value of {value.row} / {value.column} / {value.metric}: no such cell")
        return self

    def printed(self, row: str, column: str, metric: str) -> Decimal | None:
        """The paper's value of a cell, or none."""
        for value in self.paper:
            if (value.row, value.column, value.metric) == (row, column, metric):
                return value.printed
        return None

    def contradictions(self, row: str, column: str, metric: str) -> tuple[Contradiction, ...]:
        """What the paper, or the public record that it quotes, says against its own value of a cell."""
        touching = (erratum for erratum in self.errata if erratum.touches(row, column, metric))
        return tuple(erratum.contradicts for erratum in touching if erratum.contradicts)

    def scale(self, name: str) -> Protocol:
        """The protocol called `name`.

        Raises:
            UserError: there is none.
        """
        if name not in self.scales:
            raise UserError(f"{self.name} has no scale {name!r}{did_you_mean(name, self.scales)}")
        return self.scales[name]

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:  # noqa: ARG002
        """Whether a cell is part of the table at `scale`."""
        return True


class Benchmark(Table):
    """A table of accuracies."""

    columns: Mapping[str, DataColumn]
    rows: Mapping[str, TrainedRow]
    scales: Mapping[str, Scale]
    s2ef: bool = False  # evaluated as OC20's leaderboard does, too; gives the metrics `s2ef_…`
    power_law: tuple[str, ...] = ()  # metrics that are fitted and drawn against the columns' `train_frames`
    parity: bool = True  # whether trainings are shown as Figure 1 does, with training and validation frames

    @model_validator(mode="after")
    def _runs_exist(self) -> "Benchmark":
        keys = {row.run_key for row in self.rows.values()}
        for name, scale in self.scales.items():
            unknown = ({*scale.runs, *scale.untrained} - keys) | (set(scale.unavailable) - set(self.columns))
            unknown |= {column for runs in scale.runs.values() for column in runs} - {*self.columns, EVERY_COLUMN}
            if unknown:
                raise ValueError(f"scale {name}: no row or column called {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _power_law_has_an_axis(self) -> "Benchmark":
        unknown = set(self.power_law) - set(self.metrics)
        if unknown:
            raise ValueError(f"power_law: no metric called {', '.join(sorted(unknown))}")
        without = [name for name, column in self.columns.items() if column.train_frames is None]
        if self.power_law and without:
            raise ValueError(f"power_law: columns without train_frames: {', '.join(without)}")
        return self

    def scale(self, name: str) -> Scale:
        """The protocol called `name`; see `Table.scale`."""
        found = super().scale(name)
        assert isinstance(found, Scale)
        return found

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:
        """Whether a cell is part of the table at `scale`: the paper prints it, or the scale measures it."""
        run = self.scale(scale).run_of(self.rows[row].run_key, column)
        return run is not None or self.printed(row, column, metric) is not None


CardType = TypeVar("CardType", bound=Card)


def load_benchmark(name: str) -> Benchmark:
    """Read `benchmarks/NAME.yaml`, a table of accuracies; see `read_benchmark`."""
    return read_benchmark(name, Benchmark)


def read_benchmark(name: str, kind: type[CardType]) -> CardType:
    """Read `benchmarks/NAME.yaml` as a card of type `kind`.

    Raises:
        UserError: no such benchmark, or its card is wrong.
    """
    return read_card(benchmark_file(name), kind)


def benchmark_file(name: str) -> Path:
    """Where the card of a benchmark is.

    Raises:
        UserError: no such benchmark.
    """
    files = card_files("benchmarks")
    if name not in files:
        raise UserError(f"there is no benchmark {name!r}{did_you_mean(name, files)}")
    return files[name]


def benchmark_names() -> list[str]:
    """All benchmarks that have a card: figures and tables, by name; a folder in `ALPHANET_BENCHMARKS` adds to them."""
    return list(card_files("benchmarks"))
