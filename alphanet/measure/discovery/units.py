"""Whether predictions are in eV/atom, judged by the scale of their differences from the truth."""

import numpy as np

from alphanet.errors import UserError

SUSPICIOUS = 0.5  # eV/atom; the medians of published models, MEGNet's and Voronoi's included, are below 0.15
GOOD = 0.2  # eV/atom; another unit must lower the median to this
BETTER_THAN_NOTHING = 0.75  # of the median if all were zero, which dividing by a large number amounts to
HOPELESS = 5.0  # eV/atom; the leaderboard counts predictions further off as missing


def require_units(
    where: str,
    predicted: np.ndarray,
    reference: np.ndarray,
    hull: np.ndarray,
    sites: np.ndarray | None,
) -> None:
    """Raise a UserError that names the unit if predictions fit the truth only in another unit.

    Args:
        where: file and column, for the message.
        predicted: (n,) as read; NaN where missing.
        reference: (n,) DFT values of what the column is called, eV/atom.
        hull: (n,) DFT energy above hull, eV/atom.
        sites: (n,) atoms in the cell; None if unknown.
    """
    present = ~np.isnan(predicted)
    median = _median_difference(predicted[present], reference[present]) if present.any() else 0.0
    if median < SUSPICIOUS:
        return
    candidates = {
        "meV/atom; divide them by 1000": (predicted / 1000, reference),
        "energies above hull, not formation energies; call the column e_above_hull…": (predicted, hull),
    }
    if sites is not None:
        candidates |= {
            "eV of the whole cell; divide them by its number of atoms": (predicted / sites, reference),
            "meV of the whole cell; divide them by 1000 and by its number of atoms": (
                predicted / sites / 1000,
                reference,
            ),
        }
    finding = f"{where}: half of the values differ from the DFT ones by more than {median:.3g} eV/atom"
    for name, (values, truth) in candidates.items():
        difference = _median_difference(values[present], truth[present])
        if difference < min(GOOD, BETTER_THAN_NOTHING * np.median(np.abs(truth[present]))):
            raise UserError(f"{finding}; they look like {name}")
    if median > HOPELESS:
        raise UserError(f"{finding}; give formation energies or hull distances in eV/atom (are these total energies?)")


def _median_difference(values: np.ndarray, reference: np.ndarray) -> float:
    return float(np.median(np.abs(values - reference)))
