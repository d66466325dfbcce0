"""Networks written in PyTorch behind the worker protocol: batches, derivatives, scales, and files without code.

A row whose package leaves the loop around the network to its users has a `network.py` with
`build(architecture, elements) -> Network`; its `worker.py` is then `load = torch_kit.loader(build)` and
`torch_training.train`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase.data import chemical_symbols
from checkpoint import read_checkpoint, write_checkpoint
from edges import periodic_edges
from torch import Tensor, nn
from worker_kit import RefusedError, Structures, refuse_unknown

SIZE = len(chemical_symbols)


@dataclass
class Batch:
    """B structures of N atoms as tensors; E directed edges where the network has a cutoff, else none."""

    counts: Tensor  # (B,) atoms in each structure
    numbers: Tensor  # (N,) atomic numbers
    positions: Tensor  # (N, 3) Å
    cells: Tensor  # (B, 3, 3) Å, rows are lattice vectors
    pbc: Tensor  # (B, 3) bool
    batch: Tensor  # (N,) the structure of each atom
    edge_index: Tensor  # (2, E) sender and receiver, sorted by receiver
    images: Tensor  # (E, 3) lattice vectors added to the sender

    def vectors(self) -> Tensor:
        """(E, 3) Å from receiver to sender."""
        sender, receiver = self.edge_index
        shifts = torch.einsum("ei,eij->ej", self.images, self.cells[self.batch[receiver]])
        return self.positions[sender] + shifts - self.positions[receiver]

    def to(self, device: torch.device | str) -> Batch:
        """The same on `device`."""
        return Batch(*(getattr(self, field.name).to(device) for field in fields(self)))


class Network(nn.Module):
    """What a `network.py` makes; `forward(batch)` returns energies (B,), or, if `direct`, energies, forces (N, 3) and,
    where the card says so, stresses (B, 3, 3).

    Positions and cells arrive in float64 whatever the precision of the weights; unless `direct`, strained and
    differentiable.
    """

    direct = False  # whether the network predicts forces itself
    cutoff: float | None = None  # Å; none: the package finds its own neighbours
    elements: Sequence[str] | None = None  # symbols; none: all

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(parameter.dtype for parameter in self.parameters() if parameter.is_floating_point())


class Scaled(nn.Module):
    """A network whose unit is `scale` (eV), on top of the reference energy of each element, in float64."""

    references: Tensor
    scale: Tensor

    def __init__(self, network: Network, *, stress: bool) -> None:
        super().__init__()
        self.network, self.stress = network, stress
        self.register_buffer("references", torch.zeros(SIZE, dtype=torch.float64))
        self.register_buffer("scale", torch.ones((), dtype=torch.float64))

    def forward(self, batch: Batch, *, differentiable: bool = False) -> dict[str, Tensor]:
        """Energy (B,) eV, forces (N, 3) eV/Å, and stress (B, 3, 3) eV/Å^3 where the network has one.

        Args:
            batch: the structures.
            differentiable: whether a loss of forces will be differentiated.
        """
        if self.network.direct:
            with torch.set_grad_enabled(differentiable):
                energy, forces, *stress = self.network(batch)
            found = {"energy": self._total(energy, batch), "forces": forces.double() * self.scale}
            if self.stress:
                found["stress"] = torch.where(_volumes(batch).isinf(), 0.0, stress[0].double() * self.scale)
            return found
        with torch.enable_grad():
            strained, positions, strain = _strained(batch)
            energy = self.network(strained)
            by_position, by_strain = _derivatives(energy, positions, strain, differentiable)
        found = {"energy": self._total(energy, batch), "forces": -by_position * self.scale}
        if self.stress:
            found["stress"] = by_strain * self.scale / _volumes(batch)
        return found

    def _total(self, energy: Tensor, batch: Batch) -> Tensor:
        references = self.references.new_zeros(len(batch.counts))
        references = references.index_add(0, batch.batch, self.references[batch.numbers])
        return energy.double() * self.scale + references


class Model:
    """A network on a device as the worker's model."""

    def __init__(self, scaled: Scaled, device: str) -> None:
        self._scaled = scaled.eval().requires_grad_(False).to(device)
        self._device = device
        network = scaled.network
        self.info: dict[str, Any] = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "dtype": str(network.dtype).removeprefix("torch."),
        }
        self.info |= {key: value for key in ("cutoff", "elements") if (value := getattr(network, key)) is not None}

    def predict(self, structures: Structures) -> dict[str, np.ndarray]:
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures: Structures) -> Batch:
        """The graph of the structures, on the device."""
        network = self._scaled.network
        if network.elements is not None:
            refuse_unknown(structures.numbers, network.elements)
        return batched(structures, network.cutoff).to(self._device)

    def evaluate(self, batch: Batch) -> dict[str, np.ndarray]:
        """What the network makes of the graph, on the host."""
        return {key: value.detach().cpu().numpy() for key, value in self._scaled(batch).items()}


