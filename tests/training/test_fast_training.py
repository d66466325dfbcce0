"""Training in blocks of edges has the reference's loss and gradients."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from ase import Atoms
from model_samples import SAMPLES, official_config, paper_config, random_model
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from training_samples import small_config, write_data

from alphanet.graph import AtomGraph, collate
from alphanet.model.base import InteratomicModel
from alphanet.model.prediction import predict
from alphanet.training.blocks import edges, scalar_network
from alphanet.training.blocks.model import in_blocks
from alphanet.training.blocks.silu import silu
from alphanet.training.run import run_training

pytestmark = pytest.mark.integration

CONFIGS = {
    "paper": paper_config(),
    "paper, one layer": paper_config(num_layers=1),
    "paper, exponential": paper_config(rotation="exponential", num_layers=3),
    "paper, bare": paper_config(rope=False, temporal=False, frame_transition=False),
    "paper, residual, no gate": paper_config(temporal_residual=True, transition_gate=False, num_layers=3),
    "paper, second moments": paper_config(moments=2),
    "paper, zbl": paper_config(zbl=True),
    "official": official_config(),
    "official, dropout": official_config().model_copy(update={"dropout": True}),
    "official, norm after": official_config(norm_before=False, norm_after=True, num_layers=3),
}


def batches(model: InteratomicModel) -> dict[str, AtomGraph]:
    """An uneven batch with an isolated atom, and a molecule alone."""
    uneven = [SAMPLES["alloy"](), Atoms("Cu"), SAMPLES["slab"](), SAMPLES["ethanol"]()]
    return {"uneven": collate([model.graph(atoms) for atoms in uneven]), "molecule": model.graph(SAMPLES["ethanol"]())}


def loss_and_gradients(
    model: InteratomicModel, energies: Callable[[AtomGraph], Tensor], graph: AtomGraph
) -> dict[str, Tensor]:
    """Of a loss of energies, forces and stresses; weights without a gradient have zeros."""
    torch.manual_seed(0)  # dropout
    found = predict(energies, graph, create_graph=True)
    assert found.forces is not None and found.stress is not None
    loss = found.energy.square().sum() + found.forces.square().sum() + 10 * found.stress.square().sum()
    names, weights = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return {"loss": loss.detach(), "forces": found.forces.detach(), **dict(zip(names, gradients, strict=True))}


def assert_close(found: dict[str, Tensor], wanted: dict[str, Tensor], tolerance: float) -> None:
    largest = max(float(gradient.abs().max()) for name, gradient in wanted.items() if name not in ("loss", "forces"))
    for name, value in wanted.items():
        scale = max(float(value.abs().max()), 1e-6 * largest)  # some gradients are rounding alone
        assert float((found[name] - value).abs().max()) <= tolerance * scale, name


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "MOST_EDGES", 100)
    monkeypatch.setattr(scalar_network, "COLUMNS", 700)


@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_equal_the_reference_in_float64(name: str) -> None:
    model = random_model(CONFIGS[name]).train()
    for graph in batches(model).values():
        assert_close(loss_and_gradients(model, in_blocks(model), graph), loss_and_gradients(model, model, graph), 1e-10)


@pytest.mark.parametrize("name", ["paper", "official"])
def test_gradients_equal_the_reference_in_float32(name: str) -> None:
    model = random_model(CONFIGS[name]).train()
    graph = batches(model)["uneven"]
    wanted = loss_and_gradients(model, model, graph)
    single = model.float()
    found = loss_and_gradients(single, in_blocks(single), graph.to(dtype=torch.float32))
    reference = loss_and_gradients(single, single, graph.to(dtype=torch.float32))
    for key, value in wanted.items():
        scale = max(float(value.abs().max()), 1e-6)
        error, usual = (float((one[key] - value).abs().max()) / scale for one in (found, reference))
        assert error <= max(1e-5, 3 * usual), key  # where float32 itself is worse, no worse than the reference


@pytest.mark.parametrize("name", ["paper", "official"])
def test_other_structures_in_the_batch_change_nothing(name: str) -> None:
    model = random_model(CONFIGS[name]).eval()
    both = batches(model)
    alone = predict(in_blocks(model), both["molecule"])
    together = predict(in_blocks(model), both["uneven"])
    assert alone.forces is not None and together.forces is not None
    assert torch.allclose(together.forces[-len(alone.forces) :], alone.forces, atol=1e-12)
    assert torch.allclose(together.energy[-1:], alone.energy, atol=1e-11)


def test_a_graph_without_edges_is_the_models_own() -> None:
    model = random_model(CONFIGS["paper"]).train()
    graph = collate([model.graph(Atoms("Cu")), model.graph(Atoms("O"))])
    found = loss_and_gradients(model, in_blocks(model), graph)
    assert_close(found, loss_and_gradients(model, model, graph), 1e-12)


def test_a_run_in_blocks_trains_as_the_reference_does(tmp_path: Path) -> None:
    data = write_data(tmp_path)
    losses = []
    for edge_blocks in (True, False):
        config = small_config(edge_blocks=edge_blocks, precision="float64", epochs=2)
        result = run_training(config, data, tmp_path / str(edge_blocks))
        losses.append(result.validation["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)


def test_derivatives_of_silu() -> None:
    x = torch.linspace(-4, 4, 9, dtype=torch.float64, requires_grad=True)
    assert torch.equal(silu(x), torch.nn.functional.silu(x))
    assert gradcheck(silu, x) and gradgradcheck(silu, x)


def test_blocks_hold_whole_atoms_and_few_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "MOST_ATOMS", 3)
    received = [0, 40, 61, 40, 300, 0, 0, 0, 0, 5]
    spans = edges._spans(received)
    assert spans == [(2, 40), (1, 61), (1, 40), (1, 300), (3, 0), (2, 5)]
    assert edges._spans([]) == [(0, 0)]
