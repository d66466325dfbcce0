import numpy as np
import pytest
import torch
from ase.build import bulk

from alphanet.graph import AtomGraph
from alphanet.model.alphanet import AlphaNet
from alphanet.model.config import preset
from alphanet.model.create import create_model
from alphanet.model.unit_messages import set_unit_messages


def made(**settings: object) -> tuple[AlphaNet, AtomGraph]:
    atoms = bulk("Cu", cubic=True)
    atoms.symbols[0] = "O"
    atoms.rattle(0.1, rng=np.random.default_rng(0))
    model = create_model(preset("mini", elements=("O", "Cu"), heads=4, **settings))
    assert isinstance(model, AlphaNet)
    return model, model.graph(atoms)


def outputs(model: AlphaNet, graph: AtomGraph) -> list[tuple[float, float]]:
    """RMS of the sums of scalar messages before their norm, and of what each layer adds to the features."""
    found: list[tuple[float, float]] = []
    sums: list[torch.Tensor] = []
    for layer in model.messages:
        layer.sum_norm.register_forward_pre_hook(lambda _, inputs: sums.append(inputs[0]))
        layer.register_forward_hook(lambda _, __, added: found.append((rms(sums[-1]), rms(added[0]))))
    with torch.no_grad():
        model(graph)
    return found


def rms(values: torch.Tensor) -> float:
    return float(values.square().mean().sqrt())


@pytest.mark.parametrize("initial", ["torch", "xavier"])
@pytest.mark.parametrize(("layers", "channels"), [(1, 16), (3, 64), (6, 256)])
def test_every_layer_begins_with_messages_of_order_one(initial: str, layers: int, channels: int) -> None:
    model, graph = made(num_layers=layers, hidden_channels=channels, initial_weights=initial)
    assert max(added for _, added in outputs(model, graph)) < 0.2  # what it is for
    set_unit_messages(model, graph)
    for received, added in outputs(model, graph):
        assert received == pytest.approx(1.0, rel=1e-4)
        assert 0.4 < added < 1.0  # the norm of sums halves what has unit variance


def test_atoms_without_neighbors_leave_the_weights_alone() -> None:
    model, _ = made()
    before = [weight.clone() for weight in model.parameters()]
    far = bulk("Cu", cubic=True)
    far.set_cell(far.cell * 20, scale_atoms=True)
    far.pbc = False
    set_unit_messages(model, model.graph(far))
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))
