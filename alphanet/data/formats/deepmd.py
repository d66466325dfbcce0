"""DeePMD's folders: `type.raw`, `type_map.raw` and `set.*/{coord,box,energy,force,virial}.npy`, or the same as text."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from alphanet.data.constraints import FIXED, OTHERS, constraints_of
from alphanet.data.labels import labels_from, labels_of, other_results, stress_from_virial, with_labels
from alphanet.data.leftovers import Leftovers
from alphanet.errors import UserError

logger = logging.getLogger(__name__)

NAMES = ("coord", "box", "energy", "force", "virial", "real_atom_types", "atom_ener", "spin", "fparam", "aparam")
Arrays = dict[str, np.ndarray]


def is_system(folder: Path) -> bool:
    """Whether `folder` is one DeePMD system."""
    return (folder / "type.raw").is_file()


def read(folder: Path) -> Iterator[Atoms]:
    """Frames of one system; its folder's name becomes `info["group"]`, the virial (eV) a stress (eV/Å^3).

    In the mixed layout each frame has its own elements (`real_atom_types.npy`); places of type -1 are empty.
    """
    names, types = _types(folder)
    periodic = not (folder / "nopbc").exists()
    for part, arrays in _parts(folder):
        if "coord" not in arrays:
            raise UserError(f"{part} has no coord")
        if periodic and "box" not in arrays:
            raise UserError(f"{part} has no box, and {folder} has no file nopbc")
        _check_lengths(part, arrays, len(arrays["coord"]), len(types))
        for index in range(len(arrays["coord"])):
            # Copies, because the arrays are mapped files.
            row = {name: np.array(values[index], np.float64) for name, values in arrays.items()}
            frame_types = row["real_atom_types"].astype(int) if "real_atom_types" in row else types
            _check_types(part, frame_types, names)
            yield _frame(row, frame_types, names, periodic, folder.name)


def write(folder: Path, frames: Iterable[Atoms], leftovers: Leftovers | None = None) -> int:
    """Write frames that share one list of atoms into the empty folder `folder`; returns their number.

    What the format cannot hold is added to `leftovers`.

    Raises:
        UserError: the frames differ in their atoms or periodicity, lack labels that others have, or a periodic one
            lacks cell vectors.
    """
    leftovers = leftovers or Leftovers()
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
        if atoms.pbc.any() and atoms.cell.rank < 3:
            raise UserError(f"frame {written} is periodic without three cell vectors; DeePMD's format needs a box")
        _note_leftovers(atoms, leftovers)
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


def _types(folder: Path) -> tuple[list[str], np.ndarray]:
    """Names of the types, and the type of each atom."""
    types = np.array([int(word) for word in (folder / "type.raw").read_text(encoding="utf-8-sig").split()], dtype=int)
    map_file = folder / "type_map.raw"
    if not map_file.is_file():
        raise UserError(
            f"{folder} has no type_map.raw, so its elements are not known; "
            "write their symbols, in the order of the types, into a file type_map.raw there"
        )
    names = map_file.read_text(encoding="utf-8-sig").split()
    unknown = [name for name in names if name not in atomic_numbers]
    if unknown:
        raise UserError(f"{map_file} names {unknown[0]!r}, which is no element")
    return names, types


def _check_types(part: Path, types: np.ndarray, names: list[str]) -> None:
    if types.max(initial=0) >= len(names):
        raise UserError(f"{part} has type {types.max()}, type_map.raw names {len(names)} elements")


def _parts(folder: Path) -> Iterator[tuple[Path, Arrays]]:
    """The arrays of each `set.*`; without such folders those of the text files beside `type.raw`."""
    sets = sorted(folder.glob("set.*"))
    for part in sets:
        files = {file.stem: file for file in part.glob("*.npy")}
        yield part, {name: np.load(files[name], mmap_mode="r", allow_pickle=False) for name in NAMES if name in files}
        _say_unread(part, files.keys() - set(NAMES))
    if not sets:
        files = {file.stem: file for file in folder.glob("*.raw") if file.stem not in ("type", "type_map")}
        texts = {name: np.loadtxt(files[name], ndmin=2, encoding="utf-8-sig") for name in NAMES if name in files}
        if "energy" in texts:
            texts["energy"] = texts["energy"].reshape(-1)
        yield folder, texts
        _say_unread(folder, files.keys() - set(NAMES))


def _say_unread(part: Path, names: set[str]) -> None:
    if names:
        logger.warning("%s: not read: %s", part, ", ".join(sorted(names)))


def _check_lengths(part: Path, arrays: Arrays, frames: int, atoms: int) -> None:
    widths = {"coord": 3 * atoms, "force": 3 * atoms, "box": 9, "virial": 9, "energy": 1, "real_atom_types": atoms}
    widths |= {"atom_ener": atoms, "spin": 3 * atoms}
    for name, values in arrays.items():
        width = widths.get(name)
        if len(values) != frames or (width is not None and values.size != frames * width):
            raise UserError(f"{part}: {name} has shape {values.shape} for {frames} frames of {atoms} atoms")


def _frame(row: Arrays, types: np.ndarray, names: list[str], periodic: bool, group: str) -> Atoms:
    real = types >= 0
    atoms = Atoms([names[kind] for kind in types[real]], row["coord"].reshape(-1, 3)[real], pbc=periodic)
    if periodic:
        atoms.set_cell(row["box"].reshape(3, 3))
    labels = labels_from(
        row["energy"].reshape(-1)[0] if "energy" in row else None,
        row["force"].reshape(-1, 3)[real] if "force" in row else None,
        stress_from_virial(row["virial"], atoms.get_volume()) if "virial" in row and periodic else None,
    )
    others = {"energies": row["atom_ener"].reshape(-1)[real]} if "atom_ener" in row else {}
    if "spin" in row:
        atoms.set_initial_magnetic_moments(row["spin"].reshape(-1, 3)[real])
    if "fparam" in row:
        atoms.info["fparam"] = row["fparam"]
    if "aparam" in row:
        atoms.arrays["aparam"] = row["aparam"].reshape(len(types), -1)[real]
    atoms.info["group"] = group
    return with_labels(atoms, labels, others)


def _note_leftovers(atoms: Atoms, leftovers: Leftovers) -> None:
    for key in atoms.info:
        if key not in (OTHERS, "group"):
            leftovers.add(f"info {key!r}")
    for name in atoms.arrays:
        if name not in ("numbers", "positions", FIXED):
            leftovers.add(name)
    for name in other_results(atoms):
        leftovers.add(name)
    for constraint in constraints_of(atoms):
        leftovers.add(f"constraints ({type(constraint).__name__})")
    if atoms.pbc.any() and not atoms.pbc.all():
        leftovers.add(f"pbc {' '.join('FT'[int(flag)] for flag in atoms.pbc)} (becomes T T T)")
    if not atoms.pbc.any() and atoms.cell.any():
        leftovers.add("the cell of frames that are not periodic")
    if not atoms.pbc.any() and "stress" in labels_of(atoms):
        leftovers.add("the stress of frames that are not periodic")


def _row(atoms: Atoms) -> dict[str, np.ndarray]:
    labels = labels_of(atoms)
    row = {"coord": atoms.positions.ravel()}
    if atoms.pbc.any():
        row["box"] = atoms.cell.array.ravel()
    if "energy" in labels:
        row["energy"] = np.array(labels["energy"])
    if "forces" in labels:
        row["force"] = labels["forces"].ravel()
    if "stress" in labels and atoms.pbc.any():
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
