"""Cards of baselines: the system, the recipe of its environment, and the paper's settings of it."""

import os
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, JsonValue, model_validator

from alphanet.cards import Card, card_files, checked, read_yaml
from alphanet.errors import UserError, did_you_mean
from alphanet.potentials.card_parts import Checkout, Checkpoint, Environment, Limit, Name, Preset, Reference, Relaxation

CARD, WORKER = "card.yaml", "worker.py"  # the files of a baseline's folder
USUAL = "float32"  # precision that models compute in if nothing else is asked for


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
    def known_as(self) -> str:
        """What commands find it by: its name, or its folder if that is none of the folders of cards."""
        known = _card_files().get(self.name)
        same = known is not None and known.resolve() == (self.places[0] / CARD).resolve()
        return self.name if same else str(self.places[0])

    @property
    def usual_dtype(self) -> str:
        """float32, or another precision if it does not compute in that."""
        return USUAL if USUAL in self.dtypes else self.dtypes[0]

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
        if not self.checkout.folders:
            return f"set {self.checkout.variable} to a checkout of {self.source}"
        for named in self.checkout.folders:
            if not named.is_dir():
                return (
                    f"{self.checkout.variable} names {named}, which is no folder; set it to a checkout of {self.source}"
                )
        return None

    def at_checkout(self, number: int) -> "BaselineCard":
        """The card whose worker runs the code of the checkout of this number, from 1 on.

        Raises:
            UserError: there are fewer.
        """
        if self.checkout is None:
            raise UserError(f"{self.name}#{number}: it runs from no checkout, so leave #{number} out")
        folders = self.checkout.folders
        if number > len(folders):
            raise UserError(f"{self.name}#{number}: {self.checkout.variable} names {len(folders)} checkouts")
        variables = {**self.environment.variables, self.checkout.variable: str(folders[number - 1])}
        return self.model_copy(update={"environment": self.environment.model_copy(update={"variables": variables})})

    def checkout_version(self) -> dict[str, str]:
        """The commit of its checkout as `checkout`, see `Checkout.version`; empty if it runs none."""
        if self.checkout is None:
            return {}
        chosen = self.environment.variables.get(self.checkout.variable)
        return {"checkout": self.checkout.version(Path(chosen) if chosen else self.checkout.folders[0])}

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


def find_baseline(name: str) -> BaselineCard:
    """The card of a baseline by its name, or by the path of its `card.yaml` or of its folder.

    Raises:
        UserError: there is none, or it is invalid.
    """
    file = None if name in _card_files() else card_file(Path(name))
    if file is None and "/" in name:
        raise UserError(f"{name} is neither a {CARD} nor a folder with one")
    return load_baseline(name) if file is None else read_baseline(file)


def baseline_names() -> list[str]:
    """Names of all cards, which are not read."""
    return list(_card_files())


def list_baselines() -> list[BaselineCard]:
    """All cards, by name; a folder in `ALPHANET_BASELINES` adds to the project's own.

    Raises:
        UserError: a card is invalid.
    """
    return [read_baseline(file) for file in _card_files().values()]


def card_file(path: Path) -> Path | None:
    """The `card.yaml` that `path` is or has in it; None if there is none."""
    file = path / CARD if path.is_dir() else path
    return file if file.name == CARD and file.is_file() else None


def read_baseline(file: Path) -> BaselineCard:
    """The card in `file`, with a shared environment looked up in the card that describes it.

    Raises:
        UserError: the card cannot be read; or all that is wrong with it, one a line.
    """
    values = read_yaml(file)
    problems: list[str] = []
    own = Path(os.path.abspath(file)).parent  # noqa: PTH100  (a link to the folder keeps its name)
    places, shared = [own], None
    if isinstance(values, dict):
        shared = values.get("environment")
        if isinstance(shared, str):
            environment, folder, problems = _environment_of(shared, own.name, file)
            values = values | {"environment": environment}
            places += [folder] if folder else []
        values = values | {"places": places}
    card, wrong = checked(values, BaselineCard, str(file))
    problems += wrong
    name = values.get("name") if isinstance(values, dict) else None
    if isinstance(name, str) and name != own.name:
        problems.append(f"{file}: name is {name!r}, but the folder is called {own.name!r}")
    shares_with_none = isinstance(shared, str) and len(places) == 1  # which is said already
    if not shares_with_none and not any((place / WORKER).is_file() for place in places):
        problems.append(f"{file}: {WORKER} is missing beside the card")
    if card is None or problems:
        raise UserError("\n".join(problems))
    return card


def _environment_of(row: str, own: str, asking: Path) -> tuple[Environment, Path | None, list[str]]:
    """The environment that the card of `row` describes, that card's folder, and what is wrong.

    If there is none, an empty one stands in for it, so that the rest of the card can be checked.
    """
    nothing = Environment.model_construct()
    cards = _card_files() | {own: asking}
    if row not in cards:
        return nothing, None, [f"{asking}: environment: no baseline {row!r} to share with{did_you_mean(row, cards)}"]
    block = read_yaml(cards[row])
    described = block.get("environment") if isinstance(block, dict) else None
    if isinstance(described, str):
        return nothing, None, [f"{asking}: environment: {row!r} shares one itself; name {described!r} instead"]
    environment, problems = checked(described, Environment, f"{cards[row]}: environment")
    return environment or nothing, cards[row].parent, problems


def _card_files() -> dict[str, Path]:
    return card_files("baselines", f"*/{CARD}")
