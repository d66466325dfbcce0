"""Samples of (reference, predicted) pairs of a fixed size, drawn evenly from streams of any length."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alphanet.errors import UserError
from alphanet.files import atomic_path
from alphanet.outside import DAMAGE


class Reservoir:
    """An even random sample of the rows of a stream."""

    def __init__(self, size: int, seed: int) -> None:
        """Start an empty sample. Every row draws a random key, and the rows with the `size` smallest keys are kept."""
        self._size = size
        self._random = np.random.default_rng(seed)
        self._keys = np.empty(0)
        self._rows = np.empty((0, 2))

    def add(self, reference: np.ndarray, predicted: np.ndarray) -> None:
        """Offer the pairs of two arrays of the same shape."""
        rows = np.column_stack([np.ravel(reference), np.ravel(predicted)])
        self._keys = np.concatenate([self._keys, self._random.random(len(rows))])
        self._rows = np.concatenate([self._rows, rows])
        if len(self._keys) > self._size:
            rows_kept = np.sort(np.argpartition(self._keys, self._size)[: self._size])
            self._keys, self._rows = self._keys[rows_kept], self._rows[rows_kept]

    def rows(self) -> np.ndarray:
        """(n, 2) the sample in the order of the stream: reference, predicted."""
        return self._rows


@dataclass(frozen=True)
class ParitySample:
    """Pairs of reference and prediction for a parity plot, with the errors of the whole set beside them."""

    energy: np.ndarray = field(repr=False)  # (n, 2) eV/atom
    force: np.ndarray = field(repr=False)  # (m, 2) eV/Å, components
    n_structures: int  # that were evaluated
    n_atoms: int  # in them
    energy_mae: float  # eV/atom, over all of them
    force_mae: float  # eV/Å, over all their components


def joined(samples: Sequence[ParitySample]) -> ParitySample:
    """One sample of several sets of frames; its errors are those over all frames."""
    frames, atoms = [sample.n_structures for sample in samples], [sample.n_atoms for sample in samples]
    return ParitySample(
        np.concatenate([sample.energy for sample in samples]),
        np.concatenate([sample.force for sample in samples]),
        n_structures=sum(frames),
        n_atoms=sum(atoms),
        energy_mae=float(np.average([sample.energy_mae for sample in samples], weights=frames)),
        force_mae=float(np.average([sample.force_mae for sample in samples], weights=atoms)),
    )


def save_sample(path: Path, sample: ParitySample) -> None:
    """Write `sample` to the npz file `path`, atomically."""
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **vars(sample))


def load_sample(path: Path) -> ParitySample:
    """The sample that `save_sample` wrote.

    Raises:
        UserError: the file is missing or is not a parity sample.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return ParitySample(
                stored["energy"],
                stored["force"],
                int(stored["n_structures"]),
                int(stored["n_atoms"]),
                float(stored["energy_mae"]),
                float(stored["force_mae"]),
            )
    except DAMAGE as error:
        raise UserError(f"{path} is not a parity sample: {error}") from error
