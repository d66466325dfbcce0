"""The nearest training frame: its labels are copied. Beating it takes more than remembering the training frames."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from alphanet.potentials.copied_frame import CopyingPotential

CHUNK = 256  # training frames that are compared at once, which bounds the memory


class NearestFramePotential(CopyingPotential):
    """Copies the labels of the nearest training frame with the same elements in the same order.

    The distance is the root mean square of the atoms' displacements in Å, each atom by its nearest periodic image,
    after the mean displacement is taken off. Frames are not turned and atoms not reordered, since the forces are copied
    as they are. Of equally near frames the first counts.
    """

    name = "nearest-frame"

    def __init__(self, frames: Sequence[Atoms]) -> None:
        """See `CopyingPotential`; the frames stay in memory."""
        super().__init__(frames)
        self._frames: dict[bytes, list[Atoms]] = defaultdict(list)
        for atoms in frames:
            self._frames[atoms.numbers.tobytes()].append(atoms)

    def _source(self, atoms: Atoms) -> Atoms | None:
        alike = self._frames.get(atoms.numbers.tobytes())
        if not alike:
            return None
        distances = [displacements(atoms, alike[start : start + CHUNK]) for start in range(0, len(alike), CHUNK)]
        return alike[int(np.argmin(np.concatenate(distances)))]


def displacements(atoms: Atoms, others: Sequence[Atoms]) -> np.ndarray:
    """Root mean square displacement between `atoms` and each of T `others` with the same N atoms.

    Returns:
        (T,) Å.
    """
    cells = np.stack([other.cell.array for other in others])
    positions = np.stack([other.positions for other in others])
    shifts = np.zeros_like(positions)
    if atoms.pbc.any():
        scaled = np.stack([other.cell.scaled_positions(other.positions) for other in others])
        images = np.where(atoms.pbc, np.round(atoms.cell.scaled_positions(atoms.positions) - scaled), 0.0)
        shifts = images @ cells
    moved = atoms.positions - positions - shifts
    moved -= moved.mean(axis=1, keepdims=True)
    return np.asarray(np.sqrt((moved**2).sum(axis=2).mean(axis=1)))
