"""Amplified random weights: small initial weights hide what an architecture could tell apart.

Run inside the baselines' environments, too; it needs torch and nothing of alphanet.
"""

from __future__ import annotations

import torch
from torch import nn

KEPT = ("bias", "bessel", "freq", "norm")  # in names: offsets, wave numbers and scales of norms, which are no matrices


def amplify(module: nn.Module, factor: float) -> None:
    """Multiply all weights of `module` by `factor`, but not biases, scales of norms and wave numbers of the basis."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not any(word in name.lower() for word in KEPT):
                parameter.mul_(factor)
