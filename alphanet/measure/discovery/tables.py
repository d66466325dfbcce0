"""Tables of WBM predictions and of their DFT truth, joined on the material id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.discovery.files import columns_of, read_columns
from alphanet.measure.discovery.json_tables import ID
from alphanet.measure.discovery.metrics import hull_distance
from alphanet.measure.discovery.units import require_units

if TYPE_CHECKING:
    import pandas as pd

# The published summary's names first, then plain ones. The summary's e_above_hull_wbm is another quantity: without the
# corrections of MP2020, and above another hull.
TRUE_HULL = ("e_above_hull_mp2020_corrected_ppd_mp", "e_above_hull")
TRUE_FORMATION = ("e_form_per_atom_mp2020_corrected", "e_form_per_atom")
PREDICTED_HULL = ("e_above_hull", "each_pred")  # parts of names: models add their own
PREDICTED_FORMATION = ("e_form",)
FORMULA, SITES, UNIQUE = "formula", "n_sites", "unique_prototype"


@dataclass(frozen=True)
class Joined:
    """Hull distances of the n structures whose truth is known, in the truth's order."""

    ids: np.ndarray  # (n,) WBM material ids
    true: np.ndarray  # (n,) DFT energy above hull, eV/atom
    predicted: np.ndarray  # (n,) eV/atom; NaN where the prediction is missing
    column: str
    """The column of predictions that was read"""
    from_formation: bool
    """Whether that column holds formation energies"""
    unlabeled: int
    """Structures of the truth that lack a label, which are left out"""
    unknown: int
    """Predictions whose structures have no truth, which are left out"""
    discarded: int
    """Predictions further from the truth than the largest error allowed, which count as missing"""
    unique: np.ndarray | None  # (n,) whether the prototype is not among the Materials Project's or earlier in WBM
    formulas: np.ndarray | None  # (n,)

    @property
    def missing(self) -> int:
        """Structures without a prediction."""
        return int(np.isnan(self.predicted).sum())


def join(
    predictions: Path,
    truth: Path,
    column: str | None = None,
    *,
    both_labels: bool = False,
    max_error: float | None = None,
    decimals: int | None = None,
) -> Joined:
    """Read two tables (see `alphanet.measure.discovery.files`) and join them on `material_id`.

    Formation energies become hull distances by `hull_distance`.

    Args:
        predictions: has a column `…e_above_hull…` (or `…each_pred…`), else `…e_form…`, in eV/atom.
        truth: has the columns of the published WBM summary, in eV/atom.
        column: the column of predictions, if several could be it; it holds formation energies unless its name is that
            of a hull distance.
        both_labels: leave out structures that lack the formation energy also where hull distances are predicted.
        max_error: eV/atom; a prediction further from the truth counts as missing.
        decimals: of eV/atom, to which labels and predictions are rounded first.

    Raises:
        UserError: a file cannot be read; a column is missing or not unique; ids repeat, or the files share none; a
            value is not a number or infinite; predictions are not in eV/atom.
    """
    chosen, from_formation = predicted_column(predictions, column)
    predicted = _rounded(read_columns(predictions, [chosen])[chosen], decimals)
    table, hull_column, formation_column = _read_truth(truth, from_formation or both_labels)
    labels = [name for name in (hull_column, formation_column) if name is not None]
    labeled = table.dropna(subset=labels)
    if not labeled.index.isin(predicted.index).any():
        raise UserError(
            f"{predictions} and {truth} have no {ID} in common whose truth is known "
            f"({_example(predicted.index)} here, {_example(labeled.index)} there)"
        )
    true = _rounded(labeled[hull_column], decimals).to_numpy()
    named = labeled[formation_column] if from_formation else labeled[hull_column]  # what the predictions predict
    reference = _rounded(named, decimals).to_numpy()
    values = predicted.reindex(labeled.index).to_numpy()
    require_units(f"{predictions}: {chosen}", values, reference, true, _sites(labeled))
    outliers = np.abs(values - reference) > (np.inf if max_error is None else max_error)
    values = np.where(outliers, np.nan, values)
    if from_formation:
        values = hull_distance(true, reference, values)
    return Joined(
        ids=labeled.index.to_numpy(),
        true=true,
        predicted=values,
        column=chosen,
        from_formation=from_formation,
        unlabeled=len(table) - len(labeled),
        unknown=int((~predicted.index.isin(table.index)).sum()),
        discarded=int(outliers.sum()),
        unique=_flags(labeled, truth),
        formulas=labeled[FORMULA].to_numpy() if FORMULA in labeled else None,
    )


def predicted_column(path: Path, column: str | None) -> tuple[str, bool]:
    """The column of predictions in `path`, and whether it holds formation energies."""
    columns = [name for name in columns_of(path) if name != ID]
    if column is not None:
        if column not in columns:
            raise UserError(f"{path}: no column {column!r}{did_you_mean(column, columns)}")
        return column, not _is_one_of(column, PREDICTED_HULL)
    for parts in (PREDICTED_HULL, PREDICTED_FORMATION):
        fitting = [name for name in columns if _is_one_of(name, parts)]
        if len(fitting) > 1:
            raise UserError(f"{path}: {', '.join(fitting)} could all be the predictions; name the column")
        if fitting:
            return fitting[0], parts == PREDICTED_FORMATION
    raise UserError(
        f"{path}: name the column of the predictions: no column is called …e_above_hull… or …e_form…"
        f"{did_you_mean('e_form_per_atom', columns)}"
    )


def _is_one_of(column: str, known: tuple[str, ...]) -> bool:
    return any(name in column for name in known)


def _read_truth(path: Path, formation: bool) -> tuple[pd.DataFrame, str, str | None]:
    """The truth, and the names of its columns of hull distances and, if asked for, formation energies."""
    columns = columns_of(path)
    hull = _first_of(TRUE_HULL, columns, path)
    formation_column = _first_of(TRUE_FORMATION, columns, path) if formation else None
    numbers = [name for name in (hull, formation_column, SITES if SITES in columns else None) if name is not None]
    others = [name for name in (FORMULA, UNIQUE) if name in columns]
    return read_columns(path, numbers, others), hull, formation_column


def _first_of(names: tuple[str, ...], columns: list[str], path: Path) -> str:
    for name in names:
        if name in columns:
            return name
    raise UserError(
        f"{path}: no column {names[0]!r}{did_you_mean(names[0], columns)}; is it another version's summary?"
    )


def _rounded(values: pd.Series, decimals: int | None) -> pd.Series:
    return values if decimals is None else values.round(decimals)


def _sites(truth: pd.DataFrame) -> np.ndarray | None:
    return truth[SITES].to_numpy() if SITES in truth else None


def _flags(truth: pd.DataFrame, path: Path) -> np.ndarray | None:
    if UNIQUE not in truth:
        return None
    flags = truth[UNIQUE].map({True: True, False: False, "True": True, "False": False})
    if flags.isna().any():
        at = flags.isna().idxmax()
        raise UserError(f"{path}: {UNIQUE} of {at} is {truth[UNIQUE][at]!s}, neither True nor False")
    return np.asarray(flags.to_numpy(dtype=bool))


def _example(ids: pd.Index) -> str:
    return f"{len(ids)} such as {ids[0]}" if len(ids) else "none"
