"""Cards of landscapes: figures of a table's trainings, and the paper's claim about the sliding surface."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import PositiveFloat, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.cards import Card
from alphanet.errors import did_you_mean


class Trained(Card):
    """The trainings that a figure shows: those of a table of accuracies, whose protocol it takes over."""

    table: str
    column: str


class SlidingClaim(Card):
    """A claim of the paper about the sliding surface."""

    row: str
    text: str
    below: Decimal  # meV/atom, of the largest difference


class LandscapeScale(ScaleSettings):
    """The reference of a scale."""

    reference: str | None = None  # a file of energies, relative to `datasets/`
    level_of_theory: str  # of the reference
    needs: str = ""  # the reference that a user has to give, if it cannot be shipped
    minutes: PositiveFloat | None = None  # beside the training, at most

    @model_validator(mode="after")
    def _has_a_reference_or_says_which(self) -> Self:
        if self.reference is None and not self.needs:
            raise ValueError("give a reference, or say in `needs` which one it would take")
        return self


class LandscapeCard(BenchmarkCard[LandscapeScale, Row, Column]):
    """A figure of parity plots, sliding surface and binding curve."""

    kind: Literal["landscape"]
    trained: Trained
    drawn: tuple[str, ...]  # rows of the paper's figure; the others only if they are selected
    claim: SlidingClaim

    @model_validator(mode="after")
    def _rows_exist(self) -> Self:
        for row in (*self.drawn, self.claim.row):
            if row not in self.rows:
                raise ValueError(f"no row {row!r}{did_you_mean(row, self.rows)}")
        return self

    @property
    def references(self) -> tuple[str, ...]:
        """The table whose trainings it shows."""
        return (self.trained.table,)
