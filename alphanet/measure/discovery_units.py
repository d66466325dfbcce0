"""Whether predictions are in eV/atom, judged by the scale of their differences from the truth."""

import numpy as np

from alphanet.errors import UserError

SUSPICIOUS = 0.5  # eV/atom; the medians of published models, MEGNet's and Voronoi's included, are below 0.15
CLEARLY_BETTER = 0.1  # of the median difference as it stands: what another unit must bring it to
HOPELESS = 5.0  # eV/atom; the leaderboard takes no prediction that is further off


def require_units(
    where: str,
    predicted: np.ndarray,
    reference: np.ndarray,
    hull: np.ndarray,
    sites: np.ndarray | None,
) -> None:
    """Raise UserError where predictions fit the truth much better in another unit, and name it.

    Args:
        where: file and column, for the message.
        predicted: (n,) as read; NaN where missing.
        reference: (n,) DFT values of what the column is called, eV/atom.
        hull: (n,) DFT energy above hull, eV/atom.
        sites: (n,) atoms in the cell, or none if unknown.
    """
    made = ~np.isnan(predicted)
    if not made.any():
        return
    predicted, reference, hull = predicted[made], reference[made], hull[made]
    found = _median_difference(predicted, reference)
    if found < SUSPICIOUS:
        return
    tries = {
        "meV/atom, not eV/atom; divide by 1000": _median_difference(predicted / 1000, reference),
        "energies above hull, not formation energies; call the column e_above_hull…": _median_difference(
            predicted, hull
        ),
    }
    if sites is not None:
        atoms = sites[made]
        tries["eV of the whole cell, not eV/atom; divide by the number of atoms"] = _median_difference(
            predicted / atoms, reference
        )
        tries["meV of the whole cell, not eV/atom"] = _median_difference(predicted / atoms / 1000, reference)
    name, best = min(tries.items(), key=lambda tried: tried[1])
    said = f"{where}: half of the values differ from the DFT ones by more than {found:.3g} eV/atom"
    if best < CLEARLY_BETTER * found:
        raise UserError(f"{said}; they look like {name}")
    if found > HOPELESS:
        raise UserError(
            f"{said}: no energies per atom in eV above the same references; give formation energies or hull distances "
            "in eV/atom (total energies?)"
        )


def _median_difference(values: np.ndarray, reference: np.ndarray) -> float:
    return float(np.median(np.abs(values - reference)))
