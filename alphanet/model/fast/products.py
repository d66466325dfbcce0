"""Products of arrays of edges, written so that compiled loops are fused: linear maps, components in edges' frames."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(n, P, B) from (n, P, A), also where `x` is some columns of a wider array, which torch would treat as a batch."""
    flat, transposed = x.flatten(0, 1), weight.t()
    product = torch.mm(flat, transposed) if bias is None else torch.addmm(bias, flat, transposed)
    return product.unflatten(0, x.shape[:2])


def weight_and_bias(layer: Tensor | nn.Module) -> tuple[Tensor, Tensor]:
    """The constants of an `nn.Linear` with a bias."""
    assert isinstance(layer, nn.Linear) and layer.bias is not None
    return layer.weight.detach(), layer.bias.detach()


def cross(a: Tensor, b: Tensor) -> Tensor:
    """(…, 3) cross product."""
    ax, ay, az = a.split(1, dim=-1)
    bx, by, bz = b.split(1, dim=-1)
    return torch.cat([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim=-1)


def along(vectors: Tensor, axes: Sequence[Tensor]) -> list[Tensor]:
    """(…, H) components of `vectors` (…, 3 H: x of all channels, then y, z) along each of the `axes` (…, 3)."""
    x, y, z = vectors.chunk(3, dim=-1)
    return [axis[..., :1] * x + axis[..., 1:2] * y + axis[..., 2:] * z for axis in axes]
