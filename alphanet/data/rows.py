"""Frames as rows of ASE's databases, `.db` and `.aselmdb`, and back, with everything that ASE keeps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ase import Atoms
from ase.db.row import AtomsRow
from ase.io.jsonio import decode, encode

from alphanet.data.constraints import constrained, set_aside
from alphanet.data.labels import OTHER_RESULTS, labels_from, labels_of, other_results, with_labels
from alphanet.data.leftovers import Leftovers

NATIVE_ARRAYS = ("numbers", "positions", "tags", "momenta", "masses", "initial_magmoms", "initial_charges")
SQLITE_RESULTS = {"energy", "free_energy", "forces", "stress", "dipole", "magmoms", "magmom", "charges"}


def whole(atoms: Atoms) -> Atoms:
    """A copy with ASE's constraints and, in a calculator of its own, all results, labels in float64."""
    return with_labels(constrained(atoms), labels_of(atoms), other_results(atoms))


def extras_of(atoms: Atoms, leftovers: Leftovers) -> dict[str, object]:
    """What the row of a `whole` frame holds as `data`: `info`, arrays that rows lack, results that SQLite lacks."""
    arrays = {
        key: _listed(values)
        for key, values in atoms.arrays.items()
        if key not in NATIVE_ARRAYS and is_json(values, f"array {key!r}", leftovers)
    }
    results = {key: value for key, value in other_results(atoms).items() if key not in SQLITE_RESULTS}
    return {"info": json_info(atoms.info, leftovers), "arrays": arrays, **({"results": results} if results else {})}


def json_info(info: Mapping[Any, Any], leftovers: Leftovers) -> dict[str, Any]:
    """The entries that ASE's JSON gives back as they are; names that are whole numbers change there."""
    entries = {}
    for key, value in info.items():
        name = str(key)
        if _as_number(name) != name:
            leftovers.add(f"info {name!r} (name becomes {_as_number(name)!r})")
        if is_json(value, f"info {name!r}", leftovers):
            entries[name] = _listed(value)
    return entries


def is_json(value: Any, name: str, leftovers: Leftovers) -> bool:
    """Whether ASE's JSON can hold a value; if not, its name is added to the leftovers."""
    try:
        encode(value).encode("utf-8")
    except (TypeError, ValueError, RuntimeError, RecursionError):
        leftovers.add(name)
        return False
    return True


def _unflattened(name: str, values: Any, n_atoms: int) -> Any:
    """Moments with directions, which ASE writes into SQLite as a list of 3 n numbers, as (n, 3); others as they are."""
    flat = name in ("initial_magmoms", "magmoms") and np.shape(values) == (3 * n_atoms,)
    return np.reshape(values, (n_atoms, 3)) if flat else values


def frame_of_row(row: AtomsRow) -> Atoms:
    """The frame of a row: raw forces, constraints set aside, key-value pairs and `data` in `info`."""
    atoms = Atoms(row["numbers"], row["positions"], cell=row["cell"], pbc=row["pbc"])
    for name in NATIVE_ARRAYS[2:]:
        if (values := row.get(name)) is not None:
            atoms.set_array(name, _unflattened(name, np.asarray(values), len(atoms)))
    data = row.data
    if data.keys() == {"json"}:
        data = decode(data["json"])
    ours = {"info", "arrays"} <= data.keys() <= {"info", "arrays", "results"}
    extras = {**data} if ours else {"info": data}
    # `data=atoms.info` is how others write what is no number or word.
    atoms.info.update(row.key_value_pairs)
    atoms.info.update({str(key): value for key, value in dict(extras["info"]).items()})
    for name, values in extras.get("arrays", {}).items():
        atoms.set_array(str(name), np.asarray(values))
    if constraints := row.constraints:
        atoms.set_constraint(constraints)
        set_aside(atoms)
    others = {
        name: _unflattened(name, values, len(atoms)) for name in OTHER_RESULTS if (values := row.get(name)) is not None
    }
    labels = labels_from(*(row.get(name) for name in ("energy", "forces", "stress")))
    return with_labels(atoms, labels, others | dict(extras.get("results", {})))


def _as_number(name: str) -> str:
    try:
        return str(int(name))
    except ValueError:
        return name


def _listed(value: Any) -> Any:
    """Arrays of words as lists, which every database of ASE takes."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
        return value.tolist()
    return value
