"""pymatgen's JSON: a Structure, a ComputedStructureEntry, a list of either, or MPtrj's nested records."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ase import Atoms, units

from alphanet.data.labels import Labels, labels_from, voigt, with_labels
from alphanet.errors import UserError
from alphanet.files import text_of
from alphanet.outside import json_value

KILOBAR = 0.1 * units.GPa


def frames_of(value: Any) -> Iterator[Atoms]:
    """Frames of the content of a JSON file."""
    yield from _frames(value, {})


def load_json(path: Path) -> Any:
    """The content of a JSON file, plain or packed with gz, xz or bz2."""
    with path.open("rb") as stream, text_of(stream, path.name) as text:
        return json_value(text.read(), path.name)


def _frames(value: Any, info: dict[str, Any]) -> Iterator[Atoms]:
    if isinstance(value, list):
        for entry in value:
            yield from _frames(entry, info)
        return
    if not isinstance(value, dict):
        raise UserError(f"expected pymatgen structures, found {type(value).__name__}")
    if value.get("@class") == "Structure" or {"lattice", "sites"} <= value.keys():
        yield atoms_of(value, _site_labels(value), info)
    elif "structure" in value:
        yield atoms_of(value["structure"], _labels(value), {**info, **_names(value)})
    else:
        for key, entry in value.items():
            # MPtrj: material -> frame -> record. The outermost key is the material.
            if not isinstance(entry, (dict, list)):
                raise UserError(f"key {key!r} holds no pymatgen structure; is this pymatgen JSON?")
            yield from _frames(entry, {"frame": key, **info} if "group" in info else {"group": key})


def atoms_of(structure: dict[str, Any], labels: Labels | None = None, info: Mapping[str, Any] | None = None) -> Atoms:
    """The frame of a pymatgen Structure's dictionary.

    Raises:
        UserError: a site is shared by several elements.
    """
    from pymatgen.core import Structure

    parsed = Structure.from_dict(structure)
    if not parsed.is_ordered:
        raise UserError(f"structure {parsed.formula} is disordered (partial occupancies), which has no energy surface")
    numbers = [site.specie.Z for site in parsed]
    atoms = Atoms(numbers, parsed.cart_coords, cell=parsed.lattice.matrix, pbc=parsed.lattice.pbc)
    atoms.info.update(info or {})
    return with_labels(atoms, labels or Labels())


def _labels(record: dict[str, Any]) -> Labels:
    """Labels of a ComputedStructureEntry (raw energy, eV) or an MPtrj record (stress in kbar, as VASP)."""
    data = record.get("data") or {}
    energy = record.get("uncorrected_total_energy", record.get("energy"))
    forces = record.get("force", record.get("forces", data.get("forces")))
    stress = record.get("stress", data.get("stress"))
    return _site_labels(record["structure"]) | labels_from(
        energy, forces, None if stress is None else voigt(stress) * -KILOBAR
    )


def _site_labels(structure: dict[str, Any]) -> Labels:
    """Forces that pymatgen keeps as a property of every site."""
    forces = [(site.get("properties") or {}).get("forces") for site in structure["sites"]]
    if not forces or any(force is None for force in forces):
        return Labels()
    return labels_from(forces=forces)


def _names(record: dict[str, Any]) -> dict[str, Any]:
    return {key: record[key] for key in ("entry_id", "mp_id", "material_id") if record.get(key) is not None}
