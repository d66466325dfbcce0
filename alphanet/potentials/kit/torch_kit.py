"""Networks written in PyTorch behind the worker protocol: batches, derivatives, scales, and files without code.

A row whose package leaves the loop around the network to its users has a `network.py` with
`build(architecture, elements) -> Network`; its `worker.py` is then `load = torch_kit.loader(build)` and
`torch_training.train`.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from amplification import amplify
from ase.data import chemical_symbols
from checkpoint import read_checkpoint, write_checkpoint
from devices import backend_of
from edges import periodic_edges
from torch import Tensor, nn
from worker_kit import LoadRequest, RefusedError, Structures, refuse_unknown

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
    """The result of a `network.py`; `forward(batch)` returns energies (B,).

    If `direct`, it returns energies, forces (N, 3) and, where the card says so, stresses (B, 3, 3).

    Positions and cells arrive in float64 whatever the precision of the weights; unless `direct`, strained and
    differentiable.
    """

    direct = False  # whether the network predicts forces itself
    cutoff: float | None = None  # Å; if None, the package finds its own neighbors
    elements: Sequence[str] | None = None  # symbols; all if None

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the weights."""
        return next(parameter.dtype for parameter in self.parameters() if parameter.is_floating_point())

    def make_compilable(self) -> None:
        """Replace what `torch.compile` cannot take, if need be; a `RefusedError` if there is no way."""


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
            answer = {"energy": self._total(energy, batch), "forces": forces.double() * self.scale}
            if self.stress and stress:  # a row's network may have it in some settings only
                answer["stress"] = torch.where(_volumes(batch).isinf(), 0.0, stress[0].double() * self.scale)
            return answer
        with torch.enable_grad():
            strained, positions, strain = _strained(batch)
            energy = self.network(strained)
            by_position, by_strain = _derivatives(energy, positions, strain, differentiable)
        answer = {"energy": self._total(energy, batch), "forces": -by_position * self.scale}
        if self.stress:
            answer["stress"] = by_strain * self.scale / _volumes(batch)
        return answer

    def _total(self, energy: Tensor, batch: Batch) -> Tensor:
        references = self.references.new_zeros(len(batch.counts))
        references = references.index_add(0, batch.batch, self.references[batch.numbers])
        return energy.double() * self.scale + references


class Model:
    """A network on a device as the worker's model."""

    def __init__(self, scaled: Scaled, request: LoadRequest) -> None:
        """Of `request` count the `device` and the `mode`, eager or compiled."""
        self._device = request["device"]
        self._trainable = [name for name, weights in scaled.named_parameters() if weights.requires_grad]
        self._scaled = scaled.eval().requires_grad_(False).to(self._device)
        self._reference: Scaled | None = None
        self._training: tuple[Scaled, torch.optim.Optimizer] | None = None
        network = scaled.network
        self._compiled = request.get("mode", "eager") == "compiled"
        if self._compiled:
            network.make_compilable()
            compile_module(network, self._device)
        self.info: dict[str, object] = {
            "parameters": sum(weights.numel() for weights in network.parameters()),
            "dtype": str(network.dtype).removeprefix("torch."),
            "mode": "compiled" if self._compiled else "eager",
            "reference": "float64 eager",
            "amplification": request.get("amplification", 1.0),
        }
        self.info |= {key: value for key in ("cutoff", "elements") if (value := getattr(network, key)) is not None}

    def predict(self, structures: Structures) -> dict[str, np.ndarray]:
        """Energies (B,) eV, forces (N, 3) eV/Å, stresses (B, 3, 3) eV/Å^3."""
        return self.evaluate(self.prepare(structures))

    def prepare(self, structures: Structures) -> Batch:
        """The graph of the structures, on the device; with a dimer at its end where the network is compiled."""
        network = self._scaled.network
        if network.elements is not None:
            refuse_unknown(structures.numbers, network.elements)
        return batched(with_dimer(structures) if self._compiled else structures, network.cutoff).to(self._device)

    def evaluate(self, batch: Batch) -> dict[str, np.ndarray]:
        """Predictions from the graph, on the host."""
        answer = on_host(self._scaled(batch))
        return without_dimer(answer) if self._compiled else answer

    def reference(self, structures: Structures) -> dict[str, np.ndarray]:
        """The predictions of `predict`, computed in float64 by PyTorch's own operations."""
        if self._reference is None:
            self._reference = copy.deepcopy(self._scaled).double()  # a copy of a compiled network is not compiled
        batch = batched(structures, self._reference.network.cutoff).to(self._device)
        with in_float64():
            return on_host(self._reference(batch))

    def train_step(self, batch: Batch) -> float:
        """The loss before a step of Adam towards energies per atom and forces of zero, on what `prepare` gives.

        The steps change a copy of the network, which is never compiled: that would take no second derivatives.
        """
        if self._training is None:
            scaled = copy.deepcopy(self._scaled).train()
            for name in self._trainable:
                scaled.get_parameter(name).requires_grad_(True)
            self._training = scaled, torch.optim.Adam((scaled.get_parameter(name) for name in self._trainable), 1e-3)
        scaled, optimizer = self._training
        optimizer.zero_grad()
        answer = scaled(batch, differentiable=True)
        loss = (answer["energy"] / batch.counts).abs().mean() + answer["forces"].abs().mean()
        loss.backward()
        optimizer.step()
        return float(loss.detach())


