"""Dynamics of ASE that stop where a committee disagrees, and keep that frame."""

import logging
from itertools import chain
from pathlib import Path
from typing import Any

from ase import Atoms
from pydantic import JsonValue

from alphanet.data.formats import read_frames, write_frames
from alphanet.errors import UserError
from alphanet.spread import with_spread

logger = logging.getLogger(__name__)


class SpreadLimit:
    """An observer of ASE's dynamics that stops them at a threshold of the force deviation.

    The deviation is that of DP-GEN (Comput. Phys. Commun. 253, 107206): sqrt(mean of |F - mean F|^2) over the members,
    of the atom where it is largest.

    Args:
        dynamics: molecular dynamics or an optimizer of ASE, whose atoms have a committee as calculator.
        threshold: eV/Å.
        file: the frame is added to it, without labels, with its spreads and its step; None: it is only in `frame`.

    Example:
        >>> atoms.calc = AlphaNetCalculator("runs/train/mine-committee")
        >>> dynamics = Langevin(atoms, 1 * units.fs, temperature_K=600, friction=0.01 / units.fs)
        >>> limit = SpreadLimit(dynamics, threshold=0.3, file="uncertain.extxyz")
        >>> dynamics.attach(limit, interval=10)
        >>> dynamics.run(100_000)
    """

    def __init__(self, dynamics: Any, threshold: float, file: str | Path | None = None) -> None:
        if not threshold > 0:
            raise UserError(f"the threshold of the force deviation must be above 0 eV/Å, not {threshold:g}")
        self.threshold = threshold
        self.deviation = 0.0  # eV/Å, at the last call
        self.frame: Atoms | None = None  # where the dynamics stopped last; None if they did not
        self._stopped_at: int | None = None  # step; a new run of the dynamics sets their last step anew
        self._dynamics, self._file = dynamics, None if file is None else Path(file)

    def __call__(self) -> None:
        """Look at the present step; ASE calls this.

        Raises:
            UserError: the calculator is no committee, the dynamics cannot be stopped, or the file cannot be written.
        """
        if self._stopped_at is not None and self._stopped_at == getattr(self._dynamics, "max_steps", None):
            raise UserError(f"{type(self._dynamics).__name__} does not stop where it is asked to; use other dynamics")
        owner = self._dynamics.atoms
        atoms: Atoms = getattr(owner, "atoms", owner)  # of a filter, as optimizers of cells have it
        atoms.get_forces()
        results = atoms.calc.results
        if "forces_spread" not in results:
            raise UserError("the calculator gives no spread of forces: a limit of it needs a committee")
        self.deviation = float(results["forces_spread"].max())
        if self.deviation <= self.threshold:
            return
        step = int(self._dynamics.nsteps)
        self._stopped_at = self._dynamics.max_steps = step  # the loop ends behind this step, as after the last one
        self.frame = with_spread(_unlabeled(atoms, {"step": step}), results)
        logger.info(
            "step %d: force deviation %.3g eV/Å, above the limit of %g eV/Å", step, self.deviation, self.threshold
        )
        if self._file is not None:
            earlier = read_frames(self._file, labeled=False, labels=None) if self._file.exists() else ()
            write_frames(self._file, chain(earlier, [self.frame]))


def _unlabeled(atoms: Atoms, info: dict[str, JsonValue]) -> Atoms:
    """A copy without the prediction, which nobody shall take for a label."""
    copy = atoms.copy()
    copy.calc = None
    copy.info |= info
    return copy
