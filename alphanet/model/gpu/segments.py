"""Which edges of a block each atom receives and sends, so that one program sums over them without atomic additions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock

KEY = -2  # among the numbers of layers, for what an evaluation keeps


@dataclass(frozen=True)
class Segments:
    """Of one block of n chunks of P edges and N atoms; all int32."""

    first_chunk: Tensor  # (N + 1,) atom i receives along the chunks from first_chunk[i] on, before first_chunk[i + 1]
    order: Tensor  # (n P,) edges by sender, ascending, the filling last
    first_place: Tensor  # (N + 1,) atom j sends along order[first_place[j] : first_place[j + 1]]


def segments_of(visit: EdgeBlock) -> Segments:
    """Those of the block, found once an evaluation."""
    key = (KEY, visit.index)
    if key not in visit.kept:
        visit.kept[key] = _found(visit)
    return Segments(*visit.kept[key])


def _found(visit: EdgeBlock) -> tuple[Tensor, ...]:
    block, n_atoms = visit.block, visit.senders.shape[0]
    atoms = torch.arange(n_atoms + 1, device=block.receiver.device)
    # The filling has a sender, too: it would be a long sum of zeros for one atom.
    sender = torch.where(block.filled.flatten() > 0, block.sender.flatten(), n_atoms)
    ascending, order = torch.sort(sender, stable=True)
    first_chunk, first_place = (torch.searchsorted(one, atoms, out_int32=True) for one in (block.receiver, ascending))
    return first_chunk, order.int(), first_place
