"""Nearness of held-out frames to training frames: a near copy of a training frame tests nothing."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms

from alphanet.data.subsets import evenly_spaced
from alphanet.neighbors import neighbor_pairs

CUTOFF = 5.0  # Å
NEIGHBORS = 8  # of each atom
NEAR = 0.02  # Å; frames of molecular dynamics a few femtoseconds apart are nearer, independent ones are not
LARGEST = 20_000  # training frames that are compared at most, and a twentieth of it of the others
BLOCK = 256  # frames compared at once


class Frames(Protocol):
    """Structures by index."""

    def __len__(self) -> int:
        """Number of structures."""

    def __getitem__(self, index: int) -> Atoms:
        """A structure."""


@dataclass(frozen=True)
class Leakage:
    """Nearness of held-out frames to the nearest training frame of the same composition."""

    frames: int  # compared
    near: int  # of them, with a training frame within `NEAR`
    median: float | None  # Å, of the distances to the nearest training frame; None without a common composition
    sampled: bool  # whether a part of the frames was compared

    def describe(self, split: str) -> str:
        """One line for the user."""
        part = " in a sample" if self.sampled else ""
        if self.median is None:
            return f"{split}: no frame has the composition of a training frame{part}"
        return (
            f"{split}: {self.near} of {self.frames} frames{part} within {NEAR} Å of a training frame, "
            f"{self.median:.2g} Å in the median (rms over the distances to {NEIGHBORS} neighbors)"
        )

    def warning(self) -> str | None:
        """One line if a tenth of the frames or more are near copies of training frames; None if not."""
        if self.near < max(1, 0.1 * self.frames):
            return None
        return (
            f"{self.near} of {self.frames} nearly repeat a training frame (within {NEAR} Å), so their errors say "
            "little about new structures; divide by group (trajectory) or by time"
        )


def leakage(train: Frames, held_out: Frames) -> Leakage:
    """Nearness of each held-out frame to the training frames of the same composition.

    The distance of two frames is the root mean square difference (Å) of the distances from each atom to its nearest
    `NEIGHBORS` neighbors within `CUTOFF`; it does not change if a frame is turned, moved or wrapped. Atoms are compared
    in their order; frames whose atoms are in another order count as others.
    """
    some, others = evenly_spaced(len(train), LARGEST), evenly_spaced(len(held_out), LARGEST // 20)
    wanted = _described(held_out, others.tolist())
    known = _described(train, some.tolist(), set(wanted))
    nearest: list[float] = []
    for key, rows in wanted.items():
        if key in known:
            nearest += _nearest(rows, known[key]).tolist()
    return Leakage(
        frames=len(others),
        near=int(np.sum(np.array(nearest) < NEAR)),
        median=float(np.median(nearest)) if nearest else None,
        sampled=len(some) < len(train) or len(others) < len(held_out),
    )


def _described(frames: Frames, indices: Sequence[int], only: set[bytes] | None = None) -> dict[bytes, np.ndarray]:
    """(n, atoms * NEIGHBORS) distances in Å of the frames, by their atomic numbers."""
    rows: defaultdict[bytes, list[np.ndarray]] = defaultdict(list)
    for index in indices:
        atoms = frames[int(index)]
        key = atoms.numbers.astype(np.int32).tobytes()
        if only is None or key in only:
            rows[key].append(neighbor_distances(atoms))
    return {key: np.array(values) for key, values in rows.items()}


def neighbor_distances(atoms: Atoms) -> np.ndarray:
    """(N * NEIGHBORS,) float32: distances (Å) from each atom to its nearest neighbors, `CUTOFF` where it has fewer."""
    _, receiver, _, distances = neighbor_pairs(atoms, CUTOFF)
    order = np.lexsort((distances, receiver))
    receiver, distances = receiver[order], distances[order]
    place = np.arange(len(receiver)) - np.searchsorted(receiver, receiver)  # among the neighbors of its atom
    table = np.full((len(atoms), NEIGHBORS), CUTOFF, dtype=np.float32)
    kept = place < NEIGHBORS
    table[receiver[kept], place[kept]] = distances[kept]
    return table.ravel()


def _nearest(rows: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) Å: for each of the n `rows`, the distance to the nearest of `known`."""
    squares = (known.astype(np.float64) ** 2).sum(axis=1)
    best = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        index = np.argmin(squares - 2 * (block @ known.T), axis=1)
        best[start : start + BLOCK] = np.sqrt(((block - known[index]) ** 2).mean(axis=1))
    return best
