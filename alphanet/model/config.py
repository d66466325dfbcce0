"""Configurations of the two readings of AlphaNet."""

from pathlib import Path
from typing import Annotated, Any, Literal

from ase.data import atomic_numbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from alphanet.cards import read_yaml, validate
from alphanet.errors import UserError, did_you_mean
from alphanet.limits import CUTOFFS, WIDEST

PRESETS_FILE = Path(__file__).with_name("presets.yaml")

# The tables of the public checkpoints have 95 rows: hydrogen to plutonium.
PUBLIC_ELEMENTS = tuple(symbol for symbol, number in atomic_numbers.items() if 1 <= number <= 94)


def _known_symbols(symbols: tuple[str, ...]) -> tuple[str, ...]:
    for symbol in symbols:
        if atomic_numbers.get(symbol, 0) < 1:
            raise ValueError(f"{symbol!r} is not a chemical symbol")
    if len(set(symbols)) != len(symbols) or not symbols:
        raise ValueError("elements must be a list of different chemical symbols, at least one")
    return tuple(sorted(symbols, key=atomic_numbers.__getitem__))


Width = Annotated[int, Field(gt=0, le=WIDEST)]
Elements = Annotated[tuple[str, ...], AfterValidator(_known_symbols)]


class _Common(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    elements: Elements
    """Chemical symbols that the model knows; kept in order of atomic number."""
    cutoff: Annotated[float, Field(ge=CUTOFFS[0], le=CUTOFFS[1])] = 5.0
    """Å"""
    num_layers: Width = 3
    hidden_channels: Annotated[int, Field(gt=0, le=WIDEST, multiple_of=4)] = 128
    """H, even because features are rotated in pairs and a multiple of 4 for the scalarisation network"""
    heads: Width = 16
    num_basis: Width = 32
    """R, Bessel functions"""
    temporal_channels: Width = 24
    """C, complex channels of the temporal connection (main_chi1 of the public code)"""


class AlphaNetConfig(_Common):
    """The paper's reading (section 4), invariant and smooth; defaults are Table 6's for graphene and formate."""

    reading: Literal["paper"] = "paper"
    rope: bool = True
    """Rotary embedding as frame transition (Table 8, `w/o RoPE`)"""
    temporal: bool = True
    """Temporal connection (Table 8, `w/o Temp Connect`)"""
    frame_transition: bool = True
    """Frame transition encoding (Table 8, `w/o FTE`)"""
    envelope: Literal["polynomial", "cosine", "bump"] = "polynomial"
    """Smooth cutoff on every message"""
    rotation: Literal["unit", "exponential"] = "unit"
    """How the rotation becomes a unit complex number: z / |z| of a complex number, or exp(i theta) of a real one"""
    softness: PositiveFloat = 0.1
    """Width over which norms, moduli and absolute values are rounded off at zero"""
    moments: Literal[1, 2] = 1
    """Order of the moments of its surroundings that an edge sees; those of the paper, 1, vanish at inversion centers"""
    temporal_residual: bool = False
    """The temporal memory is also added to the next layer's features, as section 4 says and the public code does not"""
    transition_gate: bool = True
    """FTE multiplies the vectors' product by a learned gate; false: it adds it, as the public code"""
    initial_weights: Literal["torch", "xavier"] = "torch"
    """Of messages and FTE: torch's defaults, or the public code's Xavier weights and zero biases"""
    zbl: bool = False
    """Universal repulsion of nuclei (Ziegler, Biersack, Littmark) below the sum of two covalent radii"""

    @model_validator(mode="after")
    def _has_a_memory(self) -> "AlphaNetConfig":
        if self.temporal_residual and not self.temporal:
            raise ValueError("temporal_residual needs temporal: without a memory there is nothing to add")
        return self

    @property
    def without_fast_path(self) -> tuple[str, ...]:
        """Settings, as `name: value`, that only the reference evaluates."""
        usual = AlphaNetConfig(elements=self.elements)
        names = ("moments", "temporal_residual", "transition_gate")
        return tuple(f"{name}: {getattr(self, name)}" for name in names if getattr(self, name) != getattr(usual, name))


class OfficialConfig(_Common):
    """The public v1 code's reading; defaults are the public configuration's."""

    reading: Literal["official-v1"] = "official-v1"
    elements: Elements = PUBLIC_ELEMENTS
    num_basis: Width = 96
    message_channels: Width = 24
    """C of the message layers (mp_chi1)"""
    kernel_channels: Width = 6
    """K (chi2)"""
    complex_channels: Width = 96
    """X (hidden_channels_chi)"""
    dropout: bool = True
    """Dropout of 0.5 on the complex branch while training (has_dropout_flag)"""
    norm_before: bool = True
    """LayerNorm over angles and messages together (has_norm_before_flag)"""
    norm_after: bool = False
    """LayerNorm over the angles alone (has_norm_after_flag)"""
    energy_scale: float = 1.0
    """Initial value of the table a"""
    energy_shift: float = 0.0
    """Initial value of the table b, eV"""
    max_neighbors: Width = 50
    zbl: bool = False
    """Repulsion of nuclei below 1 Å, in the form that the public code fitted (zbl)"""

    @model_validator(mode="after")
    def _heads_fit(self) -> "OfficialConfig":
        if self.complex_channels % self.heads:
            raise ValueError(f"complex_channels {self.complex_channels} is not a multiple of heads {self.heads}")
        return self


Config = AlphaNetConfig | OfficialConfig


def config_from(values: dict[str, Any], where: str) -> Config:
    """The configuration in plain `values`; `reading` decides which kind it is, the paper's by default.

    Raises:
        UserError: unknown reading, unknown key or bad value, naming `where`.
    """
    reading = values.get("reading", "paper") if isinstance(values, dict) else "paper"
    kinds: dict[str, type[Config]] = {"paper": AlphaNetConfig, "official-v1": OfficialConfig}
    if reading not in kinds:
        raise UserError(f"{where}: unknown reading {reading!r}{did_you_mean(str(reading), kinds)}")
    return validate(values, kinds[reading], where)


def preset_names() -> list[str]:
    """Names of the presets in `presets.yaml`."""
    return list(read_yaml(PRESETS_FILE))


def preset(name: str, *, reading: str = "paper", **overrides: Any) -> Config:
    """A named configuration of the paper or of a released model, with `overrides`.

    Raises:
        UserError: unknown name, unknown or bad override.
    """
    presets = read_yaml(PRESETS_FILE)
    if name not in presets:
        raise UserError(f"unknown preset {name!r}{did_you_mean(name, presets)}")
    values = dict(presets[name])
    of_readings = {name: values.pop(name, {}) for name in ("paper", "official-v1")}
    values |= of_readings.get(reading, {})
    return config_from({"reading": reading} | values | overrides, f"preset {name}")
