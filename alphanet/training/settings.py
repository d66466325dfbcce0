"""Settings of a training that hold for every model; workers in other environments get them as plain values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    JsonValue,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from alphanet import durations
from alphanet.cards import Card, read_yaml, yaml_value
from alphanet.data.own import OwnData, data_name, names_file
from alphanet.errors import UserError

# Settings of machine and time. The weights do not depend on them, so a run may be resumed with other values.
RUN_SETTINGS = frozenset(
    {"device", "num_workers", "threads", "edge_blocks", "cache_mb", "checkpoint_every", "log_every", "max_time"}
)


def _seconds(value: Any) -> Any:
    """Seconds from `hh:mm:ss`; other values pass."""
    if isinstance(value, str) and ":" in value:
        if (seconds := durations.clock(value)) is None:
            raise ValueError("expected hh:mm:ss or a number of seconds")
        return seconds
    return value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _weights(value: Any) -> Any:
    return {"weights": value} if isinstance(value, str | Path) else value


Seconds = Annotated[PositiveFloat, BeforeValidator(_seconds)]


class DynamicWeight(Card):
    """Appendix D: the energy's weight rises from `start` to its full value in equal steps on a logarithmic scale."""

    start: PositiveFloat = 0.05
    """Weight of the energy in the first stage"""
    stages: Annotated[int, Field(ge=2)] = 5
    """Parts of equal length into which the training is cut; the weight is constant within a stage"""


class EnergyWeight(Card):
    """The weight of the energy term by both conventions: the two losses are equal for frames of `atoms` atoms."""

    total: NonNegativeFloat
    """Weight of the error of the total energy of a structure, eV"""
    per_atom: NonNegativeFloat
    """Weight of the error divided by the number of atoms, eV/atom"""
    atoms: PositiveFloat
    """Mean number of atoms of the training frames"""


class LossSettings(Card):
    """Weighted sum of an energy, a force and a stress term.

    The suite states the energy's weight in one convention, that of the paper and of the public code: it multiplies the
    error of the total energy. `energy_weights` gives the other reading.
    """

    kind: Literal["mae", "mse", "huber"] = "mae"
    """Absolute values, squares, or Huber's mixture of both"""
    energy_loss: Literal["per_atom", "total"] = "total"
    """The energy error that `energy_weight` multiplies: of the whole structure, or divided by its number of atoms"""
    force_loss: Literal["components", "vectors"] = "components"
    """The force errors that are averaged: of the three components of an atom's force, or lengths of its error vector"""
    energy_weight: NonNegativeFloat = 4.0
    """Of the mean over the frames with an energy"""
    force_weight: NonNegativeFloat = 100.0
    """Of the mean over the force components of frames that have forces"""
    stress_weight: NonNegativeFloat = 0.0
    """The paper's 10 for MPtrj; counts only where the labels carry a stress"""
    huber_delta: PositiveFloat = 0.01
    """Where the Huber loss turns from a square to an absolute value: eV, eV/Å, eV/Å^3"""
    dynamic: DynamicWeight | None = None

    def energy_weights(self, atoms: float) -> EnergyWeight:
        """The final energy weight by both conventions, for frames of `atoms` atoms on average.

        The error of the total energy is `atoms` times that of an atom, and its square the square of that. Huber's
        function is counted as its outer, linear part.
        """
        ratio = atoms**2 if self.kind == "mse" else atoms
        total = self.energy_weight if self.energy_loss == "total" else self.energy_weight / ratio
        return EnergyWeight(total=total, per_atom=total * ratio, atoms=atoms)

    def counted_per_atom(self, atoms: float) -> "LossSettings":
        """The same loss for a trainer that knows energies per atom only; exact if every frame has `atoms` atoms.

        Raises:
            UserError: a Huber loss of total energies, which has no equal per atom.
        """
        if self.energy_loss == "per_atom":
            return self
        if self.kind == "huber":
            raise UserError("loss.kind huber of total energies has no equal per atom; use loss.energy_loss: per_atom")
        weight = self.energy_weights(atoms).per_atom
        return self.model_copy(update={"energy_loss": "per_atom", "energy_weight": weight})


