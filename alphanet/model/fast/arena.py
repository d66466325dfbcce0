"""Memory for arrays of edges that later calls use again.

Fresh memory comes in pages that the system clears one by one, which takes longer than the kernels take to fill them.
"""

from math import prod

import numpy as np
import torch
from torch import Tensor

SMALLEST = 1 << 21  # numbers a slab; numpy asks the system for large pages from 4 MiB on
MOST = 1 << 28  # numbers that stay for the next call: 1 GiB in float32
SLACK = 1.1  # a structure that follows may have some more edges; what is not written takes no memory
ALIGNED = 64  # numbers


class Arena:
    """Hands out tensors until it is reset; used by one call at a time.

    Args:
        like: a tensor of the precision and device wanted.
    """

    def __init__(self, like: Tensor) -> None:
        self._like = like.new_empty(0)
        self._slabs: list[Tensor] = []
        self._used: list[int] = []
        self._expected = 0  # numbers

    def empty(self, *shape: int) -> Tensor:
        """A tensor of this shape, with anything in it."""
        size = prod(shape)
        for index, slab in enumerate(self._slabs):
            begin = self._used[index]
            if begin + size <= slab.numel():
                self._used[index] += -(-size // ALIGNED) * ALIGNED
                return slab[begin : begin + size].view(shape)
        self._slabs.append(self._slab(max(size, SMALLEST, 0 if self._slabs else self._expected)))
        self._used.append(0)
        return self.empty(*shape)

    def mark(self) -> list[int]:
        """The amount handed out so far, for `rewind`."""
        return list(self._used)

    def rewind(self, mark: list[int]) -> None:
        """Take back what was handed out since `mark`."""
        self._used = mark + [0] * (len(self._slabs) - len(mark))

    def reset(self) -> None:
        """Take everything back; what was handed out must not be used any more."""
        used = int(SLACK * sum(self._used))
        if len(self._slabs) > 1 or used > MOST:  # several would be used worse and worse by calls of other sizes
            self._slabs, self._expected = [], used if used <= MOST else 0
        self._used = [0] * len(self._slabs)

    def _slab(self, size: int) -> Tensor:
        if self._like.device.type != "cpu":
            return self._like.new_empty(size)
        return torch.from_numpy(np.empty(size, dtype=str(self._like.dtype).removeprefix("torch.")))
