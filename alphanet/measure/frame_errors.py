"""Errors of every frame, as sums, so that frames can be resampled without predicting them again."""

from array import array
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alphanet.files import atomic_path

ENERGY = "energy_error"
FORCE_SUM = "force_sum"
FORCE_COUNT = "force_count"
ENERGY_SUM = "energy_sum"
ONE = "one"
WHOLE_ENERGY_SUM = "whole_energy_sum"
FREE_SUM, FREE_COUNT = "free_force_sum", "free_force_count"


@dataclass(frozen=True)
class FrameErrors:
    """Errors of n frames, in the order in which they were evaluated."""

    energy: np.ndarray = field(repr=False)  # (n,) eV/atom, predicted less reference; of S2EF eV of the structure
    force_sum: np.ndarray = field(
        repr=False
    )  # (n,) eV/Å, of the absolute errors of all components; of S2EF free atoms'
    force_count: np.ndarray = field(repr=False)  # (n,) these components


class FrameSums:
    """The errors of the frames that were added so far."""

    def __init__(self) -> None:
        """Nothing added yet."""
        self._energy, self._sums, self._counts = array("d"), array("d"), array("d")

    def add(self, energy_error: float, force_error: np.ndarray) -> None:
        """Add a frame: its energy error (eV/atom; of S2EF eV) and the force errors (atoms, 3) that count, in eV/Å."""
        self._energy.append(energy_error)
        self._sums.append(float(np.abs(force_error).sum()))
        self._counts.append(force_error.size)

    def result(self) -> FrameErrors:
        """The errors of all of them."""
        return FrameErrors(*(np.array(values) for values in (self._energy, self._sums, self._counts)))


def save_frame_errors(path: Path, errors: FrameErrors, s2ef: FrameErrors | None = None) -> None:
    """Write the errors as npz: `energy_error`, and for resampling sums and numbers of absolute errors.

    Args:
        path: of the file.
        errors: of all atoms, energies per atom.
        s2ef: as OC20's leaderboard counts them: whole energies, free atoms.

    Raises:
        UserError: the file cannot be written.
    """
    arrays = {
        ENERGY: errors.energy,
        ENERGY_SUM: np.abs(errors.energy),
        ONE: np.ones_like(errors.energy),
        FORCE_SUM: errors.force_sum,
        FORCE_COUNT: errors.force_count,
    }
    if s2ef is not None:
        arrays |= {WHOLE_ENERGY_SUM: np.abs(s2ef.energy), FREE_SUM: s2ef.force_sum, FREE_COUNT: s2ef.force_count}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)
