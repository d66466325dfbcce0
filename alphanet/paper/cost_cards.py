"""Cards of tables of training cost: what is trained how often on what, and which steps stand for it."""

from collections.abc import Mapping

from pydantic import Field, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.paper.benchmark import DataColumn, Protocol, Table


class CostColumn(DataColumn):
    """One training. Network, epochs and batch are those of the data set's preset at scale `full`."""

    samples: PositiveInt  # training frames
    samples_from: str
    atoms: PositiveFloat  # in a frame, on average
    atoms_from: str


class Steps(Card):
    """The structures on which steps are timed."""

    structures: str  # as `bench speed` takes it
    sizes: tuple[PositiveInt, ...] = Field(min_length=1)  # atoms; time and memory go on from there in a straight line


class CostProtocol(Protocol):
    """How a scale times steps."""

    steps: dict[str, Steps]  # by column
    batch: PositiveInt | None = None  # structures in a step; none: the preset's
    passes: PositiveInt = 3
    rounds: PositiveInt = 1  # turns in a pass
    calls: PositiveInt | None = None  # steps at each size; none: as many as fit
    minutes: PositiveFloat  # of each column


class CostTable(Table):
    """A table of training cost. Its metrics are `training_cost` (days of a device), `training_memory`, `parameters`."""

    columns: Mapping[str, CostColumn]
    scales: Mapping[str, CostProtocol]

    def scale(self, name: str) -> CostProtocol:
        """The protocol called `name`; see `Table.scale`."""
        found = super().scale(name)
        assert isinstance(found, CostProtocol)
        return found
