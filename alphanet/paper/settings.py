"""Table 6: settings and numbers of parameters, read from the presets that the code trains with."""

from typing import Any

from alphanet.model.config import preset
from alphanet.training.config import preset_config

SCALE = "full"  # settings are the paper's, or they are not
READINGS = ("paper", "official-v1")


def settings_of(dataset: str) -> dict[str, Any]:
    """What the presets say for a data set at scale `full`: training, network, and `parameters_READING` counted.

    Raises:
        UserError: no preset for this data set.
    """
    config = preset_config(dataset, SCALE)
    networks = {reading: preset(config.model["preset"], reading=reading) for reading in READINGS}
    counts = {f"parameters_{reading}": _count(network) for reading, network in networks.items()}
    return {**config.model_dump(mode="json"), **networks["paper"].model_dump(mode="json"), **counts}


def _count(network: Any) -> int:
    import torch

    from alphanet.model.create import create_model

    with torch.device("meta"):  # shapes without memory
        return create_model(network).n_parameters
