"""DeePMD's npy folders: `type.raw`, `type_map.raw` and `set.*/{coord,box,energy,force,virial}.npy`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from alphanet.data.labels import labels_from, labels_of, stress_from_virial, with_labels
from alphanet.errors import UserError


def is_system(folder: Path) -> bool:
    """Whether `folder` is one DeePMD system."""
    return (folder / "type.raw").is_file()


def read(folder: Path) -> Iterator[Atoms]:
    """Frames of one system; its folder's name becomes `info["group"]`, the virial (eV) a stress (eV/Å^3)."""
    symbols = _symbols(folder)
    periodic = not (folder / "nopbc").exists()
    for part in sorted(folder.glob("set.*")):
        arrays = {name: _array(part, name) for name in ("coord", "box", "energy", "force", "virial")}
        coord = arrays["coord"]
        if coord is None:
            raise UserError(f"{part} has no coord.npy")
        _check_lengths(part, arrays, len(coord), len(symbols))
        for index in range(len(coord)):
            # Copies, because the arrays are mapped files.
            row = {name: np.array(values[index], np.float64) for name, values in arrays.items() if values is not None}
            atoms = Atoms(symbols, row["coord"].reshape(-1, 3), pbc=periodic)
            if periodic:
                if "box" not in row:
                    raise UserError(f"{part} has no box.npy, and {folder} has no file nopbc")
                atoms.set_cell(row["box"].reshape(3, 3))
            labels = labels_from(
                row["energy"].reshape(-1)[0] if "energy" in row else None,
                row["force"].reshape(-1, 3) if "force" in row else None,
                stress_from_virial(row["virial"], atoms.get_volume()) if "virial" in row and periodic else None,
            )
            atoms.info["group"] = folder.name
            yield with_labels(atoms, labels)


def write(folder: Path, frames: Iterable[Atoms]) -> int:
    """Write frames that share one list of atoms into the empty folder `folder`; returns their number.

    Raises:
        UserError: the frames differ in their atoms or periodicity, or lack labels that others have.
    """
    first: Atoms | None = None
    rows: dict[str, list[np.ndarray]] = {}
    written = 0
    for atoms in frames:
        first = first if first is not None else atoms
        if not np.array_equal(atoms.numbers, first.numbers) or (atoms.pbc != first.pbc).any():
            raise UserError(
                f"frame {written} is {atoms.get_chemical_formula()} and the first "
                f"{first.get_chemical_formula()}; a DeePMD folder holds one system, write one folder for each"
            )
        for name, values in _row(atoms).items():
            rows.setdefault(name, []).append(values)
        written += 1
        # Parts of bounded size: memory does not grow with the number of frames.
        if written % 1000 == 0:
            _write_part(folder, written, rows)
            rows = {}
    if first is None:
        raise UserError("no frames to write")
    if rows:
        _write_part(folder, written, rows)
    _write_types(folder, first)
    return written


def _symbols(folder: Path) -> list[str]:
    types = [int(word) for word in (folder / "type.raw").read_text(encoding="utf-8").split()]
    map_file = folder / "type_map.raw"
    if not map_file.is_file():
        raise UserError(f"{folder} has no type_map.raw, so its elements are not known")
    names = map_file.read_text(encoding="utf-8").split()
    if max(types, default=0) >= len(names):
        raise UserError(f"{folder}/type.raw has type {max(types)}, type_map.raw names {len(names)} elements")
    return [names[kind] for kind in types]


def _array(part: Path, name: str) -> np.ndarray | None:
    file = part / f"{name}.npy"
    return np.load(file, mmap_mode="r", allow_pickle=False) if file.is_file() else None


def _check_lengths(part: Path, arrays: dict[str, np.ndarray | None], frames: int, atoms: int) -> None:
    widths = {"coord": 3 * atoms, "force": 3 * atoms, "box": 9, "virial": 9, "energy": 1}
    for name, values in arrays.items():
        if values is not None and values.size != frames * widths[name]:
            raise UserError(f"{part}/{name}.npy has shape {values.shape} for {frames} frames of {atoms} atoms")


def _row(atoms: Atoms) -> dict[str, np.ndarray]:
    labels = labels_of(atoms)
    row = {"coord": atoms.positions.ravel()}
    if atoms.pbc.any():
        row["box"] = atoms.cell.array.ravel()
    if "energy" in labels:
        row["energy"] = np.array(labels["energy"])
    if "forces" in labels:
        row["force"] = labels["forces"].ravel()
    if "stress" in labels and atoms.pbc.all():
        xx, yy, zz, yz, xz, xy = -labels["stress"] * atoms.get_volume()
        row["virial"] = np.array([xx, xy, xz, xy, yy, yz, xz, yz, zz])
    return row


def _write_part(folder: Path, written: int, rows: dict[str, list[np.ndarray]]) -> None:
    lengths = {name: len(values) for name, values in rows.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"some frames lack labels that others have: {lengths}")
    part = folder / f"set.{(written - 1) // 1000:03d}"
    part.mkdir()
    for name, values in rows.items():
        np.save(part / f"{name}.npy", np.stack(values))


def _write_types(folder: Path, atoms: Atoms) -> None:
    names = sorted(set(atoms.get_chemical_symbols()))
    types = "\n".join(str(names.index(symbol)) for symbol in atoms.get_chemical_symbols())
    (folder / "type.raw").write_text(types + "\n", encoding="utf-8")
    (folder / "type_map.raw").write_text("\n".join(names) + "\n", encoding="utf-8")
    if not atoms.pbc.any():
        (folder / "nopbc").write_text("", encoding="utf-8")
