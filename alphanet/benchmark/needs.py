"""Data that a run reads: the files, their size, whether they are on this machine, and how to get them."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from alphanet.data.cards import SourceFile, load_card
from alphanet.data.fetching import local_path, sources_of


class DataNeed(BaseModel):
    """A data set at a scale, a published file, or something that the user has to give."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    files: int | None = None  # None until the publisher's listing is read
    size: int | None = None  # bytes; None if not stated before the download
    here: bool = False
    get: str = ""  # the command that gets it; empty if it is here, or fetched when it is needed
    address: str = ""  # of a single published file

    @property
    def text(self) -> str:
        """Name, and how to get it, in words."""
        return f"{self.name} ({self.get})" if self.get else self.name


def need_dataset(name: str, scale: str) -> DataNeed:
    """A data set at a scale.

    Raises:
        UserError: its card is wrong.
    """
    files = sources_of(load_card(name).at(scale))
    present = bool(files) and all(local_path(file).is_file() for file in files)
    get = "" if present else f"alphanet data fetch {name} --scale {scale}"
    return DataNeed(name=name, files=len(files) or None, size=_size(files), here=present, get=get)


def need_file(name: str, file: SourceFile) -> DataNeed:
    """One published file."""
    present = local_path(file).is_file()
    return DataNeed(name=name, files=1, size=_size([file]), here=present, address=str(file.url))


def need_from_user(name: str) -> DataNeed:
    """Data without an address, which the user has to give."""
    return DataNeed(name=name)


def _size(files: Sequence[SourceFile]) -> int | None:
    """Bytes of all files together, on this disk or as published; None if one of them is not known."""
    sizes = [local_path(file).stat().st_size if local_path(file).is_file() else file.size for file in files]
    known = [size for size in sizes if size is not None]
    return sum(known) if sizes and len(known) == len(sizes) else None
