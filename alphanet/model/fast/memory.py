"""What the arrays of edges take, and what of them stays within a bound."""

import os
import resource
from math import prod
from typing import Literal

import torch

SHARE = 0.5  # of the memory that there is for this process, if no bound is given


def default_limit() -> int:
    """Bytes: half of the machine's memory, or of what this process may use of it (`ulimit -d`), which may change."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    allowed, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return int(SHARE * (machine if allowed == resource.RLIM_INFINITY else min(machine, allowed)))


def retention(
    shape: tuple[int, int], weights: int, kept: int, dtype: torch.dtype, limit: int
) -> Literal["all", "weights", "nothing"]:
    """What of the arrays of edges may stay in memory between stages.

    `all` a backward can use, only the `weights` with their frames (the rest is computed again), or `nothing` but
    vectors.

    Args:
        shape: (chunks, P).
        weights: W, columns of the edge weights, which have gradients of their own size.
        kept: more columns that the stages would keep.
        dtype: of all of them.
        limit: bytes.
    """
    number = prod(shape) * torch.finfo(dtype).bits // 8
    least = 2 * (weights + 4 + 3)  # beside the weights, frames of four columns and vectors of three
    if number * (least + kept) <= limit:
        return "all"
    return "weights" if number * least <= limit else "nothing"
