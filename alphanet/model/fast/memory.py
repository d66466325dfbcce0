"""Memory of the arrays of edges, and the part of them that stays within a bound."""

from math import prod
from typing import Literal

import torch

from alphanet.hardware.devices import backend_of

Retention = Literal["all", "weights", "nothing"]

CPU = torch.device("cpu")
SHARE = 0.5  # of the memory that there is for this process, if no bound is given
FEWEST_EDGES_ON_GPU = 16384  # a block with fewer would leave parts of a GPU idle


def default_limit(device: torch.device = CPU) -> int:
    """Bytes: half of the GPU's memory; on a CPU half of the machine's, or of what this process may use of it.

    The latter (`ulimit -d`) may change.
    """
    return int(SHARE * backend_of(device).total_memory(str(device)))


def edges_a_block_on_gpu(hidden_channels: int, dtype: torch.dtype, limit: int, *, compiled: bool) -> int:
    """As many edges as can be worked on at once while what is in memory for their sake alone takes half of `limit`.

    Counted are some 32 H numbers an edge, the most that a walk of a layer or of the scalars holds besides the arrays of
    edges; functions that are not compiled also write the hidden units of official-v1's scalars, H / 4 for each of 2 H
    channels, six times.

    Args:
        hidden_channels: H.
        dtype: of all numbers.
        limit: bytes that arrays of edges may take.
        compiled: whether functions are.
    """
    H = hidden_channels
    number = torch.finfo(dtype).bits // 8
    return max(FEWEST_EDGES_ON_GPU, limit // 2 // (number * (32 * H + (0 if compiled else 3 * H * H))))


def retention(shape: tuple[int, int], weights: int, kept: int, dtype: torch.dtype, limit: int) -> Retention:
    """The part of the arrays of edges that may stay in memory between stages.

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