class FineTuning(Card):
    """A start from trained weights."""

    weights: Path
    """File of trained weights, or a name: of released weights of AlphaNet, or of a baseline's (`mace-mp-0:medium`)"""
    trust: bool = False
    """Accept weights of a baseline that are pickled, which runs the code in them"""
    config: Path | None = None
    """JSON file with the configuration of a public checkpoint that carries none"""
    references: Literal["refit", "keep"] = "refit"
    """Reference energies: shifted to the new frames' energies, or those of the weights"""
    freeze: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Names of parameters that stay as they are, with * for anything"""
    lora: PositiveInt | None = None
    """Rank of changes of the linear maps, which alone are trained; they are added to the weights in the end"""
    replay: Path | None = None
    """File of frames of the old task, which are mixed with the new ones"""
    replay_part: Annotated[float, Field(gt=0)] = 0.5
    """Frames of the old task for each new one"""
    old: Path | None = None
    """File of frames of the old task, on which the errors before and after are measured; those of `replay` if null"""


class TrainingSettings(Card):
    """One training run. Everything that the trained weights depend on is here, in the code and in the data."""

    dataset: str = ""
    """Name of the data set's card, or a file of labeled structures, which becomes `data.train`"""
    data: OwnData | None = None
    """Files to train on, in place of a data set"""
    finetune: Annotated[FineTuning | None, BeforeValidator(_weights)] = None
    """Start from trained weights; the architecture is theirs"""
    scale: str = "mini"
    """Of the data set and of the defaults: mini, slice or full"""
    model: dict[str, Any] = Field(default_factory=dict)
    """Architecture: values that replace a preset's"""
    seed: NonNegativeInt = 0
    """Of the initial weights and of the order of frames"""
    bootstrap: bool = False
    """Train on as many frames, drawn with replacement by `seed`"""

    epochs: PositiveInt | None = None
    """Passes over the training frames"""
    steps: PositiveInt | None = None
    """Steps of the optimizer at most"""
    max_time: Seconds | None = None
    """A guard: wall time in seconds, over all resumptions, at which the training stops unfinished. The plan is that of
    `epochs` and `steps` alone, so a training that goes on with more time ends as if it had never stopped"""
    until: Literal["steps", "convergence"] = "steps"
    """`convergence`: end earlier, when the validation is flat over the last fifth of the steps taken; `epochs` and
    `steps` are then a limit. Only with `schedule: plateau`, since a cosine has to know its end"""
    batch_size: PositiveInt
    """Structures in a batch, per device"""
    limit_train: PositiveInt | None = None
    """Train on this many frames, evenly spaced over the set"""
    reference_energies: Literal["huber", "least_squares", "mean", "none"] | dict[str, float] = "huber"
    """Energy of each element in eV: fitted to the training data by one of these methods, zero, or given"""
    energy_scale: Literal["force_rms"] | PositiveFloat = "force_rms"
    """Scale of the network's output in eV: RMS of the training forces times 1 Å, or given"""

    loss: LossSettings = LossSettings()
    optimizer: Literal["adam", "adamw", "muon"] = "adam"
    """AdamW takes the decay of the weights off them, not off the gradient. Muon makes the steps of the matrices between
    hidden layers orthogonal; the other weights have Adam's steps"""
    learning_rate: PositiveFloat
    """Highest step size of the schedule"""
    weight_decay: NonNegativeFloat = 0.0
    """Pull of the weights to zero"""
    schedule: Literal["cosine", "plateau"] = "cosine"
    """`cosine` falls over `epochs` or `steps`; `plateau` falls to 0.6 of it after 5 validations that were no better"""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """Part of the training over which the learning rate of the cosine rises from zero"""
    learning_rate_floor: NonNegativeFloat = 1e-6
    """Where the schedule ends"""
    schedule_interval: Literal["step", "epoch"] = "step"
    """How often the cosine changes the learning rate"""
    clip_norm: PositiveFloat | None = 100.0
    """Longest gradient; longer ones are shortened to it"""
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = 0.999
    """Decay of the moving average of the weights, which validation and the exported model use; null: no average"""

    precision: Literal["float32", "float64"] = "float32"
    """Of the network"""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, …"""
    threads: PositiveInt | None = None
    """Threads of torch; null: its choice, one for a baseline"""
    validate_every: PositiveInt = 1
    """Epochs"""
    checkpoint_every: Seconds = 600.0
    """Time between checkpoints within an epoch; each validated epoch's end writes one besides"""
    log_every: PositiveInt = 50
    """Steps between rows of the logs"""

    @model_validator(mode="after")
    def _can_converge(self) -> "TrainingSettings":
        if self.until == "convergence" and self.schedule != "plateau":
            raise ValueError("until: convergence needs schedule: plateau, since a cosine has to know its end")
        return self

    @model_validator(mode="before")
    @classmethod
    def _file_as_data(cls, values: Any) -> Any:
        return with_files(values) if isinstance(values, dict) else values


