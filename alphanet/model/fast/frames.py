"""Components of vectors in the frames of edges, written out so that loops over channels are fused."""

from collections.abc import Sequence

import torch
from torch import Tensor


def cross(a: Tensor, b: Tensor) -> Tensor:
    """(…, 3) cross product."""
    ax, ay, az = a.split(1, dim=-1)
    bx, by, bz = b.split(1, dim=-1)
    return torch.cat([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim=-1)


def along(vectors: Tensor, axes: Sequence[Tensor]) -> list[Tensor]:
    """(…, H) components of `vectors` (…, 3 H: x of all channels, then y, z) along each of the `axes` (…, 3)."""
    x, y, z = vectors.chunk(3, dim=-1)
    return [axis[..., :1] * x + axis[..., 1:2] * y + axis[..., 2:] * z for axis in axes]
