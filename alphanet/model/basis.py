"""Radial basis and envelopes: how a distance enters the model."""

import math

import torch
from torch import Tensor, nn

# Exponent of the polynomial envelope; at 6 the first two derivatives vanish at the cutoff, as in DimeNet.
POLYNOMIAL_ORDER = 6


def envelope(distance: Tensor, cutoff: float, kind: str) -> Tensor:
    """A factor (E,) that falls from 1 at 0 to 0 at `cutoff` (both in Å) and stays 0 beyond.

    `cosine`: C^1 at the cutoff, as in the public code. `polynomial`: C^2 (Gasteiger et al., arXiv 2003.03123, eq. 8).
    `bump`: exp(1 - 1 / (1 - x^2)), smooth to all orders.
    """
    x = distance / cutoff
    inside = x < 1
    x = torch.where(inside, x, torch.zeros_like(x))
    if kind == "cosine":
        value = 0.5 * (torch.cos(math.pi * x) + 1)
    elif kind == "polynomial":
        p = POLYNOMIAL_ORDER
        value = 1 - x**p * ((p + 1) * (p + 2) / 2 - p * (p + 2) * x + p * (p + 1) / 2 * x**2)
    else:
        value = torch.exp(1 - 1 / (1 - x**2))
    return torch.where(inside, value, torch.zeros_like(value))


class BesselBasis(nn.Module):
    """Bessel functions (2 / cutoff) sin(w_k d / cutoff) / d with learnable w, starting at k pi.

    Args:
        num_basis: R.
        cutoff: Å.
    """

    def __init__(self, num_basis: int, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff
        self.bessel_weights = nn.Parameter(math.pi * torch.arange(1, num_basis + 1, dtype=torch.get_default_dtype()))

    def forward(self, distance: Tensor) -> Tensor:
        """(E, R) values at the (E,) `distance` in Å."""
        d = distance.unsqueeze(-1)
        return (2 / self.cutoff) * torch.sin(self.bessel_weights * d / self.cutoff) / d
