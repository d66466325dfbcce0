"""Parts of a trained network that stay as they are, and low-rank changes of its linear maps (LoRA)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from . import TrainingError


class LowRank(nn.Module):
    """A matrix plus the product of two thin ones, which starts at zero (Hu et al., arXiv:2106.09685)."""

    def __init__(self, weight: Tensor, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(torch.randn(rank, columns, generator=generator).to(weight) / columns**0.5)
        self.up = nn.Parameter(torch.zeros(rows, rank).to(weight))

    def forward(self, weight: Tensor) -> Tensor:
        """The changed matrix."""
        return weight + self.up @ self.down


def freeze(network: nn.Module, patterns: Sequence[str]) -> int:
    """Keep the parameters whose names match a pattern (`*` for anything) as they are; returns how many values.

    Raises:
        TrainingError: a pattern matches nothing, or nothing is left to train.
    """
    names = dict(network.named_parameters())
    for pattern in patterns:
        matching = [name for name in names if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")]
        if not matching:
            raise TrainingError(
                f"finetune.freeze: no parameter matches {pattern!r}; the network has {', '.join(_parts([*names]))}"
            )
        for name in matching:
            names[name].requires_grad_(False)
    frozen = sum(value.numel() for value in names.values() if not value.requires_grad)
    if patterns and frozen == sum(value.numel() for value in names.values()):
        raise TrainingError("finetune.freeze: the patterns match every parameter and leave nothing to train")
    return frozen


def _parts(names: Sequence[str]) -> list[str]:
    """The beginnings of names, cut where they first differ."""
    paths = [name.split(".") for name in names]
    depth = 1
    while len({tuple(path[:depth]) for path in paths}) == 1 and depth < min(map(len, paths)):
        depth += 1
    return sorted({".".join(path[:depth]) for path in paths})


def add_low_rank(network: nn.Module, rank: int, seed: int) -> int:
    """Train low-rank changes of the linear maps alone; everything else is frozen. Returns the number of values.

    Maps that are thinner than `rank` in one direction stay as they are.

    Raises:
        TrainingError: no linear map is large enough.
    """
    network.requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    changed = 0
    for module in list(network.modules()):
        if isinstance(module, nn.Linear) and min(module.weight.shape) > rank:
            adapter = LowRank(module.weight, rank, generator)
            parametrize.register_parametrization(module, "weight", adapter, unsafe=True)
            changed += sum(value.numel() for value in adapter.parameters())
    if not changed:
        raise TrainingError(f"finetune.lora: no linear map of the network is larger than rank {rank}")
    return changed


def plain(network: nn.Module) -> nn.Module:
    """The network without adapters: a copy whose linear maps contain their changes, or itself if it has none."""
    if not any(parametrize.is_parametrized(module) for module in network.modules()):
        return network
    merged = copy.deepcopy(network)
    for name, module in list(merged.named_modules()):
        if parametrize.is_parametrized(module):
            parent, _, place = name.rpartition(".")
            setattr(merged.get_submodule(parent), place, _plain_linear(module))
    return merged


def _plain_linear(module: nn.Module) -> nn.Linear:
    """A new map: torch's own removal of adapters would take them off every copy, because copies share their class."""
    weight, bias = cast(torch.Tensor, module.weight), cast("torch.Tensor | None", module.bias)
    linear = nn.Linear(
        weight.shape[1], weight.shape[0], bias=bias is not None, device=weight.device, dtype=weight.dtype
    )
    with torch.no_grad():
        linear.weight.copy_(weight)
        if bias is not None:
            linear.bias.copy_(bias)
    return linear