Build = Callable[[dict[str, Any], Sequence[str]], Network]


def loader(build: Build) -> Callable[[dict[str, Any]], Model]:
    """The `load` of a worker whose networks come from `build(architecture, elements)`."""

    def load(request: dict[str, Any]) -> Model:
        torch.set_num_threads(request["threads"])
        if request["checkpoint"] is None:
            torch.manual_seed(request["seed"])
            scaled = Scaled(build(request["architecture"], request["elements"]), stress=request["stress"])
        else:
            scaled = restore(Path(request["checkpoint"]), build, stress=request["stress"])
        scaled.network.to(getattr(torch, request["dtype"]))
        return Model(scaled, request["device"])

    return load


def save(scaled: Scaled, architecture: dict[str, Any], file: Path) -> None:
    """Write weights, scale, reference energies and settings; see `write_checkpoint`."""
    elements = scaled.network.elements
    settings = {"architecture": architecture, "elements": None if elements is None else list(elements)}
    write_checkpoint(file, scaled.state_dict(), settings)


def restore(file: Path, build: Build, *, stress: bool) -> Scaled:
    """What `save` wrote.

    Raises:
        RefusedError: another format, or weights that do not fit the settings beside them.
    """
    settings, tensors = read_checkpoint(file)
    scaled = Scaled(build(settings["architecture"], settings["elements"] or ()), stress=stress)
    try:
        scaled.load_state_dict(tensors)
    except RuntimeError as error:
        raise RefusedError(f"{file} does not fit its own settings: {str(error).splitlines()[-1].strip()}") from None
    return scaled


def batched(structures: Structures, cutoff: float | None) -> Batch:
    """Structures as tensors on the CPU, with all periodic edges within `cutoff` (Å)."""
    edge_index, images = (
        (np.empty((2, 0), np.int64), np.empty((0, 3))) if cutoff is None else periodic_edges(structures, cutoff)
    )
    arrays = (structures.counts, structures.numbers, structures.positions, structures.cells, structures.pbc)
    every = (*arrays, structures.batch, edge_index, images)
    return Batch(*(torch.from_numpy(np.ascontiguousarray(array)) for array in every))


def _strained(batch: Batch) -> tuple[Batch, Tensor, Tensor]:
    """The batch under a strain of zero, with what is differentiated: positions and strain."""
    positions = batch.positions.detach().clone().requires_grad_(True)
    strain = batch.cells.new_zeros(batch.cells.shape).requires_grad_(True)
    deformed = torch.eye(3, dtype=strain.dtype, device=strain.device) + (strain + strain.transpose(1, 2)) / 2
    moved = torch.einsum("ni,nij->nj", positions, deformed[batch.batch])
    values = {field.name: getattr(batch, field.name) for field in fields(batch)}
    return Batch(**{**values, "positions": moved, "cells": batch.cells @ deformed}), positions, strain


def _derivatives(energy: Tensor, positions: Tensor, strain: Tensor, differentiable: bool) -> tuple[Tensor, Tensor]:
    gradients = torch.autograd.grad(
        energy.sum(), (positions, strain), create_graph=differentiable, materialize_grads=True
    )
    return gradients[0], gradients[1]


def _volumes(batch: Batch) -> Tensor:
    """(B, 1, 1) Å^3; infinite where the cell has no volume, so that the stress is zero."""
    volumes = torch.linalg.det(batch.cells).abs()
    return torch.where(volumes > 0, volumes, torch.inf)[:, None, None]
