"""Trained weights with the model's settings beside them, so that loading them runs no code."""

from pathlib import Path

from checkpoint import read_checkpoint, write_checkpoint
from loop.adapters import freeze
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state
from starting import refuse_parts
from worker_kit import RefusedError

OF_RUN = ("type_names", "model_dtype", "seed", "per_type_energy_scales", "per_type_energy_shifts")
SHIFTS = "per_type_energy_scale_shift.shifts"


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


def start(request):
    """The start of a training, see `starting.Start`; the energies of the elements are part of the network."""
    set_global_state()
    network, settings = restore(Path(request["checkpoint"]), "float32")
    write_checkpoint(Path(request["target"]), *_stored(request["checkpoint"]))
    shifts = next(values for name, values in network.state_dict().items() if name.endswith(SHIFTS))
    refuse_parts(network, request)
    return {
        "architecture": {key: value for key, value in settings.items() if key not in OF_RUN},
        "elements": settings["type_names"],
        "references": dict(zip(settings["type_names"], shifts.double().view(-1).tolist(), strict=True)),
        "energy_scale": 1.0,  # the network has its own
    }


def started(weights, frozen, **settings):
    """A model for nequip's trainer: that of the file `weights`, with the energies of the elements in `settings`."""
    network = NequIPGNNModel(**settings)
    _, tensors = read_checkpoint(weights)
    kept = {name: values for name, values in network.state_dict().items() if name.endswith(SHIFTS)}
    network.load_state_dict(tensors | kept)
    freeze(network, frozen)
    return network


def _stored(file):
    settings, tensors = read_checkpoint(file)
    return tensors, settings
