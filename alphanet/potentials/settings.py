"""What a baseline is told: which architecture, and how it is trained; strict, with the card's preset underneath."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from alphanet.cards import Card, validate
from alphanet.errors import UserError
from alphanet.potentials.cards import BaselineCard
from alphanet.training.config import Seconds


class ModelSettings(Card):
    """An untrained model."""

    preset: str
    model: dict[str, Any] = Field(default_factory=dict)
    """Values of the architecture that replace the preset's, in the package's own words"""
    elements: tuple[str, ...] = ()
    """Chemical symbols the model is made for"""
    seed: NonNegativeInt = 0


class LossSettings(Card):
    """Weighted sum of an energy (per atom), a force and a stress term; the paper's weights."""

    kind: Literal["mae", "mse", "huber"] = "mae"
    energy_weight: NonNegativeFloat = 4.0
    force_weight: NonNegativeFloat = 100.0
    stress_weight: NonNegativeFloat = 0.0


class TrainSettings(Card):
    """One training run."""

    preset: str
    model: dict[str, Any] = Field(default_factory=dict)
    """Values of the architecture that replace the preset's, in the package's own words"""
    elements: tuple[str, ...] = ()
    """Chemical symbols; empty: those of the training data"""
    reference_energies: dict[str, float] = Field(default_factory=dict)
    """Energy of each element in eV that is taken off before the network; empty: fitted to the training data"""
    seed: NonNegativeInt = 0
    precision: Literal["float32", "float64"] = "float32"
    epochs: PositiveInt | None = None
    steps: PositiveInt | None = None
    max_time: Seconds | None = None
    """Wall time in seconds over all resumptions; of several budgets the first that is spent ends the run"""
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    schedule: Literal["cosine", "plateau"] = "cosine"
    """`cosine` falls to zero over `epochs` (or `steps`); `plateau` shrinks when the validation error stalls"""
    loss: LossSettings = LossSettings()
    ema_decay: Annotated[float, Field(gt=0, lt=1)] = 0.999
    resume: bool = True
    """Go on from the last checkpoint in the output folder where it was made with the same settings"""

    @model_validator(mode="after")
    def _has_a_budget(self) -> "TrainSettings":
        if self.epochs is None and self.steps is None and self.max_time is None:
            raise ValueError("a budget is missing: give epochs, steps or max_time (seconds)")
        if self.schedule == "cosine" and self.epochs is None and self.steps is None:
            raise ValueError("schedule: cosine needs to know its end: give epochs or steps, or schedule: plateau")
        return self


def train_settings(card: BaselineCard, values: Mapping[str, Any]) -> TrainSettings:
    """`values` over the training defaults of the preset that they name.

    Raises:
        UserError: unknown preset or key (with the nearest known one), bad value, no budget.
    """
    name = values.get("preset") or ("mini" if "mini" in card.presets else card.small) or ""
    merged = card.preset(name).training | dict(values) | {"preset": name}
    defaults = card.preset(name).training.get("loss", {})
    if isinstance(values.get("loss"), Mapping):
        merged["loss"] = defaults | dict(values["loss"])
    return validate(merged, TrainSettings, f"training settings of {card.name}")


def model_settings(card: BaselineCard, values: Mapping[str, Any]) -> ModelSettings:
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


def architecture(card: BaselineCard, settings: ModelSettings | TrainSettings) -> dict[str, Any]:
    """The preset's architecture with the values of `settings.model` in their place."""
    return card.preset(settings.preset).model | settings.model
