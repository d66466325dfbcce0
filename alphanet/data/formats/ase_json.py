"""ASE's JSON: databases (`ase.io.write("a.json", atoms)`, `ase db`, C2DB) and objects of `ase.io.jsonio`."""

from collections.abc import Iterator
from typing import Any

from ase import Atoms
from ase.db.row import AtomsRow

from alphanet.data.rows import frame_of_row
from alphanet.errors import UserError


def is_database(value: Any) -> bool:
    """Whether the content of a JSON file is a database of ASE."""
    return isinstance(value, dict) and "ids" in value and "nextid" in value


def is_object(value: Any) -> bool:
    """Whether it is an object that ASE wrote, or a list of such objects."""
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and ("__ase_objtype__" in first or {"numbers", "positions", "cell"} <= first.keys())


def read_database(value: dict[str, Any]) -> Iterator[Atoms]:
    """Rows in order of id, as those of ASE's other databases."""
    for number in value["ids"]:
        row = value.get(str(number))
        if not isinstance(row, dict):
            raise UserError(f"row {number} of the ASE database is missing")
        yield frame_of_row(AtomsRow({"id": number, **_decoded(row)}))


def read_objects(value: Any) -> Iterator[Atoms]:
    """Frames of objects, as `Atoms.todict` and ASE's encoder write them."""
    for entry in value if isinstance(value, list) else [value]:
        decoded = _decoded(entry)
        if isinstance(decoded, dict):
            decoded = Atoms.fromdict({key: part for key, part in decoded.items() if key != "__ase_objtype__"})
        if not isinstance(decoded, Atoms):
            raise UserError(f"expected ASE's Atoms, found {type(decoded).__name__}")
        yield decoded


def _decoded(value: Any) -> Any:
    """The value with ASE's arrays and objects; only classes that ASE's JSON knows are made."""
    from ase.io.jsonio import decode, encode

    return decode(encode(value))