def with_files(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`values` with a file that `dataset` names as `data.train`; the name of the data is then that of the file."""
    dataset, data = values.get("dataset"), values.get("data")
    if isinstance(dataset, str) and not data and names_file(dataset):
        data = {"train": [dataset]}
    if isinstance(data, dict) and (train := data.get("train")):
        first = train[0] if isinstance(train, list | tuple) else train
        return {**values, "data": data, "dataset": data_name(Path(str(first)))}
    return dict(values)


def planned_steps(settings: TrainingSettings, steps_per_epoch: int) -> int:
    """Steps of the whole training, whatever time it takes."""
    lengths = (settings.steps, settings.epochs and settings.epochs * steps_per_epoch)
    return min(length for length in lengths if length is not None)


def merged(base: Mapping[str, JsonValue], above: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """`base` with the values of `above` in their place, mapping by mapping; a `preset` replaces the whole mapping."""
    result = dict(base)
    for key, value in above.items():
        old = result.get(key)
        nested = isinstance(value, dict) and "preset" not in value
        result[key] = merged(old, value) if nested and isinstance(old, dict) and isinstance(value, dict) else value
    return result


def parse_override(text: str) -> dict[str, JsonValue]:
    """`loss.energy_weight=1` as `{"loss": {"energy_weight": 1}}`; the value is read as YAML.

    Raises:
        UserError: `text` has no `=`, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UserError(f"{text!r} is not an override; write key=value, for example epochs=10 or loss.kind=mse")
    nested: Any = _number(yaml_value(value, f"the value of {text!r}"))
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


def from_words(words: Sequence[str]) -> dict[str, JsonValue]:
    """`key=value` words and names of YAML files as one mapping; what comes later replaces what came before.

    Raises:
        UserError: a word is neither, or a file holds no mapping.
    """
    values: dict[str, JsonValue] = {}
    for word in words:
        is_file = "=" not in word and "." in word
        values = merged(values, mapping_in(Path(word)) if is_file else parse_override(word))
    return values


def mapping_in(path: Path) -> dict[str, JsonValue]:
    """The settings in a YAML file.

    Raises:
        UserError: the file cannot be read or holds no mapping.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    _require_names(values, path)
    return values


def _require_names(values: Mapping[Any, Any], path: Path) -> None:
    """Check that every key is a text: YAML reads dates, numbers and lists as such, and none of them is a setting."""
    for key, value in values.items():
        if not isinstance(key, str):
            raise UserError(f"{path}: the key {key!r} is no name but a {type(key).__name__}; put it in quotes if it is")
        if isinstance(value, dict):
            _require_names(value, path)


def flat(values: Mapping[str, JsonValue], prefix: str = "") -> dict[str, JsonValue]:
    """Nested settings as one mapping, with dots in its keys: `{"loss.kind": "mae"}`."""
    values_by_key: dict[str, JsonValue] = {}
    for key, value in values.items():
        values_by_key |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return values_by_key
