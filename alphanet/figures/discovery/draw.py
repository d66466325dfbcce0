"""All figures of one set of predictions, and their numbers as CSV."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from alphanet.errors import UserError
from alphanet.figures.discovery.curves import cumulative_figure, parity_figure, roc_figure, rolling_figure
from alphanet.figures.discovery.periodic_table import periodic_table_figure
from alphanet.files import write_text
from alphanet.measure.discovery.curves import (
    FEWEST,
    ParityDensity,
    cumulative_curve,
    parity_density,
    roc_curve,
    rolling_mae,
)
from alphanet.measure.discovery.elements import element_errors
from alphanet.measure.discovery.tables import FORMULA, Joined
from alphanet.results.records import Facts

logger = logging.getLogger(__name__)


FIGURES = {
    "parity": "Predicted against DFT energies above the hull",
    "cumulative": "Precision and recall of the structures predicted most stable",
    "rolling_mae": "MAE against the DFT distance to the hull",
    "roc": "Receiver operating characteristic",
    "elements": "MAE of each element",
}
"""Title of each figure by its name"""


def draw_predictions(folder: Path, prefix: str, title: str, joined: Joined, score: Facts) -> None:
    """Draw the figures of a subset's predictions into `folder`; what cannot be drawn is logged.

    Args:
        folder: made if need be.
        prefix: of the files' names, before those of `FIGURES`.
        title: what was predicted, by what.
        joined: the subset.
        score: its metrics.

    Raises:
        UserError: the subset has no prediction at all, or a formula cannot be read.
    """
    true, predicted = joined.true, joined.predicted
    if np.isnan(predicted).all():
        raise UserError(f"{title}: no prediction to draw")
    density = parity_density(true, predicted)
    _write_csv(folder / f"{prefix}parity.csv", density_table(density))
    parity_figure(folder / f"{prefix}parity", title, density, score)

    curve = cumulative_curve(true, predicted)
    _write_csv(folder / f"{prefix}cumulative.csv", curve)
    cumulative_figure(folder / f"{prefix}cumulative", title, curve)

    rolling = rolling_mae(true, predicted)
    _write_csv(folder / f"{prefix}rolling_mae.csv", rolling)
    rolling_figure(folder / f"{prefix}rolling_mae", title, rolling)

    roc = roc_curve(true, predicted)
    if roc is None:
        logger.warning("roc is left out: the structures are all stable, or all unstable")
    else:
        _write_csv(folder / f"{prefix}roc.csv", roc.curve)
        roc_figure(folder / f"{prefix}roc", title, roc)

    if joined.formulas is None:
        logger.warning(f"elements is left out: the truth has no column {FORMULA}")
    else:
        _write_elements(folder, prefix, title, element_errors(joined.formulas, true, predicted))


def density_table(density: ParityDensity) -> pd.DataFrame:
    """The squares that hold structures: `dft` and `predicted` at their centers (eV/atom), `structures`."""
    centers = (density.edges[1:] + density.edges[:-1]) / 2
    rows, columns = np.nonzero(density.counts)
    return pd.DataFrame(
        {"dft": centers[rows], "predicted": centers[columns], "structures": density.counts[rows, columns]}
    )


def _write_elements(folder: Path, prefix: str, title: str, errors: pd.DataFrame) -> None:
    _write_csv(folder / f"{prefix}elements.csv", errors.reset_index())
    label = f"MAE (meV/atom); gray: fewer than {FEWEST} structures"
    values = {str(row.Index): 1e3 * row.mae for row in errors.itertuples() if row.structures >= FEWEST}
    periodic_table_figure(folder / f"{prefix}elements", title, values, label)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    write_text(path, table.to_csv(index=False))
