"""The start of a training from SevenNet's weights: those in the package, a checkpoint of it, or of a training here."""

import sevenn._const as constants
import sevenn._keys as keys
import torch_kit
from ase.data import atomic_numbers
from network import SHIFT, build, elements_of, made_for
from starting import started, starter
from worker_kit import RefusedError


def start(request, opened):
    """The start, see `starting.Start`; `opened` is the package's checkpoint, None for a file of a training here."""
    if opened is None:
        return starter(build)(request)
    old, settings = opened.build_model(), opened.config
    elements = elements_of(old)
    if dict(old.type_map) != made_for(elements)[keys.TYPE_MAP]:
        raise RefusedError("these weights have their elements in an order that this version of sevenn does not make")
    architecture = _architecture(settings)
    scaled = torch_kit.Scaled(build(architecture, elements), stress=request["stress"])
    tensors = {f"network.{name}": values for name, values in old.state_dict().items()}
    shifts = tensors[SHIFT].double()
    by_element = dict(zip(sorted(elements), shifts.expand(len(elements)).tolist(), strict=True))
    try:
        scaled.network.load_state_dict(tensors | {SHIFT: 0 * tensors[SHIFT]})
    except RuntimeError as error:
        raise RefusedError(
            f"these weights have settings that are unknown here: {str(error).splitlines()[-1]}"
        ) from None
    for element, energy in by_element.items():
        scaled.references[atomic_numbers[element]] = energy
    return started(scaled, architecture, request)


def _architecture(settings):
    """The settings of the network alone, as plain values; its shifts are zero, for they lie outside."""
    names = [*constants.DEFAULT_E3_EQUIVARIANT_MODEL_CONFIG, keys.SHIFT, keys.SCALE]
    plain = {name: _plain(settings[name]) for name in names if name in settings}
    shift = plain[keys.SHIFT]
    return plain | {keys.SHIFT: [0.0] * len(shift) if isinstance(shift, list) else 0.0}


def _plain(value):
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | None) else str(value)
