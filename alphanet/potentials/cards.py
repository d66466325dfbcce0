"""Cards of baselines: what a system is, how its environment is made, and the settings the paper gave it."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from alphanet.cards import Card, read_yaml, validate
from alphanet.errors import UserError, did_you_mean
from alphanet.paths import resources

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Package(Card):
    """One package of an environment, with its exact version."""

    name: str
    version: Annotated[str, Field(pattern=r"^\d[\w.!+-]*$")]
    why: str = ""
    """What it is there for, where that is not plain"""


class Environment(Card):
    """How an environment is made. Rows that share one name the row whose card describes it."""

    name: Name
    python: str
    """Versions of Python that the packages support, such as `>=3.10,<3.14`"""
    packages: tuple[Package, ...] = Field(min_length=1)
    without: dict[str, str] = Field(default_factory=dict)
    """Packages that others ask for and that are left out, each with the reason"""
    imports: tuple[str, ...] = Field(min_length=1)
    """Modules whose import proves that the environment works"""

    @property
    def digest(self) -> str:
        """Hash of everything that the environment depends on; the explanations do not count."""
        explained = {"packages": {"__all__": {"why"}}}
        block = self.model_dump(mode="json", exclude=explained) | {"without": sorted(self.without)}
        return hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()


class Checkpoint(Card):
    """Trained weights: at an address, or carried by the package."""

    source: str
    """`https://…`, or `package` where the wheel carries them"""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    bytes: PositiveInt | None = None
    trained_on: str = ""


class Preset(Card):
    """Settings of the architecture and of its training under one name."""

    note: str
    """Where the values come from"""
    model: dict[str, Any]
    """Architecture, in the package's own words; the worker hands it to the package"""
    training: dict[str, Any] = Field(default_factory=dict)
    """Defaults of the training settings, see `alphanet.potentials.settings`"""
    parameters: PositiveInt | None = None
    """Counted with the elements C, O and Si"""


class BaselineCard(Card):
    """One row of the comparison."""

    name: Name
    title: str
    paper_rows: tuple[str, ...] = ()
    """Names of this system in the paper's tables and figures"""
    source: str
    licence: str
    citation: str
    environment: Environment
    conservative: bool
    """Forces are the derivative of the energy; otherwise the network predicts them directly"""
    stress: bool
    trainable: bool
    elements: tuple[str, ...] | Literal["trained", "any"] = "trained"
    """Chemical symbols; `trained`: those of the training data; `any`: all"""
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    energies: str = ""
    """How large total energies keep their digits"""
    presets: dict[str, Preset] = Field(min_length=1)
    checkpoints: dict[str, Checkpoint] = Field(default_factory=dict)
    folder: Path
    """Where card.yaml and worker.py lie; filled in when the card is read"""

    @property
    def worker(self) -> Path:
        """The file that runs inside the environment."""
        return self.folder / "worker.py"

    def preset(self, name: str) -> Preset:
        """The preset called `name`.

        Raises:
            UserError: the card has no such preset.
        """
        if name not in self.presets:
            raise UserError(f"{self.name} has no preset {name!r}{did_you_mean(name, self.presets)}")
        return self.presets[name]


def load_baseline(name: str) -> BaselineCard:
    """The card of the baseline `name`.

    Raises:
        UserError: no such baseline (with the nearest known one), or an invalid card.
    """
    cards = _card_files()
    if name not in cards:
        raise UserError(f"no baseline {name!r}{did_you_mean(name, cards)}")
    return read_baseline(cards[name])


def list_baselines() -> list[BaselineCard]:
    """All cards, by name; a folder in `ALPHANET_BASELINES` adds to the project's own.

    Raises:
        UserError: a card is invalid.
    """
    return [read_baseline(file) for _, file in sorted(_card_files().items())]


def read_baseline(file: Path) -> BaselineCard:
    """The card in `file`, with a shared environment looked up in the card that describes it.

    Raises:
        UserError: unreadable or invalid card, or a missing worker.py.
    """
    values = read_yaml(file)
    if isinstance(values, dict):
        shared = values.get("environment")
        if isinstance(shared, str):
            values = values | {"environment": _environment_of(shared, file)}
        values = values | {"folder": file.parent}
    card = validate(values, BaselineCard, str(file))
    if card.name != file.parent.name:
        raise UserError(f"{file}: name is {card.name!r}, but the folder is called {file.parent.name!r}")
    if not card.worker.is_file():
        raise UserError(f"{file}: {card.worker.name} is missing beside the card")
    return card


def _environment_of(row: str, asking: Path) -> Environment:
    cards = _card_files() | {asking.parent.name: asking}
    if row not in cards:
        raise UserError(f"{asking}: environment: no baseline {row!r} to share with{did_you_mean(row, cards)}")
    block = read_yaml(cards[row])
    described = block.get("environment") if isinstance(block, dict) else None
    if isinstance(described, str):
        raise UserError(f"{asking}: environment: {row!r} shares one itself; name {described!r} instead")
    return validate(described, Environment, f"{cards[row]}: environment")


def _card_files() -> dict[str, Path]:
    folders = [resources("baselines")]
    added = os.environ.get("ALPHANET_BASELINES")
    if added:
        folders.append(Path(added).expanduser())
    return {file.parent.name: file for folder in folders for file in folder.glob("*/card.yaml")}
