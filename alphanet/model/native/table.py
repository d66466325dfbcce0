"""Functions of the distance as tables of polynomials, which the kernels read in place of radial networks."""

import ctypes
import math
from collections.abc import Callable

import torch
from torch import Tensor

from alphanet.model.native.packing import Packer

TOLERANCE = 1e-8  # of the largest value; float32's own rounding is larger
FEWEST, MOST = 32, 8192  # intervals
CHECKED = 4  # distances a term that the error is measured at


class Table(ctypes.Structure):
    """As in `radial.hpp`: n intervals, of each the terms of `columns` polynomials."""

    _fields_ = (
        ("terms", ctypes.c_void_p),
        ("columns", ctypes.c_int64),
        ("n", ctypes.c_int64),
        ("per_length", ctypes.c_float),
    )


def table(functions: Callable[[Tensor], Tensor], cutoff: float, terms: int, packer: Packer) -> tuple[Table, float]:
    """The table of functions of the distance up to the cutoff, and its largest error relative to the largest value.

    The polynomials interpolate at Chebyshev's points of as many equal intervals as `TOLERANCE` needs, so that they
    stay in the processor's cache. The error is theirs, before float32 rounds their terms.

    Args:
        functions: (m,) distances in float64 to (m, columns).
        cutoff: Å.
        terms: of a polynomial.
        packer: keeps the table.
    """
    points = torch.cos(torch.pi * (torch.arange(terms, dtype=torch.float64) + 0.5) / terms) / 2  # of [-1/2, 1/2]
    between = (torch.arange(CHECKED * terms, dtype=torch.float64) + 0.5) / (CHECKED * terms) - 0.5
    to_terms = torch.linalg.inv(_powers(points, terms))
    n = FEWEST
    while True:
        middles = torch.arange(n, dtype=torch.float64)[:, None] + 0.5
        at_points, exact = (
            functions(((middles + place) * cutoff / n).flatten()).unflatten(0, (n, -1)) for place in (points, between)
        )
        found = to_terms @ at_points
        left = (_powers(between, terms) @ found - exact).abs().max()
        error = float(left / exact.abs().max().clamp(min=1e-300))
        if error <= TOLERANCE or n >= MOST:
            return Table(packer.kept(found.float()), found.shape[2], n, n / cutoff), error
        n = min(MOST, max(n + 1, math.ceil(n * min(2.0, (error / TOLERANCE) ** (1 / terms)))))


def _powers(places: Tensor, terms: int) -> Tensor:
    """(places, terms)."""
    return places[:, None] ** torch.arange(terms)
