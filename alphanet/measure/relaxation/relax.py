"""One structure at a time: ASE's FIRE on ASE's FrechetCellFilter, watched for what goes wrong."""

import re
import time
from typing import Any

import numpy as np
from ase import Atoms
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE

from alphanet.errors import UserError
from alphanet.measure.relaxation.crystals import packed, too_near
from alphanet.measure.relaxation.protocol import (
    LARGEST_FORCE,
    LARGEST_VOLUME,
    SMALLEST_DISTANCE,
    SUSPICIOUS_VOLUME,
    RelaxationProtocol,
)
from alphanet.measure.relaxation.records import Record, failure
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.protocol import Potential


class DivergedError(Exception):
    """A relaxation that went where no result can come from."""


def relax(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> Record:
    """Relax atoms and cell of one structure; whatever goes wrong becomes the record of a failure.

    A potential whose worker process dies of the structure gets it a second time, in a new process.

    Args:
        identity: the structure's id.
        atoms: the initial structure, which is not changed.
        potential: gives energies, forces and stresses.
        protocol: when to stop.

    Raises:
        UserError: the potential gives no stress, or its worker cannot be started.
    """
    started = time.perf_counter()
    if reason := unsound(atoms):
        return failure(identity, reason, n_sites=len(atoms))
    try:
        try:
            found = _relaxed(identity, atoms, potential, protocol)
        except WorkerError as error:
            require_started(error)
            found = _relaxed(identity, atoms, potential, protocol)
    except WorkerError as error:
        found = failure(identity, f"ended the potential's process twice: {error}", n_sites=len(atoms))
    return found | {"seconds": round(time.perf_counter() - started, 4)}


def unsound(atoms: Atoms) -> str | None:
    """Why a structure cannot be relaxed; none if it can."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "positions or cell are not finite"
    if abs(atoms.cell.volume) < 1e-3:
        return f"the cell has no volume ({atoms.cell.volume:.3g} Å^3)"
    near = too_near(atoms, SMALLEST_DISTANCE)
    return f"atoms overlap: {near}" if near else None


def require_started(error: WorkerError) -> None:
    """Raise `error` again if it says that no worker can be started: no structure is to blame for that."""
    if error.kind == "start":
        raise UserError(str(error)) from error


def diverged(fmax: float, energy: float, volume_ratio: float) -> str | None:
    """In which way a step has gone wrong; none if it has not."""
    if not np.isfinite([fmax, energy, volume_ratio]).all():
        return "energy, forces or cell are not finite"
    if fmax > LARGEST_FORCE:
        return f"a force of {fmax:.3g} eV/Å"
    if not 1 / LARGEST_VOLUME < volume_ratio < LARGEST_VOLUME:
        return f"the volume is {volume_ratio:.3g} times the initial one"
    return None


def success(identity: str, atoms: Atoms, **found: Any) -> Record:
    """The record of a relaxation that ran; `found`: energy, steps, fmax, volume_ratio, converged."""
    ratio = found["volume_ratio"]
    within = 1 / SUSPICIOUS_VOLUME <= ratio <= SUSPICIOUS_VOLUME
    return {
        "id": identity,
        "status": "converged" if found["converged"] else "unconverged",
        "reason": None,
        "energy": found["energy"],
        "energy_per_atom": found["energy"] / len(atoms),
        "n_sites": len(atoms),
        "steps": found["steps"],
        "fmax": round(found["fmax"], 6),
        "volume_ratio": round(ratio, 6),
        "flags": [] if within else ["volume doubled" if ratio > 1 else "volume halved"],
        "seconds": 0.0,
        "structure": packed(atoms),
    }


def _relaxed(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> Record:
    moving = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    moving.calc = PotentialCalculator(potential)
    watched = _Watched(moving)
    try:
        converged = bool(watched.optimizer.run(fmax=protocol.fmax, steps=protocol.max_steps))
        return success(identity, moving, converged=converged, **watched.last)
    except DivergedError as error:
        return failure(identity, f"diverged: {error}", n_sites=len(atoms), **watched.last)
    except NotImplementedError as error:
        raise UserError(f"{error}, which relaxing a cell needs") from error
    except WorkerError:
        raise
    except (UserError, ArithmeticError, ValueError, np.linalg.LinAlgError, MemoryError) as error:
        return failure(identity, _reason(error), n_sites=len(atoms), **watched.last)


def _reason(error: Exception) -> str:
    """What went wrong, without the place in a batch of one."""
    return re.sub(r"\bframe 0(: | )", "", str(error)) or type(error).__name__


class _Remembering(FrechetCellFilter):
    """Computes forces once a configuration; ASE's optimisers ask twice, and derivatives of the exponential cost."""

    forces: np.ndarray
    _at = b""

    def get_forces(self, **kwargs: Any) -> np.ndarray:
        """Generalised forces (n + 3, 3) of atoms and cell."""
        at = self.atoms.positions.tobytes() + self.atoms.cell.array.tobytes()
        if at != self._at:
            self.forces, self._at = super().get_forces(**kwargs), at
        return self.forces.copy()


class _Watched:
    """A relaxation whose every step is looked at."""

    def __init__(self, atoms: Atoms) -> None:
        self._atoms, self._volume = atoms, atoms.cell.volume
        self._filter = _Remembering(atoms)
        self.optimizer = FIRE(self._filter, logfile=None)
        self.optimizer.attach(self._look)
        self.last: dict[str, Any] = {}

    def _look(self) -> None:
        fmax = float(np.sqrt((self._filter.forces**2).sum(axis=1).max()))
        energy = float(self._atoms.get_potential_energy())
        ratio = float(self._atoms.cell.volume / self._volume)
        if reason := diverged(fmax, energy, ratio):
            raise DivergedError(reason)
        self.last = {"energy": energy, "steps": self.optimizer.nsteps, "fmax": fmax, "volume_ratio": ratio}
