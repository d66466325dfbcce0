"""The one layer that knows devices: names, memory, synchronization. See `alphanet.hardware.devices`."""

from pathlib import Path

from alphanet.errors import UserError, did_you_mean
from alphanet.hardware.devices import BACKENDS, best_kind, kind_of

WORKER_PATH = Path(__file__).parent
"""Where workers in other environments find the module `devices`"""


def resolve_device(name: str) -> str:
    """The device that `name` means here: `auto` is the best kind that torch sees.

    Args:
        name: auto, or a kind of device as torch calls it, with an index if there are several: cpu, cuda, cuda:1.

    Raises:
        UserError: no such kind of device, or none of it here.
    """
    if name == "auto":
        return best_kind()
    kind, _, index = name.partition(":")
    if kind not in BACKENDS:
        raise UserError(f"device: unknown {name!r}{did_you_mean(kind, ['auto', *BACKENDS])}")
    if index and not index.isdigit():
        raise UserError(f"device: {name!r} has no number after the colon; write {kind}:0")
    there = BACKENDS[kind].names()
    if not there:
        raise UserError(f"device {name}: torch sees no {kind} device here; use auto or cpu")
    if index and int(index) >= len(there):
        raise UserError(f"device {name}: torch sees {len(there)} of them, {kind}:0 to {kind}:{len(there) - 1}")
    return name


def device_count(name: str) -> int:
    """The number of devices that `name` means: all of its kind, or the one with its index.

    Raises:
        UserError: as `resolve_device`.
    """
    kind, _, index = resolve_device(name).partition(":")
    return 1 if index else len(BACKENDS[kind].names())


__all__ = ["BACKENDS", "WORKER_PATH", "best_kind", "device_count", "kind_of", "resolve_device"]
