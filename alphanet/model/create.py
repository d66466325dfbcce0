"""Make an untrained model."""

import torch

from alphanet.model.alphanet import AlphaNet
from alphanet.model.base import InteratomicModel
from alphanet.model.config import Config, OfficialConfig
from alphanet.model.official import OfficialAlphaNet


def create_model(config: Config, seed: int = 0) -> InteratomicModel:
    """A model with random float32 weights; the same seed gives the same weights and leaves torch's generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind = OfficialAlphaNet if isinstance(config, OfficialConfig) else AlphaNet
        return kind(config)  # type: ignore[arg-type]
