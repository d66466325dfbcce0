"""Cards of accuracy: potentials trained on data sets, and their errors on test frames."""

from typing import Literal, Self

from pydantic import Field, JsonValue, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, DataColumn, Protocol, Row, ScaleSettings
from alphanet.errors import did_you_mean

EVERY_COLUMN = "*"


class AccuracyRow(Row):
    """One potential; several rows may be the same model with different settings."""

    run: str = ""  # its key under `runs`; its model if not given

    @property
    def run_key(self) -> str:
        """Its key under `runs`; part of file names."""
        return self.run or self.model


class AccuracyColumn(DataColumn):
    """One data set, or some of its frames."""

    only: dict[str, str] = Field(default_factory=dict)
    """Evaluated frames: those whose `info` matches these patterns (`*` for anything, case does not count). Columns of
    one data set that differ only in this share one training"""
    train_frames: PositiveInt | None = None
    """Number of training frames, drawn by the seed; smaller sets are part of larger ones; all frames if None"""
    test_frames: PositiveInt | None = None
    """Most test frames, evenly spaced; all if None"""


class TrainingRun(Protocol):
    """How one potential is trained on one data set."""

    settings: dict[str, JsonValue] = Field(default_factory=dict)  # of its trainer, which checks them
    batch_size: PositiveInt = 8  # in evaluation
    own_frames: bool = False
    """Whether it trains and validates only on the frames that its column counts, instead of all of the data set"""
    unequal: dict[str, str] = Field(default_factory=dict)
    """Setting -> why it may differ from AlphaNet's, see `alphanet.benchmark.kinds.accuracy.terms`"""


class AccuracyScale(ScaleSettings):
    """How a scale trains and evaluates."""

    epochs: PositiveInt | None = None  # the trainers' own number if None
    max_time: PositiveFloat | None = None  # seconds; a guard: a training that it cuts is not run
    usual_seconds: PositiveFloat | None = None  # that a training takes on two cores, for lists; no limit
    equal: Literal["steps", "compute", "convergence"] | None = None
    """The terms on which the rows of a column are compared, see `costs`; None: no comparison is claimed"""
    dtype: Literal["float32", "float64"] = "float32"  # of training and evaluation
    seeds: PositiveInt = 1  # trainings of each model that has anything random; two or more give a spread
    threads: PositiveInt | None = None  # of every model; torch's choice if None
    valid_frames: PositiveInt | None = None  # most validation frames of every training, evenly spaced; all if None
    parity_frames: PositiveInt | None = None  # most frames of train and of valid in parity plots; all if None
    skip_columns: dict[str, str] = Field(default_factory=dict)  # column -> what it needs
    skip_rows: dict[str, str] = Field(default_factory=dict)  # run key of a row that has no run -> what it needs
    runs: dict[str, dict[str, TrainingRun]]
    """Run key of a row -> column, or `*` for all other columns -> run"""

    def run_of(self, key: str, column: str) -> TrainingRun | None:
        """The run of the row with the run key `key` for `column`; None if this scale does not train it."""
        runs = self.runs.get(key, {})
        return runs.get(column, runs.get(EVERY_COLUMN))


class AccuracyCard(BenchmarkCard[AccuracyScale, AccuracyRow, AccuracyColumn]):
    """A table or figure of accuracies."""

    kind: Literal["accuracy"]
    s2ef: bool = False  # evaluated as OC20's leaderboard does, too; gives the metrics `s2ef_…`
    power_law: tuple[str, ...] = ()  # metrics that are fitted and drawn against the columns' `train_frames`
    parity: bool = True  # whether trainings are shown as Figure 1 does, with training and validation frames

    @model_validator(mode="after")
    def _runs_exist(self) -> Self:
        keys = {row.run_key for row in self.rows.values()}
        for name, scale in self.scales.items():
            columns = {column for runs in scale.runs.values() for column in runs}
            for key in {*scale.runs, *scale.skip_rows} - keys:
                raise ValueError(f"scale {name}: no row has the run key {key!r}{did_you_mean(key, keys)}")
            for column in (columns - {EVERY_COLUMN} | set(scale.skip_columns)) - set(self.columns):
                raise ValueError(f"scale {name}: no column {column!r}{did_you_mean(column, self.columns)}")
        return self

    @model_validator(mode="after")
    def _power_law_has_an_axis(self) -> Self:
        for metric in self.power_law:
            if metric not in self.metrics:
                raise ValueError(f"power_law: no metric {metric!r}{did_you_mean(metric, self.metrics)}")
        without = [name for name, column in self.columns.items() if column.train_frames is None]
        if self.power_law and without:
            raise ValueError(f"power_law: columns without train_frames: {', '.join(without)}")
        return self

    def axis(self, column: str) -> float | None:
        """The number of training frames, if it belongs to the column."""
        return self.columns[column].train_frames if column in self.columns else None

    def protocols(self, scale: str, row: str, column: str) -> tuple[Protocol, ...]:
        """The row, and its run at `scale`."""
        run = self.scale(scale).run_of(self.rows[row].run_key, column)
        return (self.rows[row],) if run is None else (self.rows[row], run)

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:
        """Whether a cell is part of the table at `scale`: the paper prints it, or the scale measures it."""
        run = self.scale(scale).run_of(self.rows[row].run_key, column)
        return run is not None or self.printed(row, column, metric) is not None
