"""The error of predictions element by element."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from alphanet.errors import UserError

PART = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)\s*")


def element_errors(formulas: Iterable[str], true: np.ndarray, predicted: np.ndarray) -> pd.DataFrame:
    """MAE of each element: the mean over structures of their error, weighted by the element's share of their atoms.

    Args:
        formulas: n of them, such as `Ac6 U2` or `Fe2O3`.
        true: (n,) eV/atom.
        predicted: (n,) eV/atom; NaN is a missing prediction.

    Returns:
        By symbol, in the order of the atomic number: `mae` (eV/atom), `structures`.

    Raises:
        UserError: a formula has another form, or a symbol in it is not an element.
    """
    from ase.data import atomic_numbers

    found: dict[str, list[float]] = {}  # weighted error, weight, structures
    for formula, error in zip(formulas, np.abs(predicted - true).tolist(), strict=True):
        if error != error:  # NaN: no prediction
            continue
        for symbol, share in atomic_shares(formula).items():
            if symbol not in atomic_numbers:
                raise UserError(f"formula {formula!r}: {symbol} is not an element")
            sums = found.setdefault(symbol, [0.0, 0.0, 0.0])
            sums[0] += share * error
            sums[1] += share
            sums[2] += 1
    symbols = sorted(found, key=atomic_numbers.__getitem__)
    return pd.DataFrame(
        {
            "mae": [found[symbol][0] / found[symbol][1] for symbol in symbols],
            "structures": [int(found[symbol][2]) for symbol in symbols],
        },
        index=pd.Index(symbols, name="element"),
    )


def atomic_shares(formula: str) -> dict[str, float]:
    """Each element's share of the atoms.

    Raises:
        UserError: the formula is not a list of elements with counts.
    """
    parts = PART.findall(formula) if isinstance(formula, str) else []
    if not parts or PART.sub("", formula):
        raise UserError(f"formula {formula!r} is not a list of elements with counts, such as Ac6 U2")
    counts: dict[str, float] = {}
    for symbol, count in parts:
        counts[symbol] = counts.get(symbol, 0.0) + (float(count) if count else 1.0)
    atoms = sum(counts.values())
    return {symbol: count / atoms for symbol, count in counts.items()}
