"""Relaxation of positions and cells, as tight as the potential's noise allows, that says when it fails."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from alphanet.errors import UserError

TIGHT, LOOSE = 1e-5, 1e-2  # eV/Å: where it ends, and what is accepted if noise keeps it from getting there
STEPS = 400
STALL = 30  # steps without less force after which noise is the limit
WILD = 1e3  # eV/Å
SWELL = 2.0  # factor of the volume


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
    if not cell and _largest(moving) <= tight:
        return moving
    try:
        target: Any = FrechetCellFilter(moving, constant_volume=constant_volume) if cell else moving
        return _relax(moving, target, atoms, tight, loose, steps)
    except (PropertyNotImplementedError, NotImplementedError) as error:
        raise UserError(f"a cell that relaxes needs a stress, which the potential lacks ({error})") from error
    except (np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
        raise UserError(f"the relaxation of {atoms.symbols} diverged ({error})") from error


def _relax(moving: Atoms, target: Any, start: Atoms, tight: float, loose: float, steps: int) -> Atoms:
    best, since, count = np.inf, 0, 0
    for _ in BFGS(target, logfile=None).irun(fmax=tight, steps=steps):
        force = _largest(target)
        swell = moving.get_volume() / start.get_volume() if start.cell.rank == 3 else 1.0
        if not np.isfinite(force) or force > WILD or not 1 / SWELL < swell < SWELL:
            raise UserError(
                f"the relaxation of {start.symbols} diverged after {count} steps: largest force {force:.3g} eV/Å, "
                f"volume {swell:.2f} of the first"
            )
        best, since = (force, 0) if force < 0.9 * best else (best, since + 1)
        count += 1
        if since > STALL and force <= loose:
            break
    if (force := _largest(target)) > loose:
        raise UserError(
            f"the relaxation of {start.symbols} did not converge in {count} steps: largest force {force:.3g} eV/Å, "
            f"not {loose:g}"
        )
    return moving


def _largest(target: Any) -> float:
    return float(np.linalg.norm(target.get_forces(), axis=-1).max())
