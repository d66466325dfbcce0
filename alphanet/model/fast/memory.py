"""What the arrays of edges take, and whether it is within a bound."""

import os
from math import prod

import torch

SHARE = 0.5  # of the machine's memory, if no bound is given


def default_limit() -> int:
    """Bytes."""
    return int(SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def fits(shape: tuple[int, int], weights: int, kept: int, dtype: torch.dtype, limit: int) -> bool:
    """Whether everything that a backward can use may be kept.

    Args:
        shape: (chunks, P).
        weights: W, columns of the edge weights, which have gradients of their own size.
        kept: more columns that the stages would keep.
        dtype: of all of them.
        limit: bytes.
    """
    columns = 2 * (weights + 4 + 3) + kept  # beside the weights, frames of four columns and vectors of three
    return prod(shape) * columns * torch.finfo(dtype).bits // 8 <= limit
