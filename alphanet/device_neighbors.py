"""Neighbor search on the GPU by nvalchemi-toolkit-ops (the extra `gpu`), so that only atoms are sent there."""

import contextlib
import io
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

Pairs = tuple[Tensor, Tensor, Tensor]
"""Sender (E,), receiver (E,) int64, shift (E, 3) int32 in lattice vectors added to the sender; sorted by receiver"""


@cache
def is_installed() -> bool:
    """Whether the package is installed."""
    return find_spec("nvalchemiops") is not None


def device_pairs(positions: Tensor, cell: Tensor, pbc: Tensor, cutoff: float) -> Pairs:
    """All pairs of atoms and periodic images within `cutoff` (Å), on the device of `positions`.

    Args:
        positions: (N, 3) Å, inside the cell or outside.
        cell: (3, 3) Å of full rank.
        pbc: (3,) bool.
        cutoff: Å.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # warp prints what it compiles
        from nvalchemiops.torch.neighbors import neighbor_list

        if not bool(pbc.any()):
            pairs, _ = neighbor_list(positions, cutoff, return_neighbor_list=True)
            shift = pairs.new_zeros(pairs.shape[1], 3)
        else:
            pairs, _, shift = neighbor_list(
                positions, cutoff, cell=cell[None], pbc=pbc[None], return_neighbor_list=True
            )
    receiver, sender = pairs.long()
    order = torch.argsort(receiver, stable=True)  # the package does not promise that the pairs are sorted
    return sender[order], receiver[order], shift[order]
