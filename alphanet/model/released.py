"""Released weights of AlphaNet by name: their cards, their files on this disk, verified downloads."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, JsonValue, PositiveInt

from alphanet.cards import Card, card_files, read_card
from alphanet.data.first_download import download_recorded, recorded
from alphanet.data.progress import megabytes
from alphanet.errors import UserError, did_you_mean
from alphanet.files import read_json_object, sha256_of
from alphanet.paths import home

KIND = "models"


class ReleasedFile(Card):
    """A file at an address."""

    url: Annotated[str, Field(pattern=r"^https://\S+$")]
    name: str
    """Under which it is kept"""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """None if no checksum is published; that of the first download is then recorded"""
    bytes: PositiveInt | None = None


class ReleasedModel(Card):
    """Trained weights of AlphaNet that its authors published."""

    name: str
    title: str
    trained_on: str
    level_of_theory: str
    license: str
    reading: str = "official-v1"
    elements: tuple[str, ...] = ()
    """Chemical symbols in the training data; empty if their source lists none"""
    weights: ReleasedFile
    config: Annotated[ReleasedFile | dict[str, JsonValue], Field(union_mode="left_to_right")]
    """The configuration of the public code: a file, or its values"""
    needs: str = ""
    """Reason why it cannot be loaded here; empty if it can"""
    note: str = ""
    """Sources of the addresses and of the other facts"""

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return home() / "models" / self.name

    @property
    def path(self) -> Path:
        """The file of its weights, which may not be here."""
        return self.folder / self.weights.name

    @property
    def settings(self) -> dict[str, JsonValue] | None:
        """Values of the configuration in the public code's terms; None if they are in a file that is not here.

        Raises:
            UserError: the file is damaged.
        """
        if not isinstance(self.config, ReleasedFile):
            return dict(self.config)
        path = self.folder / self.config.name
        if not path.is_file():
            return None
        values = read_json_object(path)
        return dict(values["model"]) if isinstance(values.get("model"), dict) else values

    @property
    def files(self) -> list[ReleasedFile]:
        """Files to download."""
        return [self.weights, *([self.config] if isinstance(self.config, ReleasedFile) else [])]

    @property
    def present(self) -> bool:
        """Whether all its files are here."""
        return all((self.folder / file.name).is_file() for file in self.files)


def released_names() -> list[str]:
    """Names of all released models."""
    return list(card_files(KIND))


def released_model(name: str) -> ReleasedModel:
    """The card of a released model.

    Raises:
        UserError: no such model, or its card is wrong.
    """
    cards = card_files(KIND)
    if name not in cards:
        raise UserError(f"no released model {name!r}{did_you_mean(name, cards)}")
    return read_card(cards[name], ReleasedModel)


def fetch_model(name: str, *, mirror: str | None = None) -> Path:
    """Download the files of a released model unless they are here; returns the path of its weights.

    Raises:
        UserError: no such model, an address cannot be reached (the message says which file to put where), or a file
            differs from the card or from an earlier download.
    """
    card = released_model(name)
    for file in card.files:
        target = card.folder / file.name
        try:
            download_recorded(file.url, target, file.sha256, None, file.bytes, mirror=mirror)
        except UserError as error:
            raise UserError(f"{_missing(card)}: {error}") from error
    return card.path


def is_released(model: str | Path) -> bool:
    """Whether `model` is the name of released weights; a file of that name goes before it."""
    return str(model) in released_names() and not Path(model).is_file()


def model_files(model: str | Path, config: Any = None) -> tuple[Path, Any]:
    """The file that `model` names, and its configuration: `config` if it is given, or that of released weights.

    Args:
        model: a file, or the name of released weights.
        config: of a file that carries none, or in place of that of released weights.

    Raises:
        UserError: no such file and no such name, or released weights that are not here.
    """
    path = Path(model)
    if is_released(model):
        weights, own = released_files(str(model))
        return weights, own if config is None else config
    if not path.exists():
        hint = "" if path.suffix or path.name != str(model) else did_you_mean(str(model), released_names())
        raise UserError(f"cannot read {model}: no such file{hint}")
    return path, config


def released_files(name: str) -> tuple[Path, Path | dict[str, JsonValue]]:
    """The weights of a released model on this disk, and its configuration in the public code's terms: a file or values.

    Raises:
        UserError: no such model, it cannot be loaded here, its files are not here (the message says what to fetch and
            where to put it), or they changed since their download.
    """
    card = released_model(name)
    if card.needs:
        raise UserError(f"{name} cannot be used here: {card.needs}")
    if not card.present:
        raise UserError(f"{_missing(card)}; or get them with: alphanet models fetch {name}")
    for file in card.files:
        path = card.folder / file.name
        expected = file.sha256 or recorded(path)
        if expected is not None and sha256_of(path) != expected:
            raise UserError(f"{path} is not the published file; remove it and fetch it again")
    return card.path, card.folder / card.config.name if isinstance(card.config, ReleasedFile) else dict(card.config)


def _missing(card: ReleasedModel) -> str:
    lacking = [file for file in card.files if not (card.folder / file.name).is_file()]
    listed = "; ".join(
        f"{file.url} ({megabytes(file.bytes)}) as {card.folder / file.name}" for file in lacking or card.files
    )
    return f"the files of {card.name} are not here: put {listed}"
