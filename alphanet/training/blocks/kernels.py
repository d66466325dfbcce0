"""The kernels in C++ of training, which serve every number of hidden channels that is a multiple of theirs."""

from functools import cache

import torch
from torch import Tensor

from alphanet.model.native.library import Kernels, NativeError, kernels
from alphanet.potentials.kit.loop.costs import is_counting

CHANNELS = 16


@cache
def training_kernels() -> Kernels | None:
    """Those for 16 channels, compiled now unless they are on disk; None if this machine cannot compile them."""
    try:
        return kernels(CHANNELS)
    except NativeError:
        return None


def kernels_for(values: Tensor) -> Kernels | None:
    """The kernels if they take values (…, H) like these, and no operations are counted, which they would hide."""
    found = None if is_counting() or values.dtype != torch.float32 else training_kernels()
    return found if found is not None and values.shape[-1] % found.lanes() == 0 else None
