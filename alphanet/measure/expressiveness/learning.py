"""Learned separability: whether a short training gives two structures the energies that it is told to."""

import torch

from alphanet.graph import collate
from alphanet.measure.expressiveness import STEPS
from alphanet.measure.expressiveness.energies import star_graph
from alphanet.measure.expressiveness.pairs import Pair
from alphanet.model.config import Config
from alphanet.model.create import create_model

LEARNING_RATE = 5e-3
REACHED = 1e-4  # eV^2, of the loss, at which a training ends early


def learned_part(config: Config, pair: Pair, *, steps: int = STEPS, seed: int = 0) -> float:
    """Part of a wanted difference of 2 eV that AlphaNet with this configuration reaches: 1 all of it, 0 nothing.

    Random weights are trained with Adam in float64 towards +1 eV for the first structure and -1 eV for the second. A
    network for which both are the same can do no better than 0 eV for both.

    Args:
        config: of the network; its elements count, its weights are new.
        pair: the structures.
        steps: of the training.
        seed: of the weights.
    """
    model = create_model(config, seed).double().train()
    graphs = [star_graph(model, atoms) if pair.star else model.graph(atoms) for atoms in (pair.first, pair.second)]
    graph = collate(graphs)
    wanted = torch.tensor([1.0, -1.0], dtype=torch.float64)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def energies() -> torch.Tensor:
        return wanted.new_zeros(2).index_add(0, graph.batch, model(graph))

    for _ in range(steps):
        optimizer.zero_grad()
        loss = (energies() - wanted).square().mean()
        if loss < REACHED:
            break
        torch.autograd.backward(loss)
        optimizer.step()
    with torch.no_grad():
        first, second = energies().tolist()
    return float((first - second) / 2)
