"""Barriers: nudged elastic bands between two structures, by ASE."""

import logging
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.mep.neb import NEB, NEBTools
from pydantic import JsonValue, PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.data.formats import write_frames
from alphanet.errors import UserError
from alphanet.measure.relaxation.optimize import OPTIMIZERS, RelaxationError, relaxing_band
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.protocol import Potential
from alphanet.simulation.evaluations import Conditions, Evaluations
from alphanet.simulation.inputs import origin_of, require_known, structure_digest
from alphanet.simulation.outputs import LOG, Table, folder_of, frame_of, write_summary
from alphanet.simulation.progress import steps_of
from alphanet.simulation.relaxation import Relaxation, Relaxed, relax

logger = logging.getLogger(__name__)

PATH = "path.extxyz"
COLUMNS = ("part", "step", "largest force [eV/Å]", "highest energy above the start [eV]")
MOVED, MANY = 0.5, 300  # Å, of an atom that may be exchanged; as many of them are too many to compare all pairs
INTERPOLATIONS = ("idpp", "linear")


class Band(Card):
    """How a path is found."""

    images: PositiveInt = 5
    """Between the ends; without a meaning if the path is given"""
    interpolation: str = "idpp"
    """idpp or linear, of the first path"""
    spring: PositiveFloat = 0.1
    """eV/Å^2, between images"""
    climb: bool = True
    """Whether the highest image climbs to the saddle point, once the band has converged"""
    relax_ends: bool = True
    """Whether the ends are relaxed first"""
    fmax: PositiveFloat = 0.05
    """eV/Å, of the band and of the ends"""
    steps: PositiveInt = 500
    """At most: of the band, of the climb, and of each end"""
    optimizer: str = "fire"
    """fire, lbfgs or bfgs"""


def find_path(
    frames: Sequence[Atoms], potential: Potential, settings: Band, folder: Path, *, restart: bool = False
) -> dict[str, JsonValue]:
    """The path of least energy between two structures, and its barrier.

    Begun anew, it takes the same path and computes only what is missing.

    Args:
        frames: both ends, or a whole path to begin with; they are not changed.
        potential: gives energies and forces.
        settings: how the path is found.
        folder: for `path.extxyz`, `log.csv`, `summary.json` and `evaluations.jsonl`.
        restart: forget what was computed.

    Returns:
        What `summary.json` has: barriers, energy of reaction (eV), whether the band converged.

    Raises:
        UserError: images that do not fit together, settings without a meaning, the model fails on an image, the band
            diverges, or the folder holds another path.
    """
    require_known("optimizer", settings.optimizer, OPTIMIZERS)
    require_known("interpolation", settings.interpolation, INTERPOLATIONS)
    require_one_order(frames)
    digests = [structure_digest(atoms) for atoms in frames]
    values = settings.model_dump(mode="json", exclude={"steps"})
    conditions = Conditions(task="neb", structures=digests, settings=values, model=origin_of(potential))
    with folder_of(folder):
        evaluations = Evaluations(folder, potential, conditions, restart=restart)
        with Table(folder / LOG, COLUMNS) as log:
            images = [_copied(atoms, evaluations) for atoms in frames]
            if settings.relax_ends:
                for part, end in (("start", images[0]), ("end", images[-1])):
                    _relax_end(part, end, settings, log)
            if len(images) == 2:
                inner = [_copied(images[0], evaluations) for _ in range(settings.images)]
                images = [images[0], *inner, images[-1]]
                bare = NEB(images, method="improvedtangent")
                bare.interpolate(settings.interpolation, mic=bool(images[0].pbc.any()), apply_constraint=False)
            steps, fmax, converged = 0, float("nan"), False
            for climb in (False, True) if settings.climb else (False,):
                made, fmax, converged = _optimize(images, settings, climb, log)
                steps += made
                if not converged:
                    break
        summary = _summary(images, steps, fmax, converged)
        write_frames(folder / PATH, [frame_of(image, {"image": place}) for place, image in enumerate(images)])
        write_summary(folder, summary)
    return summary


