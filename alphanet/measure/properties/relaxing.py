"""Relaxation of positions and cells, as tight as the potential's noise allows, that says when it fails."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from alphanet.errors import UserError
from alphanet.measure.relaxation import optimize

TIGHT, LOOSE = 1e-5, 1e-2  # eV/Å: where it ends, and what is accepted if noise keeps it from getting there
STEPS = 400
STALL = 30  # steps without less force after which noise is the limit
SWELL = 2.0  # factor of the volume beyond which a crystal has become another one


def relaxed(
    atoms: Atoms,
    calculator: BaseCalculator,
    *,
    cell: bool = False,
    constant_volume: bool = False,
    tight: float = TIGHT,
    loose: float = LOOSE,
    steps: int = STEPS,
) -> Atoms:
    """A relaxed copy of `atoms` with the calculator.

    Args:
        atoms: the start; constraints are kept.
        calculator: of energy and forces, with stress if the cell relaxes.
        cell: whether the cell relaxes too.
        constant_volume: whether its volume stays.
        tight: eV/Å, the largest force at which it ends.
        loose: eV/Å, the largest force that is accepted if it cannot be made smaller.
        steps: the most that are taken.

    Raises:
        UserError: it diverges, does not converge, or the calculator has no stress.
    """
    moving: Atoms = atoms.copy()
    moving.calc = calculator
    best, since = np.inf, 0
    try:
        for step in optimize.relaxing(
            moving, fmax=tight, steps=steps, optimizer="bfgs", cell=cell, constant_volume=constant_volume,
            largest_volume=SWELL,
        ):  # fmt: skip
            best, since = (step.fmax, 0) if step.fmax < 0.9 * best else (best, since + 1)
            if since > STALL and step.fmax <= loose:
                break
    except optimize.RelaxationError as error:
        raise UserError(f"the relaxation of {atoms.symbols}: {error}") from error
    if step.fmax > loose:
        raise UserError(
            f"the relaxation of {atoms.symbols} did not converge in {step.steps} steps: largest force "
            f"{step.fmax:.3g} eV/Å, not {loose:g}"
        )
    return moving
