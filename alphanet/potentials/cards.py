"""Cards of baselines: the system, the recipe of its environment, and the paper's settings of it."""

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, JsonValue, model_validator

from alphanet.cards import Card, card_files, read_yaml, validate
from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.card_parts import Checkout, Checkpoint, Environment, Limit, Name, Preset, Reference, Relaxation


class BaselineCard(Card):
    """One row of the comparison."""

    name: Name
    title: str
    paper_rows: tuple[str, ...] = ()
    """Names of this system in the paper's tables and figures"""
    source: str
    license: str = Field(validation_alias=AliasChoices("license", "licence"))
    citation: str
    environment: Environment
    conservative: bool
    """Whether forces are derivatives of the energy; otherwise the network predicts them directly"""
    stress: bool
    trainable: bool
    trained_as: str | None = None
    """Name of the baseline whose training can start from these weights, if it is another"""
    untrained: str = ""
    """Reason why it is not trained here"""
    elements: tuple[str, ...] | Literal["trained", "any"] = "trained"
    """Chemical symbols; `trained`: those of the training data; `any`: all"""
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    energies: str = ""
    """The way in which large total energies keep their digits"""
    printed_parameters: dict[str, str] = Field(default_factory=dict)
    """Numbers of parameters as the paper prints them, by table or figure"""
    training: dict[str, JsonValue] = Field(default_factory=dict)
    """Defaults of training settings for all presets, where they differ from AlphaNet's"""
    fixed_settings: dict[str, JsonValue] = Field(default_factory=dict)
    """Training settings that the package's own trainer has by itself; other values are refused"""
    energy_loss: Literal["any", "per_atom"] = "any"
    """Energy errors that the package's own trainer knows. If it knows only those per atom, a weight of the total energy
    is converted by the mean number of atoms of the training frames"""
    presets: dict[str, Preset] = Field(default_factory=dict)
    """Presets by name; the first is the default of random weights; empty if the package has no random weights"""
    checkpoints: dict[str, Checkpoint] = Field(default_factory=dict)
    """Released weights by name; the bare name of the baseline means the first"""
    references: tuple[Reference, ...] = ()
    """Energies that the first checkpoint must reproduce"""
    relaxation: Relaxation = Relaxation()
    """Settings of relaxations of WBM structures"""
    limits: dict[str, Limit] = Field(default_factory=dict)
    """Conformance checks whose limit is not the usual one"""
    checkout: Checkout | None = None
    """Source code that the user has to provide"""
    places: tuple[Path, ...]
    """Folders of this row and of the one whose environment it shares; the worker imports from them, in this order, and
    the first `worker.py` counts. Filled in when the card is read"""

    @model_validator(mode="after")
    def _can_be_loaded(self) -> "BaselineCard":
        if not (self.presets or self.checkpoints):
            raise ValueError("neither presets (random weights) nor checkpoints: there is nothing to load")
        if self.trainable and (self.trained_as or self.untrained):
            raise ValueError("trained_as and untrained are for baselines that are not trained themselves")
        return self

    @property
    def small(self) -> str | None:
        """Name of the preset of random weights; None if there are none."""
        return next(iter(self.presets), None)

    @property
    def released(self) -> str | None:
        """Name of the checkpoint that the bare name of the baseline means."""
        return next(iter(self.checkpoints), None)

    def missing_checkout(self) -> str | None:
        """The instruction that makes the worker find its source code; None if it finds it or needs none."""
        if self.checkout is None:
            return None
        named = os.environ.get(self.checkout.variable)
        if not named:
            return f"set {self.checkout.variable} to a checkout of {self.source}"
        if not Path(named).expanduser().is_dir():
            return f"{self.checkout.variable} names {named}, which is no folder; set it to a checkout of {self.source}"
        return None

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


def baseline_names() -> list[str]:
    """Names of all cards, which are not read."""
    return list(_card_files())


def list_baselines() -> list[BaselineCard]:
    """All cards, by name; a folder in `ALPHANET_BASELINES` adds to the project's own.

    Raises:
        UserError: a card is invalid.
    """
    return [read_baseline(file) for file in _card_files().values()]


def read_baseline(file: Path) -> BaselineCard:
    """The card in `file`, with a shared environment looked up in the card that describes it.

    Raises:
        UserError: the card cannot be read or is invalid, or worker.py is missing.
    """
    values = read_yaml(file)
    if isinstance(values, dict):
        shared = values.get("environment")
        places = [file.parent]
        if isinstance(shared, str):
            environment, folder = _environment_of(shared, file)
            values = values | {"environment": environment}
            places.append(folder)
        values = values | {"places": places}
    card = validate(values, BaselineCard, str(file))
    if card.name != file.parent.name:
        raise UserError(f"{file}: name is {card.name!r}, but the folder is called {file.parent.name!r}")
    if not any((place / "worker.py").is_file() for place in card.places):
        raise UserError(f"{file}: worker.py is missing beside the card")
    return card


def _environment_of(row: str, asking: Path) -> tuple[Environment, Path]:
    """The environment that the card of `row` describes, and that card's folder."""
    cards = _card_files() | {asking.parent.name: asking}
    if row not in cards:
        raise UserError(f"{asking}: environment: no baseline {row!r} to share with{did_you_mean(row, cards)}")
    block = read_yaml(cards[row])
    described = block.get("environment") if isinstance(block, dict) else None
    if isinstance(described, str):
        raise UserError(f"{asking}: environment: {row!r} shares one itself; name {described!r} instead")
    return validate(described, Environment, f"{cards[row]}: environment"), cards[row].parent


def _card_files() -> dict[str, Path]:
    return card_files("baselines", "*/card.yaml")
