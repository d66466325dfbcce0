"""AlphaNet's training settings: a strict configuration, made from cards, files and `key=value` overrides."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue, NonNegativeInt, PositiveInt, model_validator

from alphanet.cards import card_files, read_yaml, validate
from alphanet.data.cards import load_card
from alphanet.errors import UserError, did_you_mean
from alphanet.model.config import Config, config_from, preset
from alphanet.training.settings import TrainingSettings, from_words, mapping_in, merged

DEFAULTS_FILE = Path(__file__).with_name("defaults.yaml")
logger = logging.getLogger(__name__)


class AlphaNetSettings(TrainingSettings):
    """A training of AlphaNet; `model` is a full configuration, or `preset: NAME` with overrides beside it."""

    recipe: Literal["paper", "best"] = "paper"
    """Whose defaults: the paper's, or those of `docs/recipe.md`, which learn more from the same compute. Files of
    structures are trained by the best ones if nothing else is said"""
    epochs: PositiveInt
    """Passes over the training frames"""
    unit_messages: bool = False
    """Scale the initial weights so that the messages' sums on training frames are of order one in every layer"""
    solve_readout: bool = False
    """Solve the linear part of the readout in closed form after the last step, and keep the solution if the validation
    loss falls and the force error does not rise: what tells frameworks apart need not wait for gradient steps"""
    edge_budget: PositiveInt | None = None
    """Edges in a batch at most; batches are then made of structures of similar size"""
    devices: PositiveInt | Literal["auto"] = 1
    """GPUs or processes of each node that train together"""
    nodes: PositiveInt = 1
    """Machines that train together"""
    strategy: str = "auto"
    """One of Lightning's"""
    num_workers: NonNegativeInt = 0
    """Processes that make graphs beside the training; 0: the training makes them itself"""
    edge_blocks: bool = True
    """Compute training steps on a CPU in blocks of edges that stay in its cache: the same gradients but for rounding"""
    cache_mb: NonNegativeInt = 64
    """Memory for the graphs that are kept between epochs, of training and validation frames each"""

    @model_validator(mode="after")
    def _model_is_known(self) -> "AlphaNetSettings":
        if self.finetune is not None and self.model:
            raise ValueError(f"model: the architecture is that of {self.finetune.weights}; leave model.* out")
        if self.finetune is not None and self.finetune.trust:
            raise ValueError("finetune.trust is for the weights of baselines; those of AlphaNet run no code")
        if self.unit_messages and (self.finetune is not None or self.model.get("reading") == "official-v1"):
            raise ValueError("unit_messages is for untrained networks of the reading `paper`; leave it out")
        if self.finetune is not None and self.solve_readout:
            raise ValueError("solve_readout: with finetune the readout would forget the old task; leave it out")
        self._network(("H",))
        return self

    def network(self, elements: Sequence[str]) -> Config:
        """The model's configuration; `elements` are the data's and hold where `model` names none itself.

        Raises:
            UserError: an element in the data that `model.elements` leaves out.
        """
        config = self._network(elements)
        unknown = sorted(set(elements) - set(config.elements))
        if unknown:
            raise UserError(
                f"model.elements: the training data contain {', '.join(unknown)}, which the list leaves out"
            )
        return config

    def _network(self, elements: Sequence[str]) -> Config:
        settings: dict[str, Any] = {"elements": tuple(elements)} | self.model
        name = settings.pop("preset", None)
        return config_from(settings, "model") if name is None else preset(name, **settings)


def preset_config(dataset: str, scale: str = "mini", overrides: Sequence[str] = ()) -> AlphaNetSettings:
    """The settings for a data set at a scale, with `key=value` overrides; see `alphanet_settings`."""
    return alphanet_settings(dataset, scale, from_words(overrides))


def own_settings(scale: str, values: Mapping[str, JsonValue]) -> AlphaNetSettings:
    """`values`, which name files of structures, over the generic defaults at a scale and the recipe `best`.

    Raises:
        UserError: unknown key, bad value.
    """
    values = {"recipe": "paper" if values.get("finetune") else "best", **values}
    chosen = merged(_started(generic_settings(scale), values), values)
    return validate(chosen, AlphaNetSettings, f"training settings (defaults: {DEFAULTS_FILE.name})")


def alphanet_settings(dataset: str, scale: str, values: Mapping[str, JsonValue]) -> AlphaNetSettings:
    """`values` over the defaults for a data set at a scale.

    The defaults are those of the data set's card over the generic ones. If a card has none, the generic ones apply
    and a message is logged.

    Raises:
        UserError: no such data set, unknown key, bad value.
    """
    chosen = merged(_started(card_defaults(dataset, scale), values), dict(values))
    return validate(chosen, AlphaNetSettings, f"training settings (defaults: {card_files('datasets')[dataset]})")


def card_defaults(dataset: str, scale: str) -> dict[str, JsonValue]:
    """The settings of a data set at a scale as plain values that are not validated; see `defaults.yaml`.

    Raises:
        UserError: no such data set, or an entry of its card that names no scale.
    """
    generic = read_yaml(DEFAULTS_FILE)
    own = load_card(dataset).training
    if own is None:
        logger.info("%s has no training settings; the generic ones apply", card_files("datasets")[dataset])
    named = dict(own or {})
    of_scale = named.pop("scales", {}).get(scale, {})
    alike = of_scale if isinstance(of_scale, str) else scale
    if isinstance(of_scale, str) and of_scale not in generic["scales"]:
        known = did_you_mean(of_scale, generic["scales"])
        raise UserError(f"{card_files('datasets')[dataset]}: training.scales.{scale}: no settings {of_scale!r}{known}")
    values: dict[str, JsonValue] = {"dataset": dataset}
    own_scale = {} if isinstance(of_scale, str) else of_scale
    for layer in (generic["all"], named, generic["scales"].get(alike, {}), own_scale, {"scale": scale}):
        values = merged(values, layer)
    return values


def generic_settings(scale: str) -> dict[str, JsonValue]:
    """The settings of AlphaNet for files of structures at a scale, as plain values."""
    generic = read_yaml(DEFAULTS_FILE)
    return merged(merged(generic["all"], generic["scales"].get(scale, {})), {"scale": scale})


def _started(defaults: dict[str, JsonValue], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The defaults with those of the recipe, or of a training from trained weights, which bring their architecture."""
    generic = read_yaml(DEFAULTS_FILE)
    if values.get("finetune"):
        return merged(defaults, generic["finetune"]) | {"model": {}}
    recipe = dict(generic["recipes"].get(str(values.get("recipe")), {}))
    model = values.get("model")
    reading = model.get("reading", "paper") if isinstance(model, dict) else "paper"
    of_reading = {name: recipe.pop(f"of {name}", {}) for name in ("paper", "official-v1")}
    return merged(merged(defaults, recipe), of_reading.get(str(reading), {}))


def file_config(path: Path, overrides: Sequence[str] | Mapping[str, JsonValue] = ()) -> AlphaNetSettings:
    """The settings in a YAML file, with overrides: `key=value`, or a mapping.

    Raises:
        UserError: unreadable file, unknown key (with the nearest known one), bad value.
    """
    above = dict(overrides) if isinstance(overrides, Mapping) else from_words(overrides)
    return validate(merged(mapping_in(path), above), AlphaNetSettings, str(path))
