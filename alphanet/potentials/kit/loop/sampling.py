"""Which frames make a batch, as a function of the seed and the step alone, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Sampler


@dataclass(eq=False)
class TrainingBatches(Sampler[list[int]]):
    """Batches of one epoch for one rank, in an order drawn from `(seed, epoch)`.

    The epoch, and where in it to start, follow from the number of steps that were taken when iteration begins: an
    interrupted epoch goes on where it stopped, with nothing to store. All ranks get the same number of batches, some
    frames twice if need be.
    """

    n_frames: int  # in the data set
    batch_size: int  # frames in a batch, for one rank
    seed: int  # of the order
    steps_taken: Callable[[], int] = lambda: 0  # optimizer steps so far
    rank: int = 0  # of this process
    world_size: int = 1
    packed: Sequence[list[int]] | None = None  # batches that `pack` composed; only their order is drawn then

    def __len__(self) -> int:
        """Batches in a whole epoch, for one rank."""
        n = self.n_frames if self.packed is None else len(self.packed)
        of_rank = -(-n // self.world_size)
        return of_rank if self.packed is not None else -(-of_rank // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of the current epoch that are still to come."""
        epoch, done = divmod(self.steps_taken(), len(self))
        yield from self.epoch(epoch)[done:]

    def epoch(self, epoch: int) -> list[list[int]]:
        """All batches of one epoch for this rank."""
        if self.packed is not None:
            return [self.packed[i] for i in self._share(len(self.packed), epoch)]
        frames = self._share(self.n_frames, epoch).tolist()
        return [frames[i : i + self.batch_size] for i in range(0, len(frames), self.batch_size)]

    def _share(self, n: int, epoch: int) -> np.ndarray:
        order = np.random.default_rng([self.seed, epoch]).permutation(n)
        even = -(-n // self.world_size) * self.world_size
        return np.resize(order, even)[self.rank :: self.world_size]


def evaluation_batches(n_frames: int, batch_size: int, rank: int = 0, world_size: int = 1) -> list[list[int]]:
    """Every frame once, in order, shared between the ranks without repeats."""
    mine = list(range(rank, n_frames, world_size))
    return [mine[i : i + batch_size] for i in range(0, len(mine), batch_size)]


def pack(sizes: np.ndarray, budget: int, batch_size: int, seed: int) -> list[list[int]]:
    """Batches of frames of similar size with at most `budget` in sum and at most `batch_size` frames.

    A frame that is larger than the budget makes a batch of its own.

    Args:
        sizes: (n,) size of each frame, such as its number of edges.
        budget: largest sum of sizes in a batch.
        batch_size: largest number of frames in a batch.
        seed: of the order among frames of equal size.
    """
    order = np.random.default_rng([seed, len(sizes)]).permutation(len(sizes))
    by_size = order[np.argsort(sizes[order], kind="stable")]
    batches: list[list[int]] = []
    total = 0
    for frame in by_size.tolist():
        if not batches or total + sizes[frame] > budget or len(batches[-1]) == batch_size:
            batches.append([])
            total = 0
        batches[-1].append(frame)
        total += int(sizes[frame])
    return batches
