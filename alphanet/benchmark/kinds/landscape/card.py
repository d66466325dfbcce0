"""Cards of landscapes: figures of a table's trainings, and the paper's claim about the sliding surface."""

from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from alphanet.benchmark.card import BenchmarkCard, Column, Row, ScaleSettings
from alphanet.benchmark.claims.card import Bound
from alphanet.cards import Card
from alphanet.errors import did_you_mean

SLIDING = "sliding_max_difference"
FACTORS = {
    SLIDING: 1e3,
    "sliding_rms_difference": 1e3,
    "binding_max_difference": 1e3,
    "corrugation_predicted": 1e3,
    "depth_predicted": 1e3,
    "distance_predicted": 1.0,
}
"""Quantities of a landscape's record, and their factors to meV/atom and Å"""


class Trained(Card):
    """The trainings that a figure shows: those of a table of accuracies, whose protocol it takes over."""

    table: str
    column: str


class LandscapeScale(ScaleSettings):
    """The reference of a scale."""

    reference: str | None = None  # a file of energies, relative to `datasets/`
    level_of_theory: str  # of the reference
    needs: str = ""  # the reference that a user has to give, if it cannot be shipped
    minutes: PositiveFloat | None = None  # beside the trainings, at most
    seeds: PositiveInt | None = None  # trainings of each row, of which the first is drawn; the table's number if None

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

    @model_validator(mode="after")
    def _rows_exist(self) -> Self:
        for row in self.drawn:
            if row not in self.rows:
                raise ValueError(f"no row {row!r}{did_you_mean(row, self.rows)}")
        return self

    @property
    def claim_quantities(self) -> tuple[str, ...]:
        """Numbers of sliding surfaces and binding curves."""
        return tuple(FACTORS)

    def unit(self, quantity: str) -> str:
        """Of energies, or of distances."""
        return "Å" if quantity.startswith("distance") else "meV/atom"

    @property
    def sliding_bound(self) -> float | None:
        """The largest difference of the sliding surface that the paper claims, meV/atom; None if it claims none."""
        bounds = (claim.below for claim in self.claims if isinstance(claim, Bound) and claim.metric == SLIDING)
        return next((float(bound) for bound in bounds if bound is not None), None)

    @property
    def references(self) -> tuple[str, ...]:
        """The table whose trainings it shows."""
        return (self.trained.table,)
