"""Exponential moving average of weights."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Model = TypeVar("Model", bound=nn.Module)


def averaged_copy(model: Model) -> Model:
    """A copy of `model` that is not trained; as a submodule it is saved, resumed and moved with everything else."""
    return copy.deepcopy(model).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """Move `average` towards `model` after optimizer step number `step` (from 1).

    Early steps count more, min(decay, (1 + step) / (10 + step)), so that the initial weights are soon forgotten.
    """
    weight = 1.0 - min(decay, (1.0 + step) / (10.0 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), weight)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)
