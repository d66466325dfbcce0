"""Cards of tables of crystal stability: rows whose predictions are published."""

from collections.abc import Mapping
from typing import Literal

from pydantic import NonNegativeInt, PositiveFloat

from alphanet.data.cards import SourceFile, load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.paper.benchmark import Protocol, Row, Table


class DiscoveryRow(Row):
    """One potential, and the file of its WBM predictions."""

    predictions: str | SourceFile  # a group of the files of the data set wbm, or a file of its own

    @property
    def source(self) -> SourceFile:
        """The file of predictions.

        Raises:
            UserError: the data set has no such group.
        """
        if isinstance(self.predictions, SourceFile):
            return self.predictions
        groups = {file.group: file for at in load_card("wbm").scales.values() for file in at.files if file.group}
        if self.predictions not in groups:
            raise UserError(
                f"predictions: the data set wbm has no group {self.predictions!r}"
                f"{did_you_mean(self.predictions, groups)}"
            )
        return groups[self.predictions]


class DiscoveryProtocol(Protocol):
    """How predictions are scored."""

    subset: Literal["full", "unique", "most-stable"]
    decimals: NonNegativeInt | None = None  # of eV/atom, to which labels and predictions are rounded first
    max_error: PositiveFloat  # eV/atom; predictions further off count as missing
    fetch: bool = True  # whether published files that are not on this machine are fetched


class DiscoveryTable(Table):
    """A table of stability metrics."""

    rows: Mapping[str, DiscoveryRow]
    scales: Mapping[str, DiscoveryProtocol]

    def scale(self, name: str) -> DiscoveryProtocol:
        """The protocol called `name`; see `Table.scale`."""
        found = super().scale(name)
        assert isinstance(found, DiscoveryProtocol)
        return found
