"""Smooth replacements for operations that are singular at zero.

A norm, a modulus, an absolute value or a LayerNorm of a vector that can vanish (an isolated atom, a neighbor at the
cutoff, an inversion center) has no derivative there, and forces would jump.
"""

from torch import Tensor, nn


def soft_norm(vector: Tensor, softness: float, dim: int) -> Tensor:
    """sqrt(|x|^2 + s^2) - s: quadratic within `softness` s of zero, |x| - s far from it."""
    return (vector.square().sum(dim) + softness**2).sqrt() - softness


def soft_abs(x: Tensor, softness: float) -> Tensor:
    """sqrt(x^2 + s^2) - s, the smooth |x|."""
    return (x.square() + softness**2).sqrt() - softness


def soft_unit(real: Tensor, imaginary: Tensor, softness: float) -> tuple[Tensor, Tensor]:
    """z / sqrt(|z|^2 + s^2): a unit complex number for |z| well above `softness` s, smooth through zero."""
    modulus = (real.square() + imaginary.square() + softness**2).sqrt()
    return real / modulus, imaginary / modulus


def complex_product(a: tuple[Tensor, Tensor], b: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The product of two complex numbers given as (real, imaginary)."""
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def sum_norm(channels: int) -> nn.LayerNorm:
    """LayerNorm for sums over neighbors: with epsilon 1 it leaves small sums small.

    The usual epsilon of 1e-5 would blow the first trace of a neighbor at the cutoff up to full size within a shell of
    thousandths of an Å.
    """
    return nn.LayerNorm(channels, eps=1.0)


def scaled_vectors(vectors: Tensor) -> Tensor:
    """Vectors (N, 3, H) divided by sqrt(1 + their mean square over channels), the same idea for sums of vectors."""
    mean_square = vectors.square().sum(dim=1, keepdim=True).mean(dim=2, keepdim=True)
    return vectors / (1 + mean_square).sqrt()
