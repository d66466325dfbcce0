"""Relaxation of positions and cells, as tight as the potential's noise allows, that says when it fails."""

from collections.abc import Iterator, Sequence
from typing import TypedDict, Unpack

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from alphanet.errors import UserError
from alphanet.measure.properties.together import compute_waiting
from alphanet.measure.relaxation import optimize
from alphanet.potentials.ase_calculator import PotentialCalculator
from alphanet.potentials.batches import HalvingPotential

TIGHT, LOOSE = 1e-5, 1e-2  # eV/Å: where it ends, and what is accepted if noise keeps it from getting there
STEPS = 400
STALL = 30  # steps without less force after which noise is the limit
SWELL = 2.0  # factor of the volume beyond which a crystal has become another one


class Relaxation(TypedDict, total=False):
    """How structures relax: `TIGHT`, `LOOSE`, `STEPS` and a cell that stays, unless said otherwise."""

    cell: bool
    """Whether the cell relaxes too"""
    constant_volume: bool
    """Whether its volume stays"""
    tight: float
    """eV/Å, the largest force at which it ends"""
    loose: float
    """eV/Å, the largest force that is accepted if it cannot be made smaller"""
    steps: int
    """The most that are taken"""


def relaxed(atoms: Atoms, calculator: BaseCalculator, **how: Unpack[Relaxation]) -> Atoms:
    """A relaxed copy of `atoms` with the calculator.

    Args:
        atoms: the start; constraints are kept.
        calculator: of energy and forces, with stress if the cell relaxes.
        **how: see `Relaxation`.

    Raises:
        UserError: it diverges, does not converge, or the calculator has no stress.
    """
    (moving,) = relaxed_together([atoms], calculator, **how)
    return moving


def relaxed_together(structures: Sequence[Atoms], calculator: BaseCalculator, **how: Unpack[Relaxation]) -> list[Atoms]:
    """Relaxed copies of structures, each moved as if it were alone; arguments and errors are those of `relaxed`.

    A potential computes all that are under way by one call; other calculators take one structure after another.
    """
    copies: list[Atoms] = [atoms.copy() for atoms in structures]
    runs = [_relaxing(one, **how) for one in copies]
    if len(copies) == 1 or not isinstance(calculator, PotentialCalculator):
        for moving, run in zip(copies, runs, strict=True):
            moving.calc = calculator
            for _ in run:
                pass
        return copies
    potential = HalvingPotential(calculator.potential)
    for moving in copies:
        moving.calc = PotentialCalculator(calculator.potential)
    while moved := [one for run in runs if (one := next(run, None)) is not None]:
        compute_waiting(moved, potential)
    return copies


def _relaxing(
    moving: Atoms,
    *,
    cell: bool = False,
    constant_volume: bool = False,
    tight: float = TIGHT,
    loose: float = LOOSE,
    steps: int = STEPS,
) -> Iterator[Atoms]:
    """Relax `moving`, which have a calculator; yield them before each computation. Errors are those of `relaxed`."""
    relaxation = optimize.stepped(
        moving, optimizer="bfgs", cell=cell, constant_volume=constant_volume, largest_volume=SWELL
    )
    best, since = np.inf, 0
    try:
        while True:
            yield moving
            step = relaxation.state()
            best, since = (step.fmax, 0) if step.fmax < 0.9 * best else (best, since + 1)
            if step.fmax < tight or step.steps >= steps or (since > STALL and step.fmax <= loose):
                break
            relaxation.move()
    except optimize.RelaxationError as error:
        raise UserError(f"the relaxation of {moving.symbols}: {error}") from error
    if step.fmax > loose:
        raise UserError(
            f"the relaxation of {moving.symbols} did not converge in {step.steps} steps: largest force "
            f"{step.fmax:.3g} eV/Å, not {loose:g}"
        )
