"""The start of a training from weights, for networks of the kit: described, and written in the format of `train`.

A `worker.py` with `start(request)` lets trainings go on from every file that it can load. The package's own formats are
read once, by the worker; the trainer reads what `start` wrote into the run's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import torch_kit
from ase.data import chemical_symbols
from checkpoint import read_checkpoint
from loop import TrainingError
from loop.adapters import add_low_rank, freeze
from torch import nn
from worker_kit import LoadRequest, RefusedError


class StartRequest(LoadRequest):
    """The request for `start`: weights as for `load`, and what becomes of them."""

    target: str  # file to write
    freeze: Sequence[str]
    lora: int | None


class Start(TypedDict):
    """What a training takes from the weights that it starts from."""

    architecture: dict[str, Any]  # in the package's own words
    elements: list[str] | None  # symbols, in the order of the network's tables; None if it has rows for all
    references: dict[str, float]  # eV, outside the network
    energy_scale: float  # eV


def starter(build: torch_kit.Build) -> Callable[[StartRequest], Start]:
    """The `start` of a worker whose networks come from `build(architecture, elements)`; for files of our training."""

    def start(request: StartRequest) -> Start:
        file = Path(str(request["checkpoint"]))
        settings, _ = read_checkpoint(file)
        return started(torch_kit.restore(file, build, stress=request["stress"]), settings["architecture"], request)

    return start


def started(scaled: torch_kit.Scaled, architecture: dict[str, Any], request: StartRequest) -> Start:
    """Write `scaled` to the request's target, and describe it.

    Args:
        scaled: the network of the weights.
        architecture: makes the same network with the row's `build`.
        request: names the target, and what is frozen or changed.

    Raises:
        RefusedError: a pattern or a rank that fits nothing of the network.
    """
    torch_kit.save(scaled, architecture, Path(request["target"]))
    refuse_parts(scaled.network, request)
    known = scaled.network.elements
    energies = dict(zip(chemical_symbols, scaled.references.tolist(), strict=True))
    return {
        "architecture": architecture,
        "elements": None if known is None else list(known),
        "references": {symbol: energies[symbol] for symbol in known or chemical_symbols[1:]},
        "energy_scale": float(scaled.scale),
    }


def refuse_parts(network: nn.Module, request: StartRequest) -> None:
    """Refuse what the training would refuse later, by the same functions; the network is not used after this."""
    try:
        if request["lora"] is not None:
            add_low_rank(network, request["lora"], seed=0)
        freeze(network, request["freeze"])
    except TrainingError as error:
        raise RefusedError(str(error)) from None
