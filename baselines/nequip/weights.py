"""Trained weights with the model's settings beside them, so that loading them runs no code."""

from checkpoint import read_checkpoint
from nequip.model import NequIPGNNModel
from worker_kit import RefusedError


def restore(file, dtype):
    """The model that `export` wrote, in the precision `dtype`, and its settings."""
    if file.suffix == ".ckpt":
        raise RefusedError(
            f"{file}: nequip's own checkpoints are pickles, which can run any code; name the model.safetensors that "
            "training here writes beside them"
        )
    stored, tensors = read_checkpoint(file)
    settings = stored["model"] | {"model_dtype": dtype}
    network = NequIPGNNModel(**settings)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise RefusedError(f"{file} does not fit its own settings: {str(error).splitlines()[-1].strip()}") from None
    return network, settings
