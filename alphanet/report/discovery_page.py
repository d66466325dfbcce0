"""Everything a page shows of one set of predictions: figures in print and for a browser, their numbers as CSV."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alphanet.errors import UserError
from alphanet.files import write_text
from alphanet.measure.discovery_curves import (
    FEWEST,
    ParityDensity,
    cumulative_curve,
    parity_density,
    roc_curve,
    rolling_mae,
)
from alphanet.measure.discovery_elements import element_errors
from alphanet.measure.discovery_tables import FORMULA, Joined
from alphanet.report import discovery_figures as printed
from alphanet.report import discovery_html as html
from alphanet.report.periodic_html import periodic_table_html
from alphanet.report.periodic_table import periodic_table_figure

TREE = """\
{folder}
└── parity, cumulative, rolling_mae, roc, elements: .png, .svg, .pdf, .html, and .csv with their numbers"""


def write_page(folder: Path, title: str, joined: Joined, score: dict[str, Any], report: Callable[[str], None]) -> None:
    """Write the figures of a subset's predictions into `folder`.

    Args:
        folder: made if need be.
        title: what was predicted, by what.
        joined: the subset.
        score: its metrics.
        report: called with what cannot be drawn, and why.

    Raises:
        UserError: the subset has no prediction at all, or a formula cannot be read.
    """
    true, predicted = joined.true, joined.predicted
    if np.isnan(predicted).all():
        raise UserError(f"{title}: no prediction to draw")
    density = parity_density(true, predicted)
    _write_csv(folder / "parity.csv", density_table(density))
    printed.parity_figure(folder / "parity", title, density, score)
    html.parity_html(folder / "parity.html", title, density)

    curve = cumulative_curve(true, predicted)
    _write_csv(folder / "cumulative.csv", curve)
    printed.cumulative_figure(folder / "cumulative", title, curve)
    html.cumulative_html(folder / "cumulative.html", title, curve)

    rolling = rolling_mae(true, predicted)
    _write_csv(folder / "rolling_mae.csv", rolling)
    printed.rolling_figure(folder / "rolling_mae", title, rolling)
    html.rolling_html(folder / "rolling_mae.html", title, rolling)

    roc = roc_curve(true, predicted)
    if roc is None:
        report("roc is left out: the structures are all stable, or all unstable")
    else:
        _write_csv(folder / "roc.csv", roc.curve)
        printed.roc_figure(folder / "roc", title, roc)
        html.roc_html(folder / "roc.html", title, roc)

    if joined.formulas is None:
        report(f"elements is left out: the truth has no column {FORMULA}")
    else:
        _write_elements(folder, title, element_errors(joined.formulas, true, predicted))


def density_table(density: ParityDensity) -> pd.DataFrame:
    """The squares that hold structures: `dft` and `predicted` at their centres (eV/atom), `structures`."""
    centres = (density.edges[1:] + density.edges[:-1]) / 2
    rows, columns = np.nonzero(density.counts)
    return pd.DataFrame(
        {"dft": centres[rows], "predicted": centres[columns], "structures": density.counts[rows, columns]}
    )


def _write_elements(folder: Path, title: str, errors: pd.DataFrame) -> None:
    _write_csv(folder / "elements.csv", errors.reset_index())
    label = f"MAE (meV/atom); grey: fewer than {FEWEST} structures"
    values = {str(one.Index): 1e3 * one.mae for one in errors.itertuples() if one.structures >= FEWEST}
    said = {
        str(one.Index): f"{one.Index}: MAE {1e3 * one.mae:.1f} meV/atom<br>{one.structures} structures"
        for one in errors.itertuples()
    }
    periodic_table_figure(folder / "elements", title, values, label)
    periodic_table_html(folder / "elements.html", title, values, label, said)


def _write_csv(path: Path, table: pd.DataFrame) -> None:
    write_text(path, table.to_csv(index=False))