Build = Callable[[dict[str, Any], Sequence[str]], Network]


def loader(build: Build) -> Callable[[LoadRequest], Model]:
    """The `load` of a worker whose networks come from `build(architecture, elements)`."""

    def load(request: LoadRequest) -> Model:
        torch.set_num_threads(request["threads"])
        if request["checkpoint"] is None:
            torch.manual_seed(request["seed"])
            scaled = Scaled(build(request["architecture"], request["elements"]), stress=request["stress"])
            amplify(scaled.network, request.get("amplification", 1.0))
        else:
            scaled = restore(Path(request["checkpoint"]), build, stress=request["stress"])
        scaled.network.to(getattr(torch, request["dtype"]))
        return Model(scaled, request)

    return load


def compile_module(module: nn.Module, device: str) -> None:
    """Let torch compile the forward pass of `module` when it is first called, once for all sizes of its inputs.

    No size may be 0 or 1: these get code of their own.

    Raises:
        RefusedError: there is no compiler.
    """
    require_compiler(device)
    part_sizes()
    torch._dynamo.config.capture_scalar_outputs = True
    torch._dynamo.config.capture_dynamic_output_shape_ops = True
    module.compile(dynamic=True)


def refuse_compiled(request: LoadRequest, name: str, why: str) -> None:
    """Refuse the compiled mode for what has none."""
    if request.get("mode", "eager") == "compiled":
        raise RefusedError(f"{name} has no compiled mode: {why}")


def part_sizes() -> None:
    """Tell torch that sizes equal by chance, such as structures in a batch and ends of an edge, may differ later."""
    import torch.fx.experimental._config as sizes

    sizes.use_duck_shape = False


def require_compiler(device: str) -> None:
    """Refuse where torch finds no C++ compiler or, for a GPU, no Triton."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler
    from torch.utils._triton import has_triton

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        raise RefusedError(
            "the compiled mode needs a C++ compiler (g++ or clang++, or set CXX); there is none"
        ) from None
    if backend_of(device).triton and not has_triton():
        raise RefusedError("the compiled mode needs Triton on a GPU; it is not in this environment, or too new for it")


@contextlib.contextmanager
def in_float64() -> Iterator[None]:
    """Meanwhile, constants that a network makes as it runs are in float64."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(default)


def with_dimer(structures: Structures) -> Structures:
    """The structures and two bonded atoms, so that no number of structures, atoms or edges is 0 or 1."""
    return Structures(
        counts=np.append(structures.counts, 2),
        numbers=np.append(structures.numbers, [structures.numbers[0]] * 2),
        positions=np.concatenate([structures.positions, [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]]),
        cells=np.concatenate([structures.cells, np.zeros((1, 3, 3))]),
        pbc=np.concatenate([structures.pbc, np.zeros((1, 3), bool)]),
    )


def without_dimer(answer: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Predictions for `with_dimer(structures)` without those for the dimer."""
    return {key: values[: -2 if key == "forces" else -1] for key, values in answer.items()}


def on_host(answer: dict[str, Tensor]) -> dict[str, np.ndarray]:
    """Predictions as arrays in float64."""
    return {key: values.detach().double().cpu().numpy() for key, values in answer.items()}


def save(scaled: Scaled, architecture: dict[str, Any], file: Path) -> None:
    """Write weights, scale, reference energies and settings; see `write_checkpoint`."""
    elements = scaled.network.elements
    settings = {"architecture": architecture, "elements": None if elements is None else list(elements)}
    write_checkpoint(file, scaled.state_dict(), settings)


def restore(file: Path, build: Build, *, stress: bool) -> Scaled:
    """The network that `save` wrote.

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


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of several, in order."""
    sizes = [(len(part.numbers), len(part.counts)) for part in batches]
    atoms, structures = (np.cumsum([0, *numbers]).tolist() for numbers in zip(*sizes, strict=True))
    plain = ("counts", "numbers", "positions", "cells", "pbc", "images")
    return Batch(
        **{name: torch.cat([getattr(part, name) for part in batches]) for name in plain},
        batch=torch.cat([part.batch + first for part, first in zip(batches, structures, strict=False)]),
        edge_index=torch.cat([part.edge_index + first for part, first in zip(batches, atoms, strict=False)], dim=1),
    )


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
