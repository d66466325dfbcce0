"""One property by one calculator, with whatever goes wrong in one line."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, CalculatorError

from alphanet.errors import UserError
from alphanet.measure.properties.task import Property, Result

WRONG = (ArithmeticError, ValueError, RuntimeError, IndexError, np.linalg.LinAlgError, CalculatorError)
"""What packages raise when a potential sends them where their algorithms do not work"""


def computed(task: Property[Any], calculator: BaseCalculator, atoms: Atoms) -> Result:
    """The property of `atoms`.

    Raises:
        UserError: it cannot be had.
    """
    try:
        result: Result = task.compute(calculator, atoms)
    except WRONG as error:
        first = str(error).strip().splitlines()
        raise UserError(f"{task.name} fails: {type(error).__name__}: {first[0] if first else ''}") from error
    return result
