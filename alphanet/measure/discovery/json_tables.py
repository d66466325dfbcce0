"""Tables as pandas writes them to JSON, in any of its orientations, by material id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphanet.errors import UserError
from alphanet.files import PACKING, text_of
from alphanet.outside import json_value

if TYPE_CHECKING:
    import pandas as pd

ID = "material_id"


def is_json_table(path: Path) -> bool:
    """Whether the name is that of a JSON file, packed or not."""
    return (Path(path.stem) if path.suffix in PACKING else path).suffix == ".json"


def read_json_table(path: Path) -> pd.DataFrame:
    """The table in a JSON file: columns, records, split, index or table of pandas, or one number for each id.

    Ids are a column `material_id`, or the index.

    Raises:
        UserError: the JSON holds no table.
        ValueError: the file is no JSON.
    """
    with path.open("rb") as stream, text_of(stream, path.name) as text:
        value = json_value(text.read(), str(path))
    table = _table(value)
    if table is None:
        raise UserError(
            f"{path}: this JSON holds no table; write it with pandas' to_json, or as .csv.gz or JSON lines (.jsonl)"
        )
    if ID not in table.columns:
        table = table.rename_axis(ID).reset_index()
    return table


def _table(value: Any) -> pd.DataFrame | None:
    import pandas as pd

    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return pd.DataFrame.from_records(value)
    if not isinstance(value, dict) or not value:
        return None
    if {"columns", "data"} <= value.keys():  # orient="split"
        return pd.DataFrame(value["data"], columns=value["columns"], index=value.get("index"))
    if {"schema", "data"} <= value.keys():  # orient="table"
        return pd.DataFrame.from_records(value["data"])
    if all(isinstance(part, dict) for part in value.values()):
        by_rows = ID not in value and len(value) > len(next(iter(value.values())))  # orient="index"
        return pd.DataFrame.from_dict(value, orient="index" if by_rows else "columns")
    if all(part is None or isinstance(part, (int, float)) for part in value.values()):  # a Series
        return pd.DataFrame({"prediction": pd.Series(value)})
    return None
