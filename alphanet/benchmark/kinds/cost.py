"""Cost: the time and memory of a training, computed from measured steps of it. One task is a column."""

from typing import Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, DataColumn, Row
from alphanet.benchmark.kinds.timing import DAY, TimingScale
from alphanet.cards import Card
from alphanet.data.cards import load_card
from alphanet.errors import UserError, did_you_mean

__all__ = ["DAY", "CostCard", "CostColumn", "CostScale"]


class CostColumn(DataColumn):
    """One training. Network, epochs and batch are those of the data set's preset at scale `full`."""

    samples_from: str  # source of the number of training frames in the data set's card
    atoms: PositiveFloat  # in a frame, on average
    atoms_from: str  # source of that

    @property
    def samples(self) -> int:
        """Training frames, by the data set's card.

        Raises:
            UserError: the card does not say.
        """
        frames = load_card(self.dataset).at("full").train_frames
        if frames is None:
            raise UserError(f"the card of the data set {self.dataset} has no train_frames at scale full")
        return frames


class Steps(Card):
    """The structures on which steps are timed."""

    structures: str  # a material or a file
    sizes: tuple[PositiveInt, ...] = Field(
        min_length=1
    )  # atoms; time and memory continue from there on a straight line


class CostScale(TimingScale):
    """How a scale times steps."""

    batch: PositiveInt | None = None  # structures in a step; None: the preset's
    steps: dict[str, Steps]  # by column


class CostCard(BenchmarkCard[CostScale, Row, CostColumn]):
    """A table of training costs. Its metrics are `training_cost` (days of a device), `training_memory`, `parameters`."""

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
