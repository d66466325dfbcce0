"""What a training run is told: a strict configuration, made from presets, files and `key=value` overrides."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from alphanet.cards import Card, read_yaml, validate
from alphanet.errors import UserError, did_you_mean
from alphanet.model.config import Config, config_from, preset

PRESETS_FILE = Path(__file__).with_name("presets.yaml")

# Settings of the machine and the clock: a run may be resumed with other values, its weights do not depend on them.
RUN_SETTINGS = frozenset(
    {"accelerator", "num_workers", "threads", "edge_blocks", "cache_mb", "checkpoint_every", "log_every", "max_time"}
)


def _seconds(value: Any) -> Any:
    """Seconds from `hh:mm:ss`; other values pass."""
    if isinstance(value, str) and ":" in value:
        parts = value.split(":")
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            raise ValueError("expected hh:mm:ss or a number of seconds")
        hours, minutes, seconds = (int(part) for part in parts)
        return 3600.0 * hours + 60.0 * minutes + seconds
    return value


Seconds = Annotated[PositiveFloat, BeforeValidator(_seconds)]


class DynamicWeight(Card):
    """Appendix D: the energy's weight rises from `start` to its full value in equal steps on a logarithmic scale."""

    start: PositiveFloat = 0.05
    stages: Annotated[int, Field(ge=2)] = 5
    """Parts of equal length into which the training is cut; the weight is constant within a stage"""


class LossConfig(Card):
    """Weighted sum of an energy, a force and a stress term."""

    kind: Literal["mae", "mse", "huber"] = "mae"
    energy_loss: Literal["per_atom", "total"] = "per_atom"
    """Whether the energy error of a structure is divided by its number of atoms"""
    energy_weight: NonNegativeFloat = 4.0
    force_weight: NonNegativeFloat = 100.0
    stress_weight: NonNegativeFloat = 0.0
    """The paper's 10 for MPtrj; counts only where the labels carry a stress"""
    huber_delta: PositiveFloat = 0.01
    """Where the Huber loss turns from a square to an absolute value: eV, eV/Å, eV/Å^3"""
    dynamic: DynamicWeight | None = None


class TrainConfig(Card):
    """One training run. Everything the trained weights depend on is here, in the code and in the data."""

    dataset: str
    scale: str = "mini"
    model: dict[str, Any]
    """Either a full model configuration, or `preset: NAME` with overrides beside it"""
    seed: NonNegativeInt = 0

    epochs: PositiveInt
    batch_size: PositiveInt
    """Structures in a batch, per device"""
    edge_budget: PositiveInt | None = None
    """Edges in a batch at most; batches are then made of structures of similar size"""
    limit_train: PositiveInt | None = None
    """Train on this many frames, evenly spaced over the set"""
    reference_energies: Literal["fit", "none"] | dict[str, float] = "fit"
    """Energy of each element in eV: fitted to the training data, zero, or given"""
    energy_scale: Literal["force_rms"] | PositiveFloat = "force_rms"
    """Scale of the network's output in eV: RMS of the training forces times 1 Å, or given"""

    loss: LossConfig = LossConfig()
    optimiser: Literal["adam", "adamw"] = "adam"
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat = 0.0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Part of the training over which the learning rate rises from zero"""
    learning_rate_floor: NonNegativeFloat = 1e-6
    """Where the cosine ends"""
    schedule_interval: Literal["step", "epoch"] = "step"
    clip_norm: PositiveFloat | None = 100.0
    """Longest gradient; longer ones are shortened to it"""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = 0.999
    """Exponential moving average of the weights, which validation and the exported model use; null: none"""

    precision: Literal["float32", "float64"] = "float32"
    accelerator: str = "auto"
    """auto, cpu, cuda, cuda:1, … or another of Lightning's"""
    devices: PositiveInt | Literal["auto"] = 1
    nodes: PositiveInt = 1
    strategy: str = "auto"
    num_workers: NonNegativeInt = 0
    threads: PositiveInt | None = None
    """Threads of torch; null: torch's choice"""
    edge_blocks: bool = True
    """Compute training steps on a CPU in blocks of edges that stay in its cache: the same gradients but for rounding"""
    cache_mb: NonNegativeInt = 64
    """Memory for the graphs that are kept between epochs, of training and validation frames each"""
    validate_every: PositiveInt = 1
    """Epochs"""
    checkpoint_every: Seconds = 600.0
    """Time between checkpoints within an epoch; each validated epoch's end writes one besides"""
    log_every: PositiveInt = 50
    """Steps between rows of the logs"""
    max_time: Seconds | None = None
    """Wall time of the training, over all its resumptions"""

    @model_validator(mode="after")
    def _model_is_known(self) -> "TrainConfig":
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
        settings = {"elements": tuple(elements)} | self.model
        name = settings.pop("preset", None)
        return config_from(settings, "model") if name is None else preset(name, **settings)


def preset_config(dataset: str, scale: str = "mini", overrides: Sequence[str] = ()) -> TrainConfig:
    """The configuration for a data set at a scale, with `key=value` overrides.

    Raises:
        UserError: no preset for this data set, unknown key, bad value.
    """
    presets = read_yaml(PRESETS_FILE)
    everywhere = presets.pop("all")
    if dataset not in presets:
        raise UserError(f"no training preset for data set {dataset!r}{did_you_mean(dataset, presets)}")
    chosen = dict(presets[dataset])
    scales = chosen.pop("scales", {})
    values: dict[str, Any] = {}
    for layer in (everywhere, chosen, scales.get(scale, {}), {"scale": scale}):
        values = merged(values, layer)
    return _validated(values, overrides, f"training preset {dataset}")


def file_config(path: Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """The configuration in a YAML file, with `key=value` overrides.

    Raises:
        UserError: unreadable file, unknown key (with the nearest known one), bad value.
    """
    return _validated(read_yaml(path), overrides, str(path))


def merged(base: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `above` in their place, mapping by mapping; a `preset` replaces the whole mapping."""
    result = dict(base)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(value, dict) and isinstance(old, dict) and "preset" not in value
        result[key] = merged(old, value) if both and isinstance(old, dict) else value
    return result


def parse_override(text: str) -> dict[str, Any]:
    """`loss.energy_weight=1` as `{"loss": {"energy_weight": 1}}`; the value is read as YAML.

    Raises:
        UserError: no `=`, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{text!r} is not an override; write key=value, for example epochs=10 or loss.kind=mse")
    try:
        nested: Any = _number(yaml.safe_load(value))
    except yaml.YAMLError as error:
        raise UserError(f"{text!r}: the value is not YAML: {' '.join(str(error).split())}") from error
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _number(value: Any) -> Any:
    """YAML 1.1 reads `1e-3` as a string; people mean the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _validated(values: Any, overrides: Sequence[str], where: str) -> TrainConfig:
    if isinstance(values, dict):
        for text in overrides:
            values = merged(values, parse_override(text))
    return validate(values, TrainConfig, where)
