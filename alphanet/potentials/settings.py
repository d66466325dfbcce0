"""Settings of a baseline's architecture and training: a strict configuration over the card's preset."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, JsonValue, NonNegativeInt, PositiveFloat, model_validator

from alphanet.cards import Card, validate
from alphanet.errors import UserError
from alphanet.potentials.cards import BaselineCard
from alphanet.training.settings import TrainingSettings, flat, merged

SLOWER = 0.1  # learning rate of a training from trained weights
SHORT_AVERAGE = 0.99  # decay of its moving average


class ModelSettings(Card):
    """An untrained model."""

    preset: str
    model: dict[str, Any] = Field(default_factory=dict)
    """Values of the architecture that replace the preset's, in the package's own words"""
    elements: tuple[str, ...] = ()
    """Chemical symbols the model is made for"""
    seed: NonNegativeInt = 0
    amplification: PositiveFloat = 1.0
    """Factor on the random weights, see `alphanet.potentials.kit.amplification.amplify`"""


class BaselineSettings(TrainingSettings):
    """A training of a baseline."""

    baseline: str
    """Name of its card, or the folder of a card that has no name here"""
    preset: str
    """Name of the card's preset, which gives the architecture and the defaults of these settings"""
    elements: tuple[str, ...] = ()
    """Chemical symbols; empty: those of the training data"""

    @model_validator(mode="after")
    def _has_a_length(self) -> "BaselineSettings":
        if self.epochs is None and self.steps is None:
            raise ValueError("the length of the training is missing: give epochs or steps; max_time is only a guard")
        if self.finetune is not None and (self.model or self.elements):
            raise ValueError(f"model and elements are those of {self.finetune.weights}; leave both out")
        if self.finetune is not None and self.finetune.config is not None:
            raise ValueError("finetune.config is for public checkpoints of AlphaNet")
        return self


def train_settings(card: BaselineCard, values: Mapping[str, JsonValue]) -> BaselineSettings:
    """`values` over the training defaults of the preset that they name, over those of the card.

    Raises:
        UserError: a baseline that does not train, unknown preset or key (with the nearest known one), bad value, no
            length, or a value that the package's own trainer cannot follow.
    """
    if not card.trainable:
        raise UserError(f"{card.name} is not trained here: {_instead(card)}")
    name = str(values.get("preset") or ("mini" if "mini" in card.presets else card.small) or "")
    chosen: dict[str, JsonValue] = {}
    for layer in (card.fixed_settings, card.training, card.preset(name).training):
        chosen = merged(chosen, layer)
    chosen = merged(_tuned(chosen) if values.get("finetune") else chosen, dict(values))
    where = f"training settings of {card.name}"
    settings = validate(chosen | {"preset": name, "baseline": card.known_as}, BaselineSettings, where)
    _require_possible(card, settings)
    return settings


def model_settings(card: BaselineCard, values: Mapping[str, JsonValue]) -> ModelSettings:
    """Settings of an untrained model; of the card's first preset, if `values` names none.

    Raises:
        UserError: the card has no presets, unknown preset or key (with the nearest known one), bad value.
    """
    if card.small is None:
        raise UserError(f"{card.name} has no random weights, only trained ones")
    named = {"preset": card.small} | {key: value for key, value in values.items() if value is not None}
    settings = validate(named, ModelSettings, f"settings of {card.name}")
    card.preset(settings.preset)
    return settings


def architecture(card: BaselineCard, settings: ModelSettings | BaselineSettings) -> dict[str, JsonValue]:
    """The preset's architecture with the values of `settings.model` in their place."""
    return card.preset(settings.preset).model | settings.model


def _tuned(defaults: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The defaults of a training that starts from trained weights.

    A tenth of the learning rate, as for AlphaNet at the scale mini; and an average over a hundred steps, because one
    over a thousand still holds the old weights when a short training ends.
    """
    rate, decay = defaults.get("learning_rate"), defaults.get("ema_decay")
    changes: dict[str, JsonValue] = {}
    if isinstance(rate, float | int):
        changes["learning_rate"] = SLOWER * rate
    if isinstance(decay, float):
        changes["ema_decay"] = min(decay, SHORT_AVERAGE)
    return defaults | changes


def _instead(card: BaselineCard) -> str:
    """Why a baseline is not trained, or what to do."""
    if card.trained_as:
        return f"start from its weights with --model {card.trained_as} --from {card.name}"
    return card.untrained or "its weights come with a checkpoint"


def _require_possible(card: BaselineCard, settings: BaselineSettings) -> None:
    """Refuse settings that the card's trainer or network does not support, rather than train with others."""
    if not card.stress and settings.loss.stress_weight > 0:
        raise UserError(f"{card.name} predicts no stress; loss.stress_weight must be 0")
    chosen = flat(settings.model_dump(mode="json"))
    for key, value in flat(card.fixed_settings).items():
        if chosen[key] != value:
            raise UserError(f"{card.name}: its own trainer has {key}: {value}, which cannot be {chosen[key]}")
