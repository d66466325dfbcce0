"""AlphaNet: benchmark and reproduction suite for interatomic potentials.

The public names are imported on first use, because they import torch and the command line must answer at once.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alphanet.calculator import AlphaNetCalculator
    from alphanet.measure.evaluation import evaluate
    from alphanet.model.alphanet import AlphaNet
    from alphanet.model.checkpoint import load_model
    from alphanet.potentials.opening import LoadOptions, open_potential
    from alphanet.report.reproduction import reproduce
    from alphanet.spread_limit import SpreadLimit
    from alphanet.training.api import train

__version__ = "0.1.0"
__all__ = [
    "AlphaNet",
    "AlphaNetCalculator",
    "LoadOptions",
    "SpreadLimit",
    "__version__",
    "evaluate",
    "load_model",
    "open_potential",
    "reproduce",
    "train",
]

_HOME_OF = {
    "AlphaNet": "alphanet.model.alphanet",
    "AlphaNetCalculator": "alphanet.calculator",
    "LoadOptions": "alphanet.potentials.opening",
    "SpreadLimit": "alphanet.spread_limit",
    "evaluate": "alphanet.measure.evaluation",
    "load_model": "alphanet.model.checkpoint",
    "open_potential": "alphanet.potentials.opening",
    "reproduce": "alphanet.report.reproduction",
    "train": "alphanet.training.api",
}


def __getattr__(name: str) -> Any:
    """Import the public names lazily (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'alphanet' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME_OF[name]), name)
