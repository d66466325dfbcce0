"""Cards of what the paper says of speed: a table with numbers, and figures without."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.errors import UserError, did_you_mean
from alphanet.paper.benchmark import Protocol, Row, Table


class SpeedProtocol(Protocol):
    """How a scale measures speed."""

    structures: str  # a name or a file, as `bench speed` takes it
    sizes: tuple[PositiveInt, ...]  # atoms
    batch: PositiveInt  # structures in a call
    passes: PositiveInt = 3
    rounds: PositiveInt  # turns in a pass
    calls: PositiveInt | None = None  # of each model at each size; none: as many as fit
    minutes: PositiveFloat  # for each sweep
    hardware: str = ""  # part of the GPU's name, where numbers depend on it
    needs_structures: str = ""  # what the paper's protocol measures on, where it cannot be shipped


class SpeedTable(Table):
    """A table of speeds and memory."""

    scales: Mapping[str, SpeedProtocol]

    def scale(self, name: str) -> SpeedProtocol:
        """The protocol called `name`; see `Table.scale`."""
        found = super().scale(name)
        assert isinstance(found, SpeedProtocol)
        return found


class FigureRow(Row):
    """One potential of a figure, with what is published of it."""

    f1: Decimal | None = None  # on WBM's unique prototypes
    parameters: float | None = None


class SpeedFigure(Card):
    """A figure of speeds: curves, or speed against accuracy."""

    name: str
    title: str
    source: str
    rows: Mapping[str, FigureRow]
    fastest: str | None = None  # the row that the paper claims to be ahead at every size
    notes: tuple[str, ...] = ()
    scales: dict[str, SpeedProtocol] = Field(min_length=1)

    def scale(self, name: str) -> SpeedProtocol:
        """The protocol called `name`.

        Raises:
            UserError: there is none.
        """
        if name not in self.scales:
            raise UserError(f"{self.name} has no scale {name!r}{did_you_mean(name, self.scales)}")
        return self.scales[name]


def deviations(protocol: SpeedProtocol, structures: str | None, hardware: Mapping[str, Any]) -> list[str]:
    """In what a run departs from the paper's protocol: machine, and structures."""
    found = []
    if protocol.hardware and not any(protocol.hardware in name for name in hardware["gpus"]):
        found.append(f"on {', '.join(hardware['gpus']) or hardware['cpu']}, not on an {protocol.hardware}")
    if protocol.needs_structures and structures is None:
        found.append(f"without {protocol.needs_structures}")
    return found
