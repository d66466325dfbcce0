"""Checkpoints and settings as the public AlphaNet code writes them."""

from pathlib import Path
from typing import Any

import torch
from pydantic import JsonValue
from torch import Tensor

from alphanet.errors import UserError, did_you_mean
from alphanet.model.config import OfficialConfig, config_from
from alphanet.model.official import UNUSED_KEYS
from alphanet.model.repulsion import THOMAS_FERMI
from alphanet.outside import require_regular

# The public configuration's names, and ours.
SETTING_OF = {
    "num_layers": "num_layers",
    "hidden_channels": "hidden_channels",
    "cutoff": "cutoff",
    "num_radial": "num_basis",
    "head": "heads",
    "main_chi1": "temporal_channels",
    "mp_chi1": "message_channels",
    "chi2": "kernel_channels",
    "hidden_channels_chi": "complex_channels",
    "has_dropout_flag": "dropout",
    "has_norm_before_flag": "norm_before",
    "has_norm_after_flag": "norm_after",
    "a": "energy_scale",
    "b": "energy_shift",
    "zbl": "zbl",
}
# Settings that do not change what the model computes here.
IRRELEVANT = {
    "name", "num_targets", "output_dim", "readout", "use_pbc", "direct_forces", "eps", "use_sigmoid", "reduce_mode",
    "device", "compute_forces", "compute_stress", "dtype", "precision",
}  # fmt: skip


# Constants of the repulsion that checkpoints with `zbl: true` carry; two of them make its length.
ZBL_PREFIX, ZBL_GAMMA, ZBL_BOHR, ZBL_LENGTH = "fzbl_", "fzbl_gamma", "fzbl_A0", "repulsion.length"
ZBL_NAMES = {
    "fzbl_w": "repulsion.weights",
    "fzbl_b": "repulsion.exponents",
    "fzbl_alpha": "repulsion.power",
    "fzbl_E2": "repulsion.coulomb",
}


def is_public(state: dict[str, Tensor]) -> bool:
    """Whether a state dictionary has the public code's keys."""
    return "z_emb.weight" in state


def public_config(values: dict[str, JsonValue], where: str) -> OfficialConfig:
    """The configuration in the public code's JSON, flat or under the key `model`.

    Raises:
        UserError: a setting that is not known, or one that this model does not have.
    """
    settings = values.get("model", values)
    if not isinstance(settings, dict):
        raise UserError(f"{where}: model: expected a mapping of settings, found {type(settings).__name__}")
    for key, refused in (("direct_forces", True), ("readout", "mean")):
        if settings.get(key) == refused:
            raise UserError(f"{where}: {key} = {refused!r} is not supported; released v1 models do not use it")
    for key in settings:
        if key not in SETTING_OF and key not in IRRELEVANT:
            raise UserError(f"{where}: unknown setting {key!r}{did_you_mean(key, [*SETTING_OF, *IRRELEVANT])}")
    ours = {SETTING_OF[key]: value for key, value in settings.items() if key in SETTING_OF}
    config = config_from({"reading": "official-v1"} | ours, where)
    assert isinstance(config, OfficialConfig)
    return config


class _Inert:
    """Stands in for every Python object in a checkpoint that is not tensors and plain values."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def read_torch_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a torch checkpoint: flat, nested under `state_dict`, or Lightning's; prefixes `model.` removed.

    Pickled code never runs: torch's restricted unpickler reads the file, and objects that it does not know (Lightning
    stores hyperparameters) become inert.

    Raises:
        UserError: the file is not a torch checkpoint, is damaged, or holds no tensors.
    """
    require_regular(path)
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        with torch.serialization.safe_globals([(_Inert, name) for name in named]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # torch raises whatever a broken pickle leads it to
        raise UserError(f"{path} is not a readable torch checkpoint: {_reason(error)}") from error
    while isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    state = (
        {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
        if isinstance(content, dict)
        else {}
    )
    if not state:
        raise UserError(f"{path} holds no tensors; expected a state dictionary")
    return without_prefix(state)


def _reason(error: Exception) -> str:
    """The gist of torch's message, without its advice to load what is not trusted."""
    text = str(error).partition("WeightsUnpickler error:")[2].strip() or str(error).strip()
    return text.splitlines()[0].partition(". ")[0] if text else type(error).__name__


def without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state without the `model.` that wrappers put before every key, once or more."""
    while all(key.startswith("model.") for key in state):
        state = {key.removeprefix("model."): value for key, value in state.items()}
    return state


def used_keys(state: dict[str, Tensor], *, zbl: bool) -> dict[str, Tensor]:
    """The state under the model's names, without the keys that released checkpoints carry and the model never uses.

    Args:
        state: of a public checkpoint.
        zbl: whether the model has the repulsion, whose constants a checkpoint may carry.
    """
    used = {key: value for key, value in state.items() if not _is_unused(key)}
    constants = {key: used.pop(key) for key in list(used) if key.startswith(ZBL_PREFIX)}
    if not zbl:
        return used
    if {ZBL_GAMMA, ZBL_BOHR} <= constants.keys():
        constants[ZBL_LENGTH] = THOMAS_FERMI * constants.pop(ZBL_GAMMA).double() * constants.pop(ZBL_BOHR).double()
    return used | {ZBL_NAMES.get(key, key): value for key, value in constants.items()}


def _is_unused(key: str) -> bool:
    return key.startswith("message_layers.") and key.endswith(UNUSED_KEYS)
