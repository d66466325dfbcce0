"""What the kernels are given of a block of edges, as in `edges.hpp`."""

import ctypes

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import Gathered, Visit


class Edges(ctypes.Structure):
    """Arrays of a block."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("n", "W")),
        *((name, ctypes.c_void_p) for name in ("sender", "receiver", "filled", "vector", "frame", "weights")),
        *((name, ctypes.c_void_p) for name in ("senders", "receivers")),
    )


class Gradients(ctypes.Structure):
    """Where gradients are added."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("vector", "frame", "weights", "senders", "receivers", "by_edge")),
        ("overwrites", ctypes.c_int64),
    )


def edges_of(visit: Visit) -> Edges:
    """The block's arrays."""
    block = visit.block
    return Edges(
        block.n_chunks,
        visit.weights.shape[2],
        *(
            address(one)
            for one in (
                *(block.sender, block.receiver, block.filled, visit.vector, visit.frame, visit.weights),
                *(visit.senders, visit.receivers),
            )
        ),
    )


def gradients_of(visit: Visit, to: Gathered, overwrites: bool = False) -> tuple[Gradients, Tensor | None]:
    """Where a backward adds, and a tensor that must live as long: room for what several threads give to one sender."""
    apart = None
    if torch.get_num_threads() > 1:
        apart = visit.weights.new_empty(*visit.weights.shape[:2], to.to_senders.shape[1])
    places = (visit.vector_gradient, visit.frame_gradient, visit.weights_gradient, to.to_senders, to.to_receivers)
    return Gradients(*(address(one) for one in places), address(apart), overwrites), apart


def address(tensor: Tensor | None) -> int | None:
    """Of a tensor's memory; none if there is no tensor."""
    if tensor is None:
        return None
    assert tensor.is_contiguous()
    return tensor.data_ptr()
