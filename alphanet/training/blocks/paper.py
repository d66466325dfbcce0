"""The paper's reading on blocks of edges; `alphanet.model.alphanet` is the reference and says what is computed.

Left out, because nothing reads it: the vectors of the first layer, which are zero, and the last layer's rotation.
"""

import math
from collections.abc import Sequence
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from alphanet.graph import AtomGraph, edge_vectors
from alphanet.model.alphanet import AlphaNet, Complex, MessageLayer, rotate
from alphanet.model.basis import envelope
from alphanet.model.geometry import LocalStructure
from alphanet.model.smooth import scaled_vectors, soft_abs
from alphanet.training.blocks.edges import EdgeBlock, edge_blocks, edge_weights
from alphanet.training.blocks.frames import components
from alphanet.training.blocks.product import linear
from alphanet.training.blocks.silu import silu, two_layers


def network(model: AlphaNet, graph: AtomGraph) -> Tensor:
    """(N,) output of the network, as `model.network`."""
    element = model.element_of_number[graph.numbers]
    blocks = _geometry(model.structure, graph)
    structure = model.structure
    embeddings = (structure.atom_embedding(element), structure.neighbor_embedding(element))
    scalars = partial(_scalars, structure)
    z, s, weights = edge_weights(blocks, embeddings, structure.radial, structure.source, scalars)
    v: Tensor | None = None
    rotation: Complex | None = None
    history = model.temporal.start(z) if model.config.temporal else None
    last = len(model.messages) - 1
    for layer, message in enumerate(model.messages):
        assert isinstance(message, MessageLayer)
        ds, dv, rotation = _message(message, rotate(s, rotation), v, blocks, weights, rotates=layer < last)
        s, v = s + ds, dv if v is None else v + dv
        if history is not None:
            history = model.temporal.step(layer, s, history)
        if model.config.frame_transition:
            ds, dv = model.transitions[layer](s, v)
            s, v = s + ds, v + dv
        if history is not None and model.config.temporal_residual and layer < last:
            s = s + model.temporal.residual(layer, history)
    output = model.readout(s).squeeze(1)
    if history is not None:
        output = output + model.temporal.readout(history)
    return model.element_scale[element] * output + model.element_shift[element]


def _geometry(structure: LocalStructure, graph: AtomGraph) -> list[EdgeBlock]:
    config = structure.config
    vector = edge_vectors(graph)
    distance = torch.linalg.vector_norm(vector, dim=1)
    direction = vector / distance[:, None]
    smooth = envelope(distance, config.cutoff, config.envelope)
    frame = structure.frames(graph, vector, direction, smooth)
    return edge_blocks(graph, direction, smooth[:, None], structure.basis(distance), frame)


def _scalars(structure: LocalStructure, frame: Tensor, surroundings: Tensor) -> Tensor:
    """As the structure has them, in products of contiguous matrices, which PyTorch does not take one by one."""
    first, second, third = components(frame, surroundings).unbind(dim=1)
    a, b, c = structure.scalarize
    return torch.addcmul(torch.addcmul(a * first, b, soft_abs(second, structure.config.softness)), c, third)


def _message(
    layer: MessageLayer,
    rotated: Tensor,
    v: Tensor | None,
    blocks: Sequence[EdgeBlock],
    weights: Sequence[Tensor],
    *,
    rotates: bool,
) -> tuple[Tensor, Tensor, Complex | None]:
    """As the layer's own forward."""
    H = rotated.shape[1]
    features = layer.features(layer.norm(rotated))
    scalars, vectors, received = [], [], []
    for b, w in zip(blocks, weights, strict=True):
        gates = linear(layer.radial, b.basis) * two_layers(layer.surroundings, w)
        message = (b.envelope * gates) * features.index_select(0, b.sender)
        scalar, carried, directed = message.split(H, dim=1)
        vector = b.summed_vectors(directed)
        scalars.append(b.summed(scalar))
        vectors.append(vector if v is None else vector + b.summed_products(v, carried / math.sqrt(3)))
        if rotates and layer.config.rope:
            heads = F.linear(scalar, layer.to_heads.weight) + b.envelope * layer.to_heads.bias
            gate = silu(two_layers(layer.gate, gates))
            received.append(b.summed((heads.unflatten(1, (2, -1)) * gate[:, None, :]).flatten(1)))
    ds, dv = layer.sum_norm(torch.cat(scalars)), scaled_vectors(torch.cat(vectors))
    return ds, dv, layer.rotation(torch.cat(received)) if received else None
