"""Frames of a store, each checked when it is read."""

from pathlib import Path

from ase import Atoms

from alphanet.data.labels import problem_of
from alphanet.data.store import FrameStore
from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError


class LabeledFrames:
    """The frames of a store that take part.

    Args:
        path: the store.
        limit: number of frames to take, evenly spaced; None takes all.

    Raises:
        UserError: the store has no frames.
    """

    def __init__(self, path: Path, limit: int | None = None) -> None:
        self.path = Path(path)
        self._store = FrameStore(self.path)
        self.indices = evenly_spaced(len(self._store), limit)  # in the store
        if not len(self.indices):
            raise UserError(f"{self.path} has no frames")

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Atoms:
        """A structure with its labels, as far as it has them.

        Raises:
            UserError: no label at all, or labels that are not finite, naming the frame.
        """
        if index >= len(self):
            raise IndexError(index)
        atoms = self._store[int(self.indices[index])]
        problem = problem_of(atoms, partly=True)
        if problem:
            raise UserError(f"{self.name(index)} {problem}; training needs sound labels: correct or remove the frame")
        return atoms

    def name(self, index: int) -> str:
        """The name of a frame in error messages."""
        return f"frame {self.indices[index]} of {self.path}"
