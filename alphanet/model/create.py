"""Make an untrained model."""

import torch

from alphanet.limits import require
from alphanet.model.alphanet import AlphaNet
from alphanet.model.base import InteratomicModel
from alphanet.model.config import Config, OfficialConfig
from alphanet.model.official import OfficialAlphaNet

SMALL = (16, 512)  # layers and entries of any dimension, up to which a model needs no estimate


def create_model(config: Config, seed: int = 0) -> InteratomicModel:
    """A model with random float32 weights; the same seed gives the same weights and leaves torch's generator alone.

    Raises:
        UserError: it has more parameters than `alphanet.limits` allows.
    """
    if not _is_small(config):
        require(estimated_parameters(config), "parameters", "this configuration makes a model of")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _made(config)


def estimated_parameters(config: Config) -> int:
    """The number of weights, from models of one layer and of two on torch's device `meta`, which allocate nothing."""
    one, two = (_meta_count(config.model_copy(update={"num_layers": layers})) for layers in (1, 2))
    return one + (config.num_layers - 1) * (two - one)


def _is_small(config: Config) -> bool:
    layers, widest = SMALL
    widths = (value for key, value in config if isinstance(value, int) and key not in ("num_layers", "max_neighbors"))
    return config.num_layers <= layers and max(widths) <= widest


def _meta_count(config: Config) -> int:
    with torch.device("meta"):
        return sum(tensor.numel() for tensor in _made(config).state_dict().values())


def _made(config: Config) -> InteratomicModel:
    kind = OfficialAlphaNet if isinstance(config, OfficialConfig) else AlphaNet
    return kind(config)  # type: ignore[arg-type]
