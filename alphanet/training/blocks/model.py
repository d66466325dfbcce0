"""The function that training differentiates in a model's place."""

from collections.abc import Callable

from torch import Tensor

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet
from alphanet.model.base import InteratomicModel
from alphanet.model.official import OfficialAlphaNet
from alphanet.training.blocks import official, paper


def in_blocks(model: InteratomicModel) -> Callable[[AtomGraph], Tensor]:
    """The model's (N,) atomic energies in eV, computed from its weights in blocks of edges.

    Graphs without edges, devices other than the CPU, where many small operations are slower than few large ones, and
    models with second moments get the model itself.
    """

    def atomic_energies(graph: AtomGraph) -> Tensor:
        if graph.n_edges == 0 or graph.positions.device.type != "cpu":
            return model(graph)
        if isinstance(model, AlphaNet) and model.config.moments == 1:
            output = paper.network(model, graph)
        elif isinstance(model, OfficialAlphaNet):
            output = official.network(model, graph)
        else:
            return model(graph)
        return model.atomic_energies(output, graph)

    return atomic_energies
