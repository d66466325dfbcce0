"""Frames as graphs with labels, made when they are needed, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from torch import Tensor
from torch.utils.data import Dataset


@dataclass(frozen=True)
class Batch:
    """B labeled structures of N atoms together."""

    graph: Any  # the network's input, with `batch` (N,), the structure of each atom, `positions`, and `to(device)`
    energy: Tensor  # (B,) eV, float64, zero if there is none
    forces: Tensor  # (N, 3) eV/Å, in the graph's precision, zero if there are none
    stress: Tensor  # (B, 3, 3) eV/Å^3, zero if there is none
    has_energy: Tensor  # (B,) bool
    has_forces: Tensor  # (B,) bool
    has_stress: Tensor  # (B,) bool
    frames: Tensor  # (B,) int64, on the CPU, index of each structure in its file

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "frames"}
        return Batch(**moved, frames=self.frames)

    def sum_over_atoms(self, values: Tensor) -> Tensor:
        """(B, …) sums of the (N, …) `values` over the atoms of each structure."""
        total = values.new_zeros((len(self.energy), *values.shape[1:]))
        return total.index_add(0, self.graph.batch, values)


class Prediction(NamedTuple):
    """Answer of a network for a batch of B structures and N atoms."""

    energy: Tensor  # (B,) eV, float64
    forces: Tensor | None  # (N, 3) eV/Å
    stress: Tensor | None  # (B, 3, 3) eV/Å^3


class Frames(Protocol):
    """Structures with checked labels."""

    path: Any  # of their file
    indices: Any  # (n,) int, of the frames in their file

    def __len__(self) -> int:
        """Number of frames."""

    def __getitem__(self, index: int) -> Atoms:
        """A structure with its labels."""

    def name(self, index: int) -> str:
        """How errors call a frame."""


class GraphDataset(Dataset[Batch]):
    """Frames as batches of one; memory does not grow with their number beyond `cache_mb`.

    Args:
        frames: structures and labels.
        to_graph: makes the graph of a structure.
        join: makes one graph of several.
        cache_mb: keep graphs up to this size in memory, so that later epochs need not make them again.
        refusals: errors of `to_graph` that get the frame's name.
    """

    def __init__(
        self,
        frames: Frames,
        to_graph: Callable[[Atoms], Any],
        join: Callable[[Sequence[Any]], Any],
        cache_mb: int = 0,
        refusals: type[Exception] = ValueError,
    ) -> None:
        self.frames = frames
        self._to_graph, self._join, self._refusals = to_graph, join, refusals
        self._cache: dict[int, Batch] = {}
        self._room = cache_mb * 2**20

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> Batch:
        """One frame.

        Raises:
            Exception: the frames' own for unsound labels, `refusals` for a structure without a graph; both name the
                frame.
        """
        if index in self._cache:
            return self._cache[index]
        atoms = self.frames[index]
        try:
            item = _item(atoms, self._to_graph(atoms), int(self.frames.indices[index]))
        except self._refusals as error:
            raise self._refusals(f"{self.frames.name(index)}: {error}") from error
        size = _size_of(item)
        if size <= self._room:
            self._room -= size
            self._cache[index] = item
        return item

    def collate(self, items: Sequence[Batch]) -> Batch:
        """One batch of several."""
        labels = ("energy", "forces", "stress", "has_energy", "has_forces", "has_stress", "frames")
        joined = {name: torch.cat([getattr(item, name) for item in items]) for name in labels}
        return Batch(graph=self._join([item.graph for item in items]), **joined)


def _item(atoms: Atoms, graph: Any, frame: int) -> Batch:
    dtype = graph.positions.dtype
    labels = atoms.calc.results
    energy, forces = labels.get("energy"), labels.get("forces")
    has_stress = counts_stress(atoms)
    stress = voigt_6_to_full_3x3_stress(labels["stress"]) if has_stress else np.zeros((3, 3))
    return Batch(
        graph=graph,
        energy=torch.tensor([0.0 if energy is None else float(energy)], dtype=torch.float64),
        forces=torch.as_tensor(
            np.zeros((len(atoms), 3)) if forces is None else np.asarray(forces, dtype=np.float64), dtype=dtype
        ),
        stress=torch.as_tensor(stress[None], dtype=dtype),
        has_energy=torch.tensor([energy is not None]),
        has_forces=torch.tensor([forces is not None]),
        has_stress=torch.tensor([has_stress]),
        frames=torch.tensor([frame]),
    )


def counts_stress(atoms: Atoms) -> bool:
    """Whether a frame has a stress that counts: one of a structure that is periodic in three directions."""
    return bool(atoms.calc.results.get("stress") is not None and atoms.pbc.all() and atoms.cell.rank == 3)


def _size_of(item: Batch) -> int:
    return sum(tensor.nbytes for tensor in vars(item.graph).values()) + item.forces.nbytes
