"""One structure at a time: ASE's FIRE on ASE's FrechetCellFilter."""

import time
from dataclasses import asdict

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.measure.relaxation.optimize import RelaxationError, Step, relaxing
from alphanet.measure.relaxation.protocol import SMALLEST_DISTANCE, SUSPICIOUS_VOLUME, RelaxationProtocol
from alphanet.measure.relaxation.records import Crystal, RelaxationRecord, failure
from alphanet.neighbor_limits import check_search
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.protocol import Potential


def relax(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> RelaxationRecord:
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
            record = _relax(identity, atoms, potential, protocol)
        except WorkerError as error:
            if error.kind == "start":  # no structure is to blame for that
                raise UserError(str(error)) from error
            record = _relax(identity, atoms, potential, protocol)
    except WorkerError as error:
        record = failure(identity, f"ended the potential's process twice: {error}", n_sites=len(atoms))
    record.seconds = round(time.perf_counter() - started, 4)
    return record


def unsound(atoms: Atoms) -> str | None:
    """The reason why a structure cannot be relaxed; None if it can."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "positions or cell are not finite"
    if abs(atoms.cell.volume) < 1e-3:
        return f"the cell has no volume ({atoms.cell.volume:.3g} Å^3)"
    try:
        check_search(atoms, SMALLEST_DISTANCE)
    except UserError as error:
        return str(error)
    near = _nearest(atoms, SMALLEST_DISTANCE)
    return f"atoms overlap: {near}" if near else None


def _nearest(atoms: Atoms, cutoff: float) -> str | None:
    """The two atoms, or images of one, that are nearest to each other; None if none are nearer than `cutoff` (Å)."""
    from vesin import NeighborList

    first, second, distance = NeighborList(cutoff=cutoff, full_list=False).compute(
        points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijd"
    )
    if not len(distance):
        return None
    nearest = int(distance.argmin())
    return f"atoms {first[nearest]} and {second[nearest]} are {distance[nearest]:.3f} Å apart"


def _relax(identity: str, atoms: Atoms, potential: Potential, protocol: RelaxationProtocol) -> RelaxationRecord:
    moving = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    moving.calc = PotentialCalculator(potential)
    known: dict[str, float | int] = {}
    try:
        for step in relaxing(moving, fmax=protocol.fmax, steps=protocol.max_steps, cell=True):
            known = asdict(step)
    except RelaxationError as error:
        return failure(identity, str(error), n_sites=len(atoms), **known)
    return ended(identity, step, moving, converged=step.fmax < protocol.fmax)


def ended(identity: str, step: Step, atoms: Atoms, *, converged: bool) -> RelaxationRecord:
    """The record of a relaxation whose last step, at `atoms`, is `step`."""
    within = 1 / SUSPICIOUS_VOLUME <= step.volume_ratio <= SUSPICIOUS_VOLUME
    return RelaxationRecord(
        id=identity,
        status="converged" if converged else "unconverged",
        energy=step.energy,
        energy_per_atom=step.energy / len(atoms),
        n_sites=len(atoms),
        steps=step.steps,
        fmax=round(step.fmax, 6),
        volume_ratio=round(step.volume_ratio, 6),
        flags=[] if within else ["volume doubled" if step.volume_ratio > 1 else "volume halved"],
        structure=Crystal.of(atoms),
    )
