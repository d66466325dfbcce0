"""The last training step of the same trajectory: its labels are copied, as if nothing moved any more."""

from collections.abc import Sequence

from ase import Atoms

from alphanet.potentials.copied_frame import CopyingPotential

TRAJECTORY = "group"  # key of `info` that names a frame's trajectory


class LastStepPotential(CopyingPotential):
    """Copies the labels of the last training frame of the trajectory that a frame belongs to.

    If first steps of relaxations are trained on and the last ones tested, a potential has to know more than this.
    """

    name = "last-step"

    def __init__(self, frames: Sequence[Atoms]) -> None:
        """See `CopyingPotential`; frames of a trajectory are in its order."""
        super().__init__(frames)
        self._last = {str(atoms.info[TRAJECTORY]): atoms for atoms in frames if TRAJECTORY in atoms.info}

    def _source(self, atoms: Atoms) -> Atoms | None:
        last = self._last.get(str(atoms.info.get(TRAJECTORY)))
        same = last is not None and last.numbers.tobytes() == atoms.numbers.tobytes()
        return last if same else None
