"""Initial weights whose messages have unit size.

With random weights of the usual size, products of small edge features give messages of 0.001 to 0.04 where an atom's
features are of order one: each layer begins as the identity, and many steps pass before neighbors count. Measured on
structures, one scale a layer mends that (layer-sequential unit variance: D. Mishkin, J. Matas, arXiv:1511.06422).
"""

import torch
from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet, MessageLayer


@torch.no_grad()
def set_unit_messages(model: AlphaNet, graph: AtomGraph) -> None:
    """Scale the initial weights, layer by layer, so that sums of messages in `graph` have an RMS of 1.

    The factor is shared by the two maps whose product gates the messages. A layer without messages is left alone.
    """
    for layer in model.messages:
        assert isinstance(layer, MessageLayer)
        received = _received(model, layer, graph)
        size = float(received.square().mean().sqrt())
        if size > 0:
            for linear in (layer.radial, layer.surroundings[-1]):
                for weight in linear.parameters():
                    weight.div_(size**0.5)


def _received(model: AlphaNet, layer: MessageLayer, graph: AtomGraph) -> Tensor:
    """(N, H) sums of scalar messages in `layer`."""
    found: list[Tensor] = []
    hook = layer.sum_norm.register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
    try:
        model.network(graph)
    finally:
        hook.remove()
    return found[0]
