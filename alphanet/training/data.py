"""Training data: frames of a store as graphs with labels, made when they are needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from torch import Tensor
from torch.utils.data import Dataset

from alphanet.data.labels import labels_of, problem_of
from alphanet.data.store import FrameStore
from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError
from alphanet.graph import AtomGraph, collate


@dataclass(frozen=True)
class Batch:
    """B labelled structures of N atoms together."""

    graph: AtomGraph
    energy: Tensor  # (B,) eV, float64
    forces: Tensor  # (N, 3) eV/Å, in the graph's precision
    stress: Tensor  # (B, 3, 3) eV/Å^3, zero where there is none
    has_stress: Tensor  # (B,) bool
    frames: Tensor  # (B,) int64, on the CPU, index of each structure in its file

    def to(self, device: torch.device) -> "Batch":
        """The same batch on `device`."""
        moved = {f.name: getattr(self, f.name).to(device) for f in fields(self) if f.name != "frames"}
        return Batch(**moved, frames=self.frames)


class LabelledFrames:
    """The frames of a store that take part, each checked when it is read.

    Args:
        path: the store.
        limit: take this many frames, evenly spaced; all by default.

    Raises:
        UserError: no frames.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.path = Path(path)
        self._store = FrameStore(self.path)
        self.frames = evenly_spaced(len(self._store), limit)  # index in the store
        if not len(self.frames):
            raise UserError(f"{self.path} has no frames")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> Atoms:
        """A structure with its labels.

        Raises:
            UserError: labels that are missing or not finite, naming the frame.
        """
        if index >= len(self):
            raise IndexError(index)
        atoms = self._store[int(self.frames[index])]
        problem = problem_of(atoms)
        if problem:
            raise UserError(f"{self.name(index)} {problem}; training needs sound labels: correct or remove the frame")
        return atoms

    def name(self, index: int) -> str:
        """How to call a frame in errors."""
        return f"frame {self.frames[index]} of {self.path}"


class GraphDataset(Dataset[Batch]):
    """Frames as batches of one; memory does not grow with their number beyond `cache_mb`.

    Args:
        frames: structures and labels.
        to_graph: makes the graph of a structure, such as `model.graph`.
        cache_mb: keep graphs up to this size in memory, so that later epochs need not make them again.
    """

    def __init__(self, frames: LabelledFrames, to_graph: Callable[[Atoms], AtomGraph], cache_mb: int = 0) -> None:
        self.frames = frames
        self._to_graph = to_graph
        self._cache: dict[int, Batch] = {}
        self._room = cache_mb * 2**20

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def __getitem__(self, index: int) -> Batch:
        """One frame.

        Raises:
            UserError: labels that are missing or not finite, or a structure without a graph, naming the frame.
        """
        if index in self._cache:
            return self._cache[index]
        atoms = self.frames[index]
        try:
            item = _item(atoms, self._to_graph(atoms), int(self.frames.frames[index]))
        except UserError as error:
            raise UserError(f"{self.frames.name(index)}: {error}") from error
        size = _size_of(item)
        if size <= self._room:
            self._room -= size
            self._cache[index] = item
        return item


def collate_batches(items: Sequence[Batch]) -> Batch:
    """One batch of several."""
    return Batch(
        graph=collate([item.graph for item in items]),
        energy=torch.cat([item.energy for item in items]),
        forces=torch.cat([item.forces for item in items]),
        stress=torch.cat([item.stress for item in items]),
        has_stress=torch.cat([item.has_stress for item in items]),
        frames=torch.cat([item.frames for item in items]),
    )


def _item(atoms: Atoms, graph: AtomGraph, frame: int) -> Batch:
    dtype = graph.positions.dtype
    labels = labels_of(atoms)
    has_stress = "stress" in labels and bool(atoms.pbc.all()) and atoms.cell.rank == 3
    stress = voigt_6_to_full_3x3_stress(labels["stress"]) if has_stress else np.zeros((3, 3))
    return Batch(
        graph=graph,
        energy=torch.tensor([labels["energy"]], dtype=torch.float64),
        forces=torch.as_tensor(labels["forces"], dtype=dtype),
        stress=torch.as_tensor(stress[None], dtype=dtype),
        has_stress=torch.tensor([has_stress]),
        frames=torch.tensor([frame]),
    )


def _size_of(item: Batch) -> int:
    return sum(tensor.nbytes for tensor in vars(item.graph).values()) + item.forces.nbytes
