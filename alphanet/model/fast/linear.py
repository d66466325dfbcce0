"""Linear maps of arrays of edges as one plain matrix product."""

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
