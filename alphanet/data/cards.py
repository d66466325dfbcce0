"""Cards of data sets: the origin, the license, the labels and the split of each scale.

A card is one YAML file in `datasets/` or in the folder that `ALPHANET_DATASETS` names; adding a data set is adding a
card.
"""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, PositiveInt, PrivateAttr, field_validator, model_validator

from alphanet.cards import Card, card_files, read_card
from alphanet.errors import UserError, did_you_mean
from alphanet.paths import resources

Scale = Literal["mini", "slice", "full"]
SCALES: tuple[Scale, ...] = ("mini", "slice", "full")

Role = Literal["frames", "train", "valid", "test", "reference"]

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]+$")]


class LabelKeys(Card):
    """Names of the labels inside a file; the defaults are ASE's."""

    energy: str = "energy"
    """Key of the energy (eV) in `info`"""
    forces: str = "forces"
    """Key of the forces (eV/Å) in `arrays`"""
    stress: str = "stress"
    """Key of the stress in `info`: eV/Å^3, tension positive, as ASE has it"""
    virial: str = "virial"
    """Key of the virial in `info`: eV, -dE/dstrain, the opposite sign and not divided by the volume"""
    energy_origin: str | None = None
    """Key of an energy (eV) in `info` that is subtracted from the frame's energy"""


class SourceFile(Card):
    """One file to download (`url`), or one beside the card (`path`, relative to the card's folder)."""

    url: str | None = None
    path: str | None = None
    name: str | None = None  # its file name, if the address does not end in one
    sha256: Annotated[Hex, Field(min_length=64, max_length=64)] | None = None
    md5: Annotated[Hex, Field(min_length=32, max_length=32)] | None = None
    size: int | None = None  # bytes
    role: Role = "frames"  # `frames`: the split decides; `reference`: not structures, only fetched
    group: str | None = None  # tags the file's frames, e.g. with the validation split or the framework
    unpack: bool = False  # extract the archive before reading
    _folder: Path = PrivateAttr(default_factory=lambda: resources("datasets"))  # of the card

    @property
    def beside_card(self) -> Path | None:
        """The absolute path of a file that lies beside its card; None if it is downloaded."""
        return None if self.path is None else self._folder / Path(self.path).expanduser()

    @model_validator(mode="after")
    def _has_one_place(self) -> "SourceFile":
        if (self.url is None) == (self.path is None):
            raise ValueError("give either url or path")
        if self.url and urlsplit(self.url).scheme != "https":
            raise ValueError(f"only https addresses are allowed, found {self.url}")
        if self.path and self.unpack:
            raise ValueError("unpack is for downloads; unpack the archive and name the files in it")
        return self

    @property
    def label(self) -> str:
        """The name of the file in reports: its address without `https://`, or its path beside the card."""
        if self.url is None:
            return str(self.path)
        address = urlsplit(self.url)
        return f"{address.netloc}{address.path}" + (f"/{self.name}" if self.name else "")


class Listing(Card):
    """A record of a publisher whose interface states the files and their md5 sums."""

    record: Annotated[str, Field(pattern=r"^(zenodo|figshare):\d+$")]
    roles: dict[str, Role]  # first matching file name pattern -> role; a file that matches none is left out
    unpack: bool = False  # extract archives before reading


class Split(Card):
    """The rule that makes frames train, valid or test. A file with one of these roles belongs to it as a whole; else:

    - `info`: every frame names its split (`info["split"]`).
    - `files`: every file has such a role; `valid_fraction` of the training frames is held out for validation.
    - `uniform`: `train` and `valid` frames drawn uniformly from `total`, the rest is test.
    - `ratio`: of every ten (their sum) consecutive frames of a file, `ratio` are train, valid, test, drawn by
      `seed`.
    - `contiguous`: the first frames of every file are train, then valid, then test, as `ratio` says.
    - `group`: as `ratio`, but all frames of one group (a material) share a split.
    - `test`: all frames are for testing; nothing can be trained on the set.
    """

    method: Literal["info", "files", "uniform", "ratio", "contiguous", "group", "test"]
    seed: int = 0
    total: int | None = None
    train: int | None = None
    valid: int | None = None
    ratio: tuple[int, int, int] | None = None
    valid_fraction: float | None = Field(default=None, gt=0, lt=1)
    distinct_energy: float | None = Field(default=None, gt=0)  # eV: repeats are left out; see splits.py

    @model_validator(mode="after")
    def _is_complete(self) -> "Split":
        needed = {"uniform": ("total", "train", "valid"), "files": (), "test": ()}.get(self.method, ("ratio",))
        missing = [key for key in needed if self.method != "info" and getattr(self, key) is None]
        if missing:
            raise ValueError(f"split method {self.method!r} needs {', '.join(missing)}")
        return self


class ScaleCard(Card):
    """One scale of a data set."""

    description: str
    license: str
    level_of_theory: str
    files: tuple[SourceFile, ...] = ()
    listing: Listing | None = None
    labels: LabelKeys = LabelKeys()
    split: Split | None = None
    train_frames: PositiveInt | None = None  # as published, for estimates before the data is here
    needs: str | None = None  # reason why nothing can be fetched at this scale, and the alternative

    @model_validator(mode="after")
    def _has_data_or_a_reason(self) -> "ScaleCard":
        if not self.files and self.listing is None and self.needs is None:
            raise ValueError("give files, a listing, or say in `needs` why there are none")
        names = [file.label for file in self.files]
        if len(set(names)) < len(names):
            raise ValueError("a file is named twice")
        return self


class Units(Card):
    """Units of the frames that readers return; readers convert."""

    energy: Literal["eV"] = "eV"
    length: Literal["Å"] = "Å"
    forces: Literal["eV/Å"] = "eV/Å"
    stress: Literal["eV/Å^3"] = "eV/Å^3"


class DatasetCard(Card):
    """A data set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    citation: tuple[str, ...]
    elements: tuple[str, ...]
    units: Units = Units()
    paper: str  # how the paper uses it, its splits as printed
    errata: tuple[str, ...] = ()
    training: dict[str, Any] | None = None
    """Defaults of training, see `alphanet.training.config`; under `scales` those of a scale, or another scale's name"""
    scales: dict[Scale, ScaleCard]

    @field_validator("elements")
    @classmethod
    def _are_symbols(cls, elements: tuple[str, ...]) -> tuple[str, ...]:
        from ase.data import atomic_numbers

        for symbol in elements:
            if symbol not in atomic_numbers:
                raise ValueError(f"{symbol!r} is not an element")
        return elements

    def at(self, scale: str) -> ScaleCard:
        """The card of the scale called `scale`.

        Raises:
            UserError: the data set has no such scale.
        """
        for known, card in self.scales.items():
            if known == scale:
                return card
        raise UserError(f"data set {self.name!r} has no scale {scale!r}{did_you_mean(scale, list(self.scales))}")


def load_card(name: str) -> DatasetCard:
    """The card of a data set.

    Raises:
        UserError: there is no such card, or it has mistakes.
    """
    known = card_files("datasets")
    if name not in known:
        raise UserError(f"no data set {name!r}{did_you_mean(name, known)}")
    card = read_card(known[name], DatasetCard)
    if card.name != name:
        raise UserError(f"{known[name]}: name {card.name!r} differs from the file's name")
    for at in card.scales.values():
        for file in at.files:
            file._folder = known[name].parent.absolute()
    return card


def list_cards() -> list[DatasetCard]:
    """All cards, by name."""
    return [load_card(name) for name in known_names()]


def known_names() -> list[str]:
    """Names of all data sets."""
    return list(card_files("datasets"))
