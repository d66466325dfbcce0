"""Settings that leave the usual form: named, off by default, and never lost on the way to a faster path."""

import pytest
import torch
from ase import Atoms
from model_samples import REFERENCE_ONLY, alloy, paper_config, random_model
from torch import nn

from alphanet.errors import UserError
from alphanet.model.alphanet import AlphaNet
from alphanet.model.config import AlphaNetConfig
from alphanet.model.create import create_model
from alphanet.model.evaluator import evaluation
from alphanet.model.fast.model import FastModel
from alphanet.model.geometry import second_moments
from alphanet.model.prediction import predict


def test_the_defaults_are_the_usual_form() -> None:
    usual = paper_config()
    assert usual.without_fast_path == ()
    assert (usual.moments, usual.temporal_residual, usual.transition_gate) == (1, False, True)
    assert usual.initial_weights == "torch"


@pytest.mark.parametrize("mode", ["blocked", "compiled"])
@pytest.mark.parametrize("name", REFERENCE_ONLY)
def test_the_fast_path_says_that_the_reference_is_used(name: str, mode: str) -> None:
    model = random_model(REFERENCE_ONLY[name])
    (setting,) = model.config.without_fast_path
    with pytest.warns(UserWarning, match=f"no fast path for {setting}") as lines:
        engine = evaluation(model, mode)
    graph = model.graph(alloy())
    assert engine.mode == "eager" and len(lines) == 1
    assert torch.equal(engine.predict(graph).energy, predict(model, graph).energy)
    with pytest.raises(UserError, match=setting):
        FastModel(model, compiled=False)


def test_a_residual_without_a_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="temporal_residual needs temporal"):
        AlphaNetConfig(elements=("H",), temporal=False, temporal_residual=True)


def test_xavier_weights_are_those_of_glorot() -> None:
    """Uniform with variance 2 / (fan in + fan out); everything else keeps its initial weights."""
    usual, other = (
        create_model(paper_config(hidden_channels=64, initial_weights=form)) for form in ("torch", "xavier")
    )
    assert isinstance(usual, AlphaNet) and isinstance(other, AlphaNet)
    layer = other.messages[0]
    linear = layer.surroundings[0]
    assert isinstance(linear, nn.Linear)
    assert torch.all(linear.bias == 0) and torch.all(layer.radial.bias == 0)
    fans = linear.in_features + linear.out_features
    assert float(linear.weight.detach().var()) == pytest.approx(2 / fans, rel=0.05)
    assert float(linear.weight.detach().abs().max()) <= (6 / fans) ** 0.5
    assert torch.equal(usual.structure.scalarize, other.structure.scalarize)
    assert usual.n_parameters == other.n_parameters


def test_second_moments_of_known_surroundings() -> None:
    """Of a square in the plane z = 0: 4 (diag(1, 1, 0) / 2 - 1 / 3); of a tetrahedron: zero."""
    model = random_model(paper_config())
    square = [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]
    tetrahedron = [[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
    wanted = {"square": torch.diag(torch.tensor([2 / 3, 2 / 3, -4 / 3])), "tetrahedron": torch.zeros(3, 3)}
    for name, points in (("square", square), ("tetrahedron", tetrahedron)):
        graph = model.graph(Atoms("CuO4", positions=[[0, 0, 0], *points]))
        at_center = graph.receiver == 0
        vector = graph.positions[graph.sender] - graph.positions[graph.receiver]
        direction = vector / vector.norm(dim=1, keepdim=True)
        received = at_center[:, None].to(vector)
        found = second_moments(direction, received, graph)[0, :, :, 0]
        assert torch.allclose(found, wanted[name].to(found), atol=1e-12)