def require_one_order(frames: Sequence[Atoms]) -> None:
    """Check that structures are images of one path: the same atoms in the same order, in the same cell.

    Raises:
        UserError: they are not; names the first difference.
    """
    if len(frames) < 2:
        raise UserError(f"a path needs two structures, its ends, or all of its images; there is {len(frames)}")
    first = frames[0]
    for place, atoms in enumerate(frames[1:], 1):
        if len(atoms) != len(first):
            raise UserError(f"image {place} has {len(atoms)} atoms, and image 0 has {len(first)}")
        other = np.flatnonzero(atoms.numbers != first.numbers)
        if len(other):
            atom = int(other[0])
            raise UserError(
                f"image {place}: atom {atom} is {atoms[atom].symbol}, and in image 0 it is {first[atom].symbol}; all "
                "images need their atoms in the same order"
            )
        if (atoms.pbc != first.pbc).any() or not np.allclose(atoms.cell.array, first.cell.array, atol=1e-6):
            raise UserError(f"image {place} has another cell than image 0; a path needs one cell")
    for place, (before, after) in enumerate(pairwise(frames)):
        if exchanged := _exchanged(before, after):
            words = "images %d and %d: atoms %d and %d of an element seem to be exchanged; all images need one order"
            logger.warning(words, place, place + 1, *exchanged)


def _exchanged(before: Atoms, after: Atoms) -> tuple[int, int] | None:
    """Two atoms of an element each of which is nearer to where the other was; None if there are none."""
    displaced = find_mic(after.positions - before.positions, before.cell, before.pbc)[1] > MOVED
    if displaced.sum() > MANY:
        return None
    for number in np.unique(before.numbers[displaced]):
        own = np.flatnonzero(displaced & (before.numbers == number))
        moves = (after.positions[None, own] - before.positions[own, None]).reshape(-1, 3)
        distances = find_mic(moves, before.cell, before.pbc)[1].reshape(len(own), len(own))
        nearest = distances.argmin(axis=1)
        for one, other in enumerate(nearest):
            if other != one and nearest[other] == one:
                return int(own[one]), int(own[other])
    return None


def _copied(atoms: Atoms, evaluations: Evaluations) -> Atoms:
    copy = atoms.copy()
    copy.calc = PotentialCalculator(evaluations)
    return copy


def _relax_end(part: str, atoms: Atoms, settings: Band, log: Table) -> None:
    how = Relaxation(fmax=settings.fmax, steps=settings.steps, optimizer=settings.optimizer)
    result = Relaxed(atoms.get_chemical_formula(), len(atoms), "failed")
    with steps_of(f"relax the {part}", settings.steps) as update:
        for step in relax(atoms, how, result):
            log.add([part, step.steps, step.fmax, None])
            update(step.steps, f"{step.fmax:.3g} eV/Å")
    if result.status == "failed":
        raise UserError(f"the {part} of the path cannot be relaxed: {result.reason}")
    if result.status != "converged":
        logger.warning("the %s of the path is not relaxed after %d steps (%.3g eV/Å)", part, result.steps,
                       result.fmax_eV_per_A)  # fmt: skip


def _optimize(images: list[Atoms], settings: Band, climb: bool, log: Table) -> tuple[int, float, bool]:
    """Steps, largest force and whether it is small enough."""
    part, count = "climb" if climb else "band", 0
    try:
        with steps_of(part, settings.steps) as update:
            for step in relaxing_band(
                images, fmax=settings.fmax, steps=settings.steps, climb=climb, spring=settings.spring,
                optimizer=settings.optimizer,
            ):  # fmt: skip
                count = step.steps
                log.add([part, step.steps, step.fmax, step.energy])
                update(step.steps, f"{step.fmax:.3g} eV/Å, {step.energy:.3g} eV")
    except RelaxationError as error:
        raise UserError(f"{part}, after step {count}: {error}") from error
    return step.steps, step.fmax, step.fmax < settings.fmax


def _summary(images: list[Atoms], steps: int, fmax: float, converged: bool) -> dict[str, JsonValue]:
    energies = np.array([image.get_potential_energy() for image in images])
    fitted, reaction = NEBTools(images).get_barrier(fit=True)
    return {
        "status": "converged" if converged else "unconverged",
        "images": len(images),
        "steps": steps,
        "fmax_eV_per_A": fmax,
        "barrier_eV": float(energies.max() - energies[0]),
        "barrier_of_fit_eV": float(fitted),
        "reverse_barrier_eV": float(energies.max() - energies[-1]),
        "reaction_energy_eV": float(reaction),
        "highest_image": int(energies.argmax()),
        "energies_eV": [float(energy - energies[0]) for energy in energies],
    }
