"""What a run reads: which files, how large, whether they are here, and how to get them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from alphanet.data.cards import SourceFile, load_card
from alphanet.data.fetching import local_path, sources_of
from alphanet.measure.wbm import summary_file
from alphanet.paper.discovery_cards import DiscoveryTable


@dataclass(frozen=True)
class Data:
    """A data set at a scale, a published file, or what the user has to give."""

    name: str
    files: int | None  # none: the publisher tells when asked
    size: int | None  # bytes; none: not stated before the download
    here: bool
    get: str = ""  # the command that gets it; empty where it is here, or fetched when it is needed
    address: str = ""  # of a single published file

    @property
    def text(self) -> str:
        """Name, and how to get it, in words."""
        return f"{self.name} ({self.get})" if self.get else self.name


def of_dataset(name: str, scale: str) -> Data:
    """A data set at a scale.

    Raises:
        UserError: its card is wrong.
    """
    files = sources_of(load_card(name).at(scale))
    here = bool(files) and all(local_path(file).is_file() for file in files)
    get = "" if here else f"alphanet data fetch {name} --scale {scale}"
    return Data(name, len(files) or None, _size(files), here, get)


def of_predictions(card: DiscoveryTable) -> Iterator[Data]:
    """The published labels and predictions of a table of stability."""
    for name, file in {"labels": summary_file(), **{name: row.source for name, row in card.rows.items()}}.items():
        here = local_path(file).is_file()
        yield Data(name, 1, _size([file]), here, address=str(file.url))


def given_by_user(what: str) -> Data:
    """What no address has."""
    return Data(what, None, None, here=False)


def _size(files: Sequence[SourceFile]) -> int | None:
    """Bytes of all files together, on this disk or as published; none where one of them is not known."""
    sizes = [local_path(file).stat().st_size if local_path(file).is_file() else file.size for file in files]
    known = [size for size in sizes if size is not None]
    return sum(known) if sizes and len(known) == len(sizes) else None
