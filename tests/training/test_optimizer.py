import copy

import pytest
import torch
from torch import nn
from training_samples import small_config

from alphanet.model.create import create_model
from alphanet.potentials.kit.loop import TrainingError
from alphanet.potentials.kit.loop.optimizer import hidden_matrices, optimizer_of


class Network(nn.Module):
    """One matrix between hidden layers, and what is none."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.hidden, self.readout = nn.Embedding(3, 4), nn.Linear(4, 5), nn.Linear(5, 1)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = self.readout(self.hidden(self.embedding(index)).tanh()).sum()
        return value


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network()


def trained(network: nn.Module, optimizer: torch.optim.Optimizer, rates: list[float]) -> dict[str, torch.Tensor]:
    """The weights after a step with each learning rate."""
    for rate in rates:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        network(torch.tensor([0, 1, 2])).backward()
        optimizer.step()
    return {name: weight.detach().clone() for name, weight in network.named_parameters()}


def test_muon_moves_hidden_matrices_as_torch_does_and_adam_the_others(network: Network) -> None:
    other = copy.deepcopy(network)
    both = trained(network, optimizer_of(network, small_config(optimizer="muon")), [0.1, 0.02])
    muon = torch.optim.Muon([other.hidden.weight], weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    rest = [weight for name, weight in other.named_parameters() if name != "hidden.weight"]
    adam = torch.optim.Adam(rest)
    for rate in (0.1, 0.02):
        muon.param_groups[0]["lr"] = adam.param_groups[0]["lr"] = rate
        other.zero_grad()
        other(torch.tensor([0, 1, 2])).backward()
        muon.step()
        adam.step()
    for name, weight in other.named_parameters():
        assert torch.allclose(weight, both[name], atol=1e-6), name


def test_a_restored_optimizer_goes_on_with_the_same_steps(network: Network) -> None:
    settings = small_config(optimizer="muon")
    optimizer = optimizer_of(network, settings)
    trained(network, optimizer, [0.1, 0.05])
    other, state = copy.deepcopy(network), copy.deepcopy(optimizer.state_dict())
    restored = optimizer_of(other, settings)
    restored.load_state_dict(state)
    expected, found = trained(network, optimizer, [0.02]), trained(other, restored, [0.02])
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_hidden_matrices_of_alphanet_are_those_of_its_linear_maps() -> None:
    model = create_model(small_config().network(["Cu", "Au"]))
    names = {id(weight): name for name, weight in model.named_parameters()}
    found = {names[id(weight)] for weight in hidden_matrices(model)}
    assert "messages.0.features.0.weight" in found and "transitions.0.mix.weight" in found
    assert not any("embedding" in name or name in ("readout.weight", "temporal.output.weight") for name in found)


def test_a_torch_without_muon_is_named(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(TrainingError, match=r"muon needs torch 2\.9 or newer, this is .*; choose adam"):
        optimizer_of(network, small_config(optimizer="muon"))
