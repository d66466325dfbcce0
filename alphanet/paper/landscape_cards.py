"""The card of a figure that shows one training: parity plots, and a landscape of sliding layers."""

from decimal import Decimal

from pydantic import Field, PositiveFloat, model_validator

from alphanet.cards import Card
from alphanet.errors import UserError, did_you_mean
from alphanet.paper.benchmark import Protocol, Row


class Trained(Card):
    """Which trainings a figure shows: those of a table of accuracies, whose protocol it takes over."""

    table: str
    column: str


class Limit(Card):
    """What the paper claims of the sliding surface."""

    row: str
    text: str
    below: Decimal  # meV/atom, of the largest difference


class LandscapeProtocol(Protocol):
    """With what a scale compares."""

    reference: str | None = None  # a file of energies, relative to `datasets/`
    level_of_theory: str  # of the reference
    needs: str = ""  # what to give as a reference where none can be shipped
    minutes: PositiveFloat | None = None  # beside the training, at most

    @model_validator(mode="after")
    def _has_a_reference_or_says_which(self) -> "LandscapeProtocol":
        if self.reference is None and not self.needs:
            raise ValueError("give a reference, or say in `needs` what it would take")
        return self


class LandscapeFigure(Card):
    """A figure of parity plots, sliding surface and binding curve."""

    name: str
    title: str
    source: str
    trained: Trained
    rows: dict[str, Row]
    drawn: tuple[str, ...]  # rows of the paper's figure; the others only if asked for
    claim: Limit
    notes: tuple[str, ...] = ()
    scales: dict[str, LandscapeProtocol] = Field(min_length=1)

    @model_validator(mode="after")
    def _rows_exist(self) -> "LandscapeFigure":
        unknown = {*self.drawn, self.claim.row} - set(self.rows)
        if unknown:
            raise ValueError(f"no row called {', '.join(sorted(unknown))}")
        return self

    def scale(self, name: str) -> LandscapeProtocol:
        """The protocol called `name`.

        Raises:
            UserError: there is none.
        """
        if name not in self.scales:
            raise UserError(f"{self.name} has no scale {name!r}{did_you_mean(name, self.scales)}")
        return self.scales[name]
