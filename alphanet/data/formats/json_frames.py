"""JSON of any of the packages that write structures: ASE, pymatgen, and monty's wrappings of both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.data.formats import ase_json, pymatgen_json
from alphanet.data.labels import labels_from, voigt, with_labels
from alphanet.errors import UserError
from alphanet.outside import json_value

ENERGIES = ("energy", "e_0_energy")  # of a trajectory's frames; the second is VASP's, extrapolated to zero smearing


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one JSON file. It is read with `json` alone: no classes are imported by the names in it."""
    value = pymatgen_json.load_json(path)
    if ase_json.is_database(value):
        yield from ase_json.read_database(value)
    elif ase_json.is_object(value):
        yield from ase_json.read_objects(value)
    else:
        yield from _of_monty(_with_arrays(value))


def _of_monty(value: Any) -> Iterator[Atoms]:
    """Frames of objects that pymatgen's own reader here does not know, by their class; of the others by that reader."""
    entries = value if isinstance(value, list) else [value]
    for entry in entries:
        kind = entry.get("@class") if isinstance(entry, dict) else None
        if kind == "MSONAtoms":
            for atoms in ase_json.read_objects(json_value(entry["atoms_json"], "atoms_json")):
                atoms.info.update(entry.get("atoms_info") or {})
                yield atoms
        elif kind in ("Molecule", "IMolecule"):
            yield _molecule(entry)
        elif kind == "Trajectory":
            yield from _trajectory(entry)
        else:
            yield from pymatgen_json.frames_of(entry)


def _with_arrays(value: Any) -> Any:
    """The value with numpy's arrays as lists: monty writes them as `{"@module": "numpy", "data": …}`."""
    if isinstance(value, list):
        return [_with_arrays(entry) for entry in value]
    if isinstance(value, dict):
        if value.get("@module") == "numpy" and "data" in value:
            return value["data"]
        return {key: _with_arrays(entry) for key, entry in value.items()}
    return value


def _molecule(value: dict[str, Any]) -> Atoms:
    species = [site["species"] for site in value["sites"]]
    if any(len(shared) != 1 or shared[0].get("occu", 1) != 1 for shared in species):
        raise UserError("a molecule is disordered (partial occupancies), which has no energy surface")
    return Atoms([shared[0]["element"] for shared in species], [site["xyz"] for site in value["sites"]])


def _trajectory(value: dict[str, Any]) -> Iterator[Atoms]:
    from pymatgen.core.trajectory import Trajectory

    properties = value.get("frame_properties") or []
    trajectory: Any = Trajectory.from_dict(value)
    for index, structure in enumerate(trajectory):
        given = (properties[index] if index < len(properties) else None) or {}
        atoms = (
            pymatgen_json.atoms_of(structure.as_dict())
            if hasattr(structure, "lattice")
            else _molecule(structure.as_dict())
        )
        stress = given.get("stress")
        energy = next((given[name] for name in ENERGIES if given.get(name) is not None), None)
        labels = labels_from(
            energy, given.get("forces"), None if stress is None else voigt(np.array(stress)) * -pymatgen_json.KILOBAR
        )
        yield with_labels(atoms, labels)
