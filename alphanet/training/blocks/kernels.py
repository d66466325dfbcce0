"""The kernels in C++ of training, which serve every number of hidden channels that is a multiple of theirs."""

from functools import cache

from alphanet.model.native.library import Kernels, NativeError, kernels

CHANNELS = 16


@cache
def training_kernels() -> Kernels | None:
    """Those for 16 channels, compiled now unless they are on disk; None if this machine cannot compile them."""
    try:
        return kernels(CHANNELS)
    except NativeError:
        return None
