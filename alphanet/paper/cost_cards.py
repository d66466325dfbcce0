"""Cards of tables of training cost: what is trained how often on what, and which steps stand for it."""

from collections.abc import Mapping

from pydantic import Field, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.data.cards import load_card
from alphanet.errors import UserError
from alphanet.paper.benchmark import DataColumn, Protocol, Table


class CostColumn(DataColumn):
    """One training. Network, epochs and batch are those of the data set's preset at scale `full`."""

    samples_from: str  # where the data set's card has its number of training frames from
    atoms: PositiveFloat  # in a frame, on average
    atoms_from: str

    @property
    def samples(self) -> int:
        """Training frames, as the data set's card says.

        Raises:
            UserError: it does not say.
        """
        found = load_card(self.dataset).at("full").train_frames
        if found is None:
            raise UserError(f"the card of the data set {self.dataset} has no train_frames at scale full")
        return found


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
