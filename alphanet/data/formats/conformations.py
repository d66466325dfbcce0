"""Many conformations of one molecule as arrays: `.npz` of sGDML, MD17 and rMD17, HDF5 of SPICE and ANI.

Units come from the file alone. A file that does not state them is refused: kcal/mol, hartree and eV are all in use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from alphanet.data.labels import labels_from, with_labels
from alphanet.data.units import factor
from alphanet.errors import UserError
from alphanet.limits import require

NUMBERS = ("z", "Z", "nuclear_charges", "atomic_numbers", "numbers", "species")
POSITIONS = ("R", "coords", "coordinates", "positions", "conformations", "geometries")
ENERGIES = ("E", "energies", "energy", "dft_total_energy", "wb97x_dz.energy")
FORCES = ("F", "forces", "wb97x_dz.forces")
GRADIENTS = ("dft_total_gradient", "gradients", "gradient")
KNOWN = (*NUMBERS, *POSITIONS, *ENERGIES, *FORCES, *GRADIENTS)
STATED = "state them as `r_unit` and `e_unit` (say Ang and kcal/mol)"


@dataclass(frozen=True)
class Stated:
    """Units by which values become Å, eV and eV/Å; None if the file does not state one."""

    length: str | None
    energy: str | None
    forces: str | None


def is_npz(names: set[str]) -> bool:
    """Whether arrays of these names are conformations."""
    return not names.isdisjoint(POSITIONS) and not names.isdisjoint(NUMBERS)


def read_npz(path: Path) -> Iterator[Atoms]:
    """Frames of one file, in order; its stem becomes `info["group"]`.

    Raises:
        UserError: units are not stated or not known, or arrays do not fit each other.
    """
    with np.load(path, allow_pickle=False) as archive:
        names = set(archive.files)
        length, energy = (_text(archive[name]) if name in names else None for name in ("r_unit", "e_unit"))
        arrays = {
            name: archive[name] for name in (*NUMBERS, *POSITIONS, *ENERGIES, *FORCES, *GRADIENTS) if name in names
        }
        stated = Stated(length, energy, f"{energy}/{length}" if energy and length else None)
        how = f"numpy.savez({path.name!r}, **arrays, r_unit='Ang', e_unit='kcal/mol'), if these are right"
        cell = np.asarray(archive["lattice"], np.float64).T if "lattice" in names else None  # vectors are columns
    yield from _frames(arrays, stated, path.stem, how, cell)


def read_hdf5(path: Path) -> Iterator[Atoms]:
    """Frames of every group with conformations, in order of names; the group's name becomes `info["group"]`.

    Raises:
        UserError: h5py is not installed, no group has conformations, or as `read_npz`.
    """
    try:
        import h5py
    except ImportError:
        raise UserError("HDF5 files are read with h5py; install it: pip install h5py") from None
    empty = True
    with h5py.File(path, "r") as file:
        groups: list[Any] = [file]
        file.visititems(lambda _name, item: groups.append(item) if isinstance(item, h5py.Group) else None)
        for group in groups:
            datasets = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and name in KNOWN}
            if not is_npz(set(datasets)):
                continue
            empty = False
            how = (
                f"h5py.File({path.name!r}, 'a').attrs.update(r_unit='Ang', e_unit='hartree'), with those that are right"
            )
            for name, item in datasets.items():
                require(item.nbytes, "array", f"{group.name}/{name} has")
            arrays = {name: item[()] for name, item in datasets.items()}
            yield from _frames(arrays, _stated(file, datasets), group.name.strip("/") or path.stem, how)
    if empty:
        raise UserError(f"no group has positions ({', '.join(POSITIONS)}) and elements ({', '.join(NUMBERS)})")


def _stated(file: Any, datasets: Mapping[str, Any]) -> Stated:
    """The units that datasets state, or the file for all of them."""

    def of(names: tuple[str, ...], otherwise: str | None) -> str | None:
        name = next((name for name in names if name in datasets), None)
        unit = datasets[name].attrs.get("units") if name is not None else None
        return otherwise if unit is None else _text(unit)

    length, energy = (file.attrs.get(name) for name in ("r_unit", "e_unit"))
    length, energy = of(POSITIONS, length and _text(length)), of(ENERGIES, energy and _text(energy))
    return Stated(length, energy, of((*FORCES, *GRADIENTS), f"{energy}/{length}" if energy and length else None))


def _frames(
    arrays: Mapping[str, np.ndarray], stated: Stated, group: str, how: str, cell: np.ndarray | None = None
) -> Iterator[Atoms]:
    numbers = _numbers(_first(arrays, NUMBERS))
    positions = _conformations(_first(arrays, POSITIONS), len(numbers), "positions")
    energies, forces, gradients = (_first(arrays, names) for names in (ENERGIES, FORCES, GRADIENTS))
    lengths = _factor(stated.length, "length", how)
    if energies is not None:
        energies = np.asarray(energies, np.float64).reshape(-1) * _factor(stated.energy, "energy", how)
        if len(energies) != len(positions):
            raise UserError(f"{group}: {len(energies)} energies for {len(positions)} conformations")
    if forces is None and gradients is not None:
        forces = -np.asarray(gradients, np.float64)
    if forces is not None:
        forces = _conformations(forces, len(numbers), "forces") * _factor(stated.forces, "forces", how)
        if len(forces) != len(positions):
            raise UserError(f"{group}: forces of {len(forces)} conformations for {len(positions)}")
    for index, places in enumerate(positions):
        atoms = Atoms(numbers, places * lengths)
        if cell is not None:
            atoms.set_cell(cell * lengths)
            atoms.pbc = True
        atoms.info["group"] = group
        labels = labels_from(None if energies is None else energies[index], None if forces is None else forces[index])
        yield with_labels(atoms, labels)


def _first(arrays: Mapping[str, np.ndarray], names: tuple[str, ...]) -> Any:
    return next((arrays[name] for name in names if name in arrays), None)


def _numbers(values: Any) -> np.ndarray:
    """Atomic numbers, also from symbols; of all conformations alike, where each has its own."""
    values = np.asarray(values)
    if values.dtype.kind in "SUO":
        symbols = [_text(word) for word in values.reshape(-1)]
        unknown = [symbol for symbol in symbols if symbol not in atomic_numbers]
        if unknown:
            raise UserError(f"{unknown[0]!r} is no chemical symbol")
        return np.array([atomic_numbers[symbol] for symbol in symbols])
    if values.ndim == 2:
        if (values != values[0]).any():
            raise UserError("conformations differ in their elements; write one file for each molecule, or extxyz")
        values = values[0]
    return values.astype(int)


def _conformations(values: Any, atoms: int, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    values = values[None] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[1:] != (atoms, 3):
        raise UserError(f"{name} have the shape {values.shape} for {atoms} atoms")
    return values


def _factor(unit: str | None, quantity: Any, how: str) -> float:
    if unit is None:
        raise UserError(f"the file does not state its units, which differ between data sets; {STATED}: {how}")
    value = factor(unit, quantity)
    if value is None:
        raise UserError(f"{unit!r} is no known unit of {quantity}; {STATED}: {how}")
    return value


def _text(value: Any) -> str:
    value = np.asarray(value).item() if not isinstance(value, (str, bytes)) else value
    return value.decode() if isinstance(value, bytes) else str(value)
