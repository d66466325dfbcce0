"""Files of numbers by material id: CSV, Parquet, JSON and JSON lines, whole or by column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alphanet.errors import UserError, did_you_mean
from alphanet.measure.discovery.json_tables import ID, is_json_table, read_json_table
from alphanet.outside import DAMAGE, require_regular
from alphanet.printed import one_line

if TYPE_CHECKING:
    import pandas as pd

LONGEST = 200  # characters of a library's message
JSON_LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")


def columns_of(path: Path) -> list[str]:
    """Names of the columns; of JSON lines those of the first line.

    Raises:
        UserError: the file cannot be read.
    """
    import pandas as pd

    if path.name.endswith(".parquet"):
        return [str(name) for name in _parquet(path, None).columns]
    if path.name.endswith(JSON_LINES):
        return [str(name) for name in _whole(path, "JSON lines", lambda: _json_lines(path, nrows=1)).columns]
    if is_json_table(path):
        return [str(name) for name in _whole(path, "JSON", lambda: read_json_table(path)).columns]
    return [str(name) for name in _whole(path, "CSV", lambda: pd.read_csv(path, nrows=0)).columns]


def read_columns(path: Path, numbers: Sequence[str], others: Sequence[str] = ()) -> pd.DataFrame:
    """Columns of a table, by material id.

    Args:
        path: CSV (plain, gz, bz2, xz, zip), .parquet (where pandas finds a reader), .jsonl(.gz), or .json as pandas
            writes it (plain, gz, bz2, xz).
        numbers: columns of finite numbers; empty is NaN.
        others: columns that are taken as they are.

    Raises:
        UserError: the file cannot be read; a column is missing; ids are missing or repeat; a value is no number or is
            infinite.
    """
    present = columns_of(path)
    for name in (ID, *numbers, *others):
        if name not in present:
            raise UserError(f"{path}: no column {name!r}{did_you_mean(name, present)}")
    table = _read(path, [ID, *numbers, *others])
    _require_unique(table[ID], path)
    table = table.set_index(ID)
    for name in numbers:
        table[name] = _finite(table[name], path)
    return table


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    if path.name.endswith(".parquet"):
        return _parquet(path, columns).astype({ID: "string"})
    if path.name.endswith(JSON_LINES):
        return _whole(path, "JSON lines", lambda: _json_lines(path)).reindex(columns=columns).astype({ID: "string"})
    if is_json_table(path):
        return _whole(path, "JSON", lambda: read_json_table(path)).reindex(columns=columns).astype({ID: "string"})
    return _whole(path, "CSV", lambda: pd.read_csv(path, low_memory=False, usecols=columns, dtype={ID: "string"}))


def _json_lines(path: Path, nrows: int | None = None) -> pd.DataFrame:
    import pandas as pd

    return pd.read_json(path, lines=True, nrows=nrows, dtype=False, precise_float=True)


def _parquet(path: Path, columns: list[str] | None) -> pd.DataFrame:
    import pandas as pd

    try:
        return _whole(path, "Parquet", lambda: pd.read_parquet(path, columns=columns))
    except ImportError:
        raise UserError(
            f"{path}: no Parquet reader is installed here; pip install pyarrow, or save the table as .csv.gz"
        ) from None


def _whole(path: Path, kind: str, read: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    require_regular(path)
    try:
        return read()
    except OSError as error:  # gzip raises one for a wrong format, too
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except DAMAGE as error:
        reason = one_line(error, LONGEST)  # pandas may quote the whole file
        raise UserError(f"{path} is not a whole {kind} file: {reason}") from error


def _require_unique(ids: pd.Series, path: Path) -> None:
    if ids.isna().any():
        raise UserError(f"{path}: row {int(ids.isna().argmax()) + 1} has no {ID}")
    repeated = ids[ids.duplicated()].unique()
    if len(repeated):
        raise UserError(
            f"{path}: {len(repeated)} {ID}s occur more than once, the first is {repeated[0]}; keep one each"
        )


def _finite(values: pd.Series, path: Path) -> pd.Series:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
    if wrong.any():
        at = wrong.idxmax()
        raise UserError(
            f"{path}: {values.name} of {at} is not a finite number ({values[at]!s}); leave it empty if unknown"
        )
    return numbers
