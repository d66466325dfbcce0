"""Relaxation of structures, with or without their cells, by ASE's optimizers."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms, units
from pydantic import PositiveFloat, PositiveInt

from alphanet.cards import Card
from alphanet.data.formats import write_frames
from alphanet.data.leftovers import Leftovers
from alphanet.measure.relaxation.optimize import OPTIMIZERS, RelaxationError, Step, relaxing
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.channel import WorkerError
from alphanet.potentials.protocol import Potential
from alphanet.simulation.evaluations import Conditions, Evaluations
from alphanet.simulation.inputs import named, origin_of, require_cell, require_known, structure_digest
from alphanet.simulation.outputs import (
    LOG,
    TRAJECTORY,
    GrowingText,
    Table,
    folder_of,
    frame_of,
    text_of_frame,
    write_summary,
)
from alphanet.simulation.progress import steps_of

logger = logging.getLogger(__name__)

RELAXED = "relaxed.extxyz"
COLUMNS = ("structure", "step", "energy [eV]", "largest force [eV/Å]", "volume [Å^3]")


class Relaxation(Card):
    """How structures are relaxed."""

    fmax: PositiveFloat = 0.05
    """eV/Å: no atom has a larger force at the end; nor has a row of the cell's generalized forces"""
    steps: PositiveInt = 500
    """At most"""
    optimizer: str = "fire"
    """fire, lbfgs or bfgs"""
    cell: bool = False
    """Whether the cell relaxes, too (FrechetCellFilter)"""
    pressure: float = 0.0
    """GPa, on the cell"""


@dataclass
class Relaxed:
    """How the relaxation of one structure ended."""

    formula: str
    atoms: int
    status: str
    """converged, unconverged or failed"""
    steps: int = 0
    energy_eV: float | None = None  # noqa: N815  (the unit's own spelling)
    fmax_eV_per_A: float | None = None  # noqa: N815
    volume_A3: float | None = None  # noqa: N815
    reason: str | None = None
    """Of a failure"""


def relax_structures(
    frames: Sequence[Atoms], potential: Potential, settings: Relaxation, folder: Path, *, restart: bool = False
) -> list[Relaxed]:
    """Relax structures one after another; begun anew, it takes the same path and computes only what is missing.

    Args:
        frames: the structures, which are not changed.
        potential: gives energies and forces, and stresses if cells relax.
        settings: when it ends, and how it gets there.
        folder: for `relaxed.extxyz`, `trajectory.extxyz`, `log.csv`, `summary.json` and `evaluations.jsonl`.
        restart: forget what was computed.

    Returns:
        How each relaxation ended. What fails has its reason, and the others go on.

    Raises:
        UserError: settings without a meaning, or the folder holds another relaxation.
    """
    require_known("optimizer", settings.optimizer, OPTIMIZERS)
    if settings.cell:
        for atoms in frames:
            require_cell(atoms, "relaxing a cell")
    digests = [structure_digest(atoms) for atoms in frames]
    # More steps are the same path, longer.
    values = settings.model_dump(mode="json", exclude={"steps", "fmax"})
    conditions = Conditions(task="relax", structures=digests, settings=values, model=origin_of(potential))
    with folder_of(folder):
        evaluations = Evaluations(folder, potential, conditions, restart=restart)
        leftovers, found, ends = Leftovers(), [], []
        with GrowingText(folder / TRAJECTORY) as trajectory, Table(folder / LOG, COLUMNS) as log:
            for place, atoms in enumerate(frames):
                moving = atoms.copy()
                moving.calc = PotentialCalculator(evaluations)
                result = Relaxed(atoms.get_chemical_formula(), len(atoms), "failed")
                with steps_of(f"relax {named(atoms)}", settings.steps) as update:
                    for step in relax(moving, settings, result):
                        info = {"structure": place, "step": step.steps}
                        trajectory.add(text_of_frame(frame_of(moving, info), leftovers))
                        volume = float(moving.cell.volume) if moving.pbc.all() else None
                        log.add([place, step.steps, step.energy, step.fmax, volume])
                        update(step.steps, f"{step.fmax:.3g} eV/Å")
                found.append(result)
                if result.status != "failed":
                    ends.append(frame_of(moving, {"status": result.status, "steps": result.steps}))
        leftovers.tell(folder / TRAJECTORY, "extxyz")
        if ends:
            write_frames(folder / RELAXED, ends)
        write_summary(folder, {"structures": [vars(result) for result in found]})
    return found


def relax(atoms: Atoms, settings: Relaxation, result: Relaxed) -> Iterator[Step]:
    """Relax `atoms`, which have a calculator; yield the state after each step, and fill `result` by and by.

    Raises:
        UserError: the cell is to relax and the model gives no stress.
    """
    try:
        for step in relaxing(
            atoms, fmax=settings.fmax, steps=settings.steps, optimizer=settings.optimizer, cell=settings.cell,
            pressure=settings.pressure * units.GPa,
        ):  # fmt: skip
            result.status = "converged" if step.fmax < settings.fmax else "unconverged"
            result.steps, result.energy_eV, result.fmax_eV_per_A = step.steps, step.energy, step.fmax
            result.volume_A3 = float(atoms.cell.volume) if atoms.pbc.all() else None
            yield step
    except (RelaxationError, WorkerError) as error:
        result.status, result.reason = "failed", f"after step {result.steps}: {error}"
