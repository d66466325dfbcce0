"""Cards of learning: models, amounts of compute, sizes of training sets; and those that a user asks for."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, JsonValue, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, DataColumn, Metric, Protocol, Row, ScaleSettings
from alphanet.benchmark.kinds.opening import rows_of_models
from alphanet.data.own import OwnData
from alphanet.errors import did_you_mean

ENERGY, FORCE, STEP_TIME = "energy_mae", "force_mae", "step_time"
METRICS = {
    ENERGY: Metric(title="energy MAE", unit="meV/atom", factor=1000),
    FORCE: Metric(title="force MAE", unit="meV/Å", factor=1000),
    STEP_TIME: Metric(title="time of a step in simulation", unit="ms", factor=1000),
}
"""What every card of this kind measures"""
SIMULATION = "simulation"  # the column of the time of a step, in cards that the command line makes


class LearningColumn(DataColumn):
    """One amount of compute on a number of frames; or, without an amount, the time of a step in simulation."""

    compute: PositiveFloat | None = None  # seconds of one processor, or of a GPU where one trains
    train_frames: PositiveInt | None = None  # drawn by the seed; smaller sets are part of larger ones; all if None


class LearningRun(Protocol):
    """How a potential is trained, where its card's settings are not the recommended ones for these data."""

    settings: dict[str, JsonValue] = Field(default_factory=dict)  # of its trainer, without its length


class LearningScale(ScaleSettings):
    """How a scale trains, evaluates and times."""

    data_scale: Literal["mini", "slice", "full"] | None = None  # of data and default settings; its own name if None
    seeds: PositiveInt = 3
    dtype: Literal["float32", "float64"] = "float32"
    batch_size: PositiveInt = 8  # in evaluation
    valid_frames: PositiveInt | None = 100  # most validation frames, evenly spaced; all if None
    test_frames: PositiveInt | None = None  # most test frames, evenly spaced; all if None
    max_time: PositiveFloat | None = None  # seconds; a guard: a training that it cuts is not run
    passes: PositiveInt = 3  # of the time of a step, each in new processes
    seconds: PositiveFloat = 5.0  # for each model in each pass
    skip_columns: dict[str, str] = Field(default_factory=dict)  # column -> why this scale leaves it out
    skip_rows: dict[str, str] = Field(default_factory=dict)  # row -> why this scale leaves it out
    runs: dict[str, LearningRun] = Field(default_factory=dict)  # row -> run; the settings of its card if not given


class LearningCard(BenchmarkCard[LearningScale, Row, LearningColumn]):
    """Errors against compute. Its metrics are `energy_mae`, `force_mae` and `step_time`."""

    kind: Literal["learning"]
    metrics: dict[str, Metric] = Field(default_factory=lambda: dict(METRICS))
    own: OwnData | None = None  # files of a user's own in place of a data set

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for metric in self.metrics:
            if metric not in METRICS:
                raise ValueError(f"metrics: no {metric!r} is measured{did_you_mean(metric, METRICS)}")
        for name, scale in self.scales.items():
            for key, names, known in (
                ("runs", scale.runs, self.rows),
                ("skip_rows", scale.skip_rows, self.rows),
                ("skip_columns", scale.skip_columns, self.columns),
            ):
                for one in names:
                    if one not in known:
                        raise ValueError(f"scale {name}: {key}: no {one!r}{did_you_mean(one, known)}")
        return self

    @model_validator(mode="after")
    def _lengths_are_the_budgets(self) -> Self:
        for name, scale in self.scales.items():
            for row, run in scale.runs.items():
                for key in ("epochs", "steps", "max_time", "seed", "until"):
                    if key in run.settings:
                        raise ValueError(f"scale {name}: runs.{row}: {key} follows from the compute; leave it out")
        return self

    def axis(self, column: str) -> float | None:
        """The compute of a column."""
        return self.columns[column].compute if column in self.columns else None

    def protocols(self, scale: str, row: str, column: str) -> tuple[Protocol, ...]:  # noqa: ARG002
        """The row, and its run at `scale`."""
        run = self.scale(scale).runs.get(row)
        return (self.rows[row],) if run is None else (self.rows[row], run)

    def shows(self, scale: str, row: str, column: str, metric: str) -> bool:
        """Whether a column has the metric: errors those with compute, the time of a step the others."""
        at = self.scale(scale)
        timed = self.columns[column].compute is None
        return (metric == STEP_TIME) == timed and column not in at.skip_columns and row not in at.skip_rows


def learning_card(
    name: str,
    *,
    models: Sequence[str],
    data: str | OwnData,
    scale: str,
    compute: Sequence[float],
    train_frames: Sequence[int] = (),
    seeds: int = 3,
    dtype: str = "float32",
) -> LearningCard:
    """The card of a user's learning curves.

    Args:
        name: of its folder.
        models: `alphanet`, baselines that train by name or by the path of their card, what learns nothing (mean,
            zero-forces, nearest-frame), or finished models in any form of `alphanet.potentials.forms.FORMS`, which are
            evaluated as they are.
        data: a data set, or files of the user's own.
        scale: of the data and of the models' default settings: mini, slice or full.
        compute: processor or GPU seconds of a training.
        train_frames: sizes of training sets; all frames if empty.
        seeds: trainings of each point.
        dtype: float32 or float64.

    Raises:
        UserError: a value that no card may have.
    """
    dataset = data if isinstance(data, str) else data.name
    columns: dict[str, dict[str, object]] = {}
    for frames in sorted(set(train_frames)) or (None,):
        for seconds in sorted(set(compute)):
            few = "" if frames is None else f", {frames} frames"
            columns[f"{seconds:g} s{few}"] = {
                "title": f"{seconds:g} s of compute{few}",
                "dataset": dataset,
                "compute": seconds,
                "train_frames": frames,
            }
    columns[SIMULATION] = {"title": "a step in simulation", "dataset": dataset}
    return LearningCard.ad_hoc(
        name,
        title=f"Error against compute on {dataset}",
        protocol=(
            "Each training has as many steps as its compute buys at the measured cost of a step, and a schedule of "
            "that length; recommended settings; same frames, validation and test."
        ),
        columns=columns,
        rows=rows_of_models(models),
        own=None if isinstance(data, str) else data.model_dump(mode="json"),
        scale={"data_scale": scale, "seeds": seeds, "dtype": dtype},
    )
