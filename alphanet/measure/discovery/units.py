"""Whether predictions are in eV/atom, judged by the scale of their differences from the truth."""

import numpy as np

from alphanet.errors import UserError

SUSPICIOUS = 0.5  # eV/atom; the medians of published models, MEGNet's and Voronoi's included, are below 0.15
GOOD = 0.2  # eV/atom; what another unit must bring the median to
BETTER_THAN_NOTHING = 0.75  # of the median if all were zero, which dividing by a large number amounts to
HOPELESS = 5.0  # eV/atom; the leaderboard takes no prediction that is further off


def require_units(
    where: str,
    predicted: np.ndarray,
    reference: np.ndarray,
    hull: np.ndarray,
    sites: np.ndarray | None,
) -> None:
    """Raise UserError where predictions fit the truth in another unit only, and name it.

    Args:
        where: file and column, for the message.
        predicted: (n,) as read; NaN where missing.
        reference: (n,) DFT values of what the column is called, eV/atom.
        hull: (n,) DFT energy above hull, eV/atom.
        sites: (n,) atoms in the cell, or none if unknown.
    """
    made = ~np.isnan(predicted)
    found = _median_difference(predicted[made], reference[made]) if made.any() else 0.0
    if found < SUSPICIOUS:
        return
    readings = {
        "meV/atom; divide them by 1000": (predicted / 1000, reference),
        "energies above hull, not formation energies; call the column e_above_hull…": (predicted, hull),
    }
    if sites is not None:
        readings |= {
            "eV of the whole cell; divide them by its number of atoms": (predicted / sites, reference),
            "meV of the whole cell; divide them by 1000 and by its number of atoms": (
                predicted / sites / 1000,
                reference,
            ),
        }
    said = f"{where}: half of the values differ from the DFT ones by more than {found:.3g} eV/atom"
    for name, (values, truth) in readings.items():
        difference = _median_difference(values[made], truth[made])
        if difference < min(GOOD, BETTER_THAN_NOTHING * np.median(np.abs(truth[made]))):
            raise UserError(f"{said}; they look like {name}")
    if found > HOPELESS:
        raise UserError(f"{said}; give formation energies or hull distances in eV/atom (are these total energies?)")


def _median_difference(values: np.ndarray, reference: np.ndarray) -> float:
    return float(np.median(np.abs(values - reference)))
