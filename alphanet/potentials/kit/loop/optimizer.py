"""Optimizers of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from . import TrainingError

if TYPE_CHECKING:
    from alphanet.training.settings import TrainingSettings


def optimizer_of(model: nn.Module, settings: TrainingSettings) -> Optimizer:
    """The optimizer of the weights of `model`.

    Raises:
        TrainingError: the torch of this environment has no Muon.
    """
    rates = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay}
    if settings.optimizer == "muon":
        return MuonAdam(model, **rates)
    kind = {"adam": Adam, "adamw": AdamW}[settings.optimizer]
    return kind(model.parameters(), fused=True, **rates)


class MuonAdam(Optimizer):
    """Muon (K. Jordan et al., 2024) for the matrices of hidden linear maps, Adam for every other weight.

    Muon's steps have the root mean square of Adam's (Moonlight, arXiv:2502.16982), so that both take one learning rate.
    """

    def __init__(self, model: nn.Module, lr: float, weight_decay: float) -> None:
        hidden = {id(matrix) for matrix in hidden_matrices(model)}
        matrices = [weight for weight in model.parameters() if id(weight) in hidden]
        others = [weight for weight in model.parameters() if id(weight) not in hidden]
        self._parts: list[Optimizer] = [Adam(others, lr=lr, weight_decay=weight_decay, fused=True)]
        if not hasattr(torch.optim, "Muon"):
            raise TrainingError(f"optimizer: muon needs torch 2.9 or newer, this is {torch.__version__}; choose adam")
        if matrices:
            muon = torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
            self._parts.append(muon)
        super().__init__([group for part in self._parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: Any = None) -> Any:
        """One step of both."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore both."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Let the parts work on the groups and the state of the whole, which schedules change and checkpoints keep."""
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state


def hidden_matrices(model: nn.Module) -> list[Tensor]:
    """Weights of linear maps with more than one input and output."""
    maps = (module for module in model.modules() if isinstance(module, nn.Linear))
    return [linear.weight for linear in maps if linear.weight.requires_grad and min(linear.weight.shape) > 1]
