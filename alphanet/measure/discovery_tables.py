"""Tables of WBM predictions and of their DFT truth, joined on the material id."""

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.discovery import hull_distance

ID = "material_id"
# The published summary's names first, then plain ones. The summary's e_above_hull_wbm is another quantity: without the
# corrections of MP2020, and above another hull.
TRUE_HULL = ("e_above_hull_mp2020_corrected_ppd_mp", "e_above_hull")
TRUE_FORMATION = ("e_form_per_atom_mp2020_corrected", "e_form_per_atom")
PREDICTED_HULL = ("e_above_hull", "each_pred")  # beginnings of names: models add their own
PREDICTED_FORMATION = ("e_form",)


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
    unlabelled: int
    """Structures of the truth that lack a label, which are left out"""
    unknown: int
    """Predictions whose structures have no truth, which are left out"""

    @property
    def missing(self) -> int:
        """Structures without a prediction."""
        return int(np.isnan(self.predicted).sum())


def join(predictions: Path, truth: Path, column: str | None = None) -> Joined:
    """Read two CSV files (plain, gz, bz2, xz, zip) and join them on `material_id`.

    Formation energies become hull distances by `hull_distance`.

    Args:
        predictions: has a column `e_above_hull…` (or `each_pred…`), else `e_form…`, in eV/atom.
        truth: has the columns of the published WBM summary, in eV/atom.
        column: the column of predictions to take where several would do.

    Raises:
        UserError: a file cannot be read; a column is missing or not unique; ids repeat or none is common; a value is
            no number or is infinite.
    """
    chosen, from_formation = _predicted_column(predictions, column)
    predicted = _read(predictions, [chosen])[chosen]
    hull_column = _first_of(TRUE_HULL, truth)
    labels = [hull_column, _first_of(TRUE_FORMATION, truth)] if from_formation else [hull_column]
    everything = _read(truth, labels)
    known = everything.dropna()
    aligned = predicted.reindex(known.index)
    common = int(known.index.isin(predicted.index).sum())
    if not common:
        raise UserError(
            f"{predictions} and {truth} have no {ID} in common whose truth is known "
            f"({_example(predicted.index)} here, {_example(known.index)} there)"
        )
    values = aligned.to_numpy(dtype=np.float64)
    true = known[hull_column].to_numpy(dtype=np.float64)
    if from_formation:
        values = hull_distance(true, known[labels[1]].to_numpy(dtype=np.float64), values)
    return Joined(
        ids=known.index.to_numpy(),
        true=true,
        predicted=values,
        column=chosen,
        from_formation=from_formation,
        unlabelled=len(everything) - len(known),
        unknown=int((~predicted.index.isin(everything.index)).sum()),
    )


def _predicted_column(path: Path, asked: str | None) -> tuple[str, bool]:
    """The column of predictions in `path`, and whether it holds formation energies."""
    columns = _columns(path)
    if asked is not None:
        if asked not in columns:
            raise UserError(f"{path}: no column {asked!r}{did_you_mean(asked, columns)}")
        if not asked.startswith(PREDICTED_HULL + PREDICTED_FORMATION):
            raise UserError(f"{path}: column {asked!r}: rename it to e_above_hull… or e_form…, to say which it holds")
        return asked, asked.startswith(PREDICTED_FORMATION)
    for beginnings in (PREDICTED_HULL, PREDICTED_FORMATION):
        fitting = [name for name in columns if name.startswith(beginnings)]
        if len(fitting) > 1:
            raise UserError(f"{path}: {', '.join(fitting)} could all be the predictions; name one with --column")
        if fitting:
            return fitting[0], beginnings == PREDICTED_FORMATION
    raise UserError(
        f"{path}: no column whose name begins with e_above_hull or e_form{did_you_mean('e_form_per_atom', columns)}"
    )


def _first_of(names: tuple[str, ...], path: Path) -> str:
    columns = _columns(path)
    for name in names:
        if name in columns:
            return name
    raise UserError(f"{path}: no column {names[0]!r}{did_you_mean(names[0], columns)}")


def _columns(path: Path) -> list[str]:
    return [str(name) for name in _csv(path, nrows=0).columns]


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    """`columns` as numbers, by material id."""
    present = _columns(path)
    if ID not in present:
        raise UserError(f"{path}: no column {ID!r}{did_you_mean(ID, present)}")
    table = _csv(path, usecols=[ID, *columns], dtype={ID: "string"})
    ids = table[ID]
    if ids.isna().any():
        raise UserError(f"{path}: row {int(ids.isna().argmax()) + 1} has no {ID}")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise UserError(
            f"{path}: {len(repeated)} {ID}s occur more than once, the first is {repeated[0]}; keep one each"
        )
    numbers = table.set_index(ID)
    for name in columns:
        numbers[name] = _numbers(numbers[name], path)
    return numbers


def _numbers(values: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
    if wrong.any():
        at = wrong.idxmax()
        raise UserError(
            f"{path}: {values.name} of {at} is not a finite number ({values[at]!s}); leave it empty if unknown"
        )
    return numbers


def _csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        return pd.read_csv(path, low_memory=False, **options)
    except OSError as error:  # gzip's complaint about a wrong format is one too
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    # pandas' and the text decoder's complaints are ValueErrors
    except (ValueError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a whole CSV file: {' '.join(str(error).split())}") from error


def _example(ids: pd.Index) -> str:
    return f"{len(ids)} such as {ids[0]}" if len(ids) else "none"
