"""Calls of the kernels for a block of edges, with its arrays as `edges.hpp` has them."""

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor

from alphanet.model.fast.edge_arrays import EdgeBlock, GatheredGradients


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


def run_forward(
    function: Callable[..., None], constants: ctypes.Structure, visit: EdgeBlock, *arrays: Tensor | None
) -> None:
    """Call a stage's forward on the block, with its own arrays."""
    places = (address(array) for array in arrays)
    function(ctypes.byref(constants), ctypes.byref(_edges_of(visit)), *places, torch.get_num_threads())


def run_backward(
    function: Callable[..., None],
    constants: ctypes.Structure,
    visit: EdgeBlock,
    to: GatheredGradients,
    *arrays: Tensor | None,
    overwrites: bool = False,
) -> None:
    """Call a stage's backward on the block, with its own arrays, to add to the gradients.

    Args:
        function: of the kernels.
        constants: of the stage.
        visit: the block, which has the gradients by its arrays.
        to: those by what senders and receivers gave.
        arrays: what else it is given.
        overwrites: whether the gradient by the weights holds nothing yet.
    """
    threads, apart = torch.get_num_threads(), None
    if threads > 1:  # room for what several of them give to one sender
        apart = visit.weights.new_empty(*visit.weights.shape[:2], to.to_senders.shape[1])
    into = (visit.vector_gradient, visit.frame_gradient, visit.weights_gradient, to.to_senders, to.to_receivers, apart)
    gradients = Gradients(*(address(one) for one in into), overwrites)
    places = (address(array) for array in arrays)
    function(ctypes.byref(constants), ctypes.byref(_edges_of(visit)), *places, ctypes.byref(gradients), threads)


def _edges_of(visit: EdgeBlock) -> Edges:
    """The block's arrays."""
    block = visit.block
    return Edges(
        block.sender.numel(),
        visit.weights.shape[2],
        *(
            address(one)
            for one in (
                *(block.sender, block.receiver_of_edge, block.filled, visit.vector, visit.frame, visit.weights),
                *(visit.senders, visit.receivers),
            )
        ),
    )


def address(tensor: Tensor | None) -> int | None:
    """Of a tensor's memory; none if there is no tensor."""
    if tensor is None:
        return None
    assert tensor.is_contiguous()
    return tensor.data_ptr()
