"""One frame as extended XYZ text with every digit of float64; ASE's own writer keeps eight decimals."""

import numpy as np
from ase import Atoms
from ase.io.extxyz import key_val_dict_to_str
from ase.stress import voigt_6_to_full_3x3_stress

from alphanet.data.labels import labels_of

# ASE's names for kinds of columns.
KINDS = {"f": "R", "i": "I", "u": "I", "b": "L", "U": "S"}


def frame_text(atoms: Atoms) -> str:
    """The frame as text, with its labels where ASE's readers look for them."""
    labels = labels_of(atoms)
    columns = _columns(atoms, labels.pop("forces", None))
    if "stress" in labels:
        labels["stress"] = voigt_6_to_full_3x3_stress(labels["stress"])
    lattice = {"Lattice": atoms.cell.array.T} if atoms.cell.any() else {}  # ASE's text is column by column
    properties = ":".join(f"{name}:{_kind(values)}" for name, values in columns.items())
    comment = key_val_dict_to_str(
        {**lattice, "Properties": properties, **labels, **atoms.info, "pbc": np.asarray(atoms.pbc)}
    )
    rows = (" ".join(cells) for cells in zip(*map(_cells, columns.values()), strict=True))
    return "\n".join([str(len(atoms)), comment, *rows, ""])


def _columns(atoms: Atoms, forces: np.ndarray | None) -> dict[str, np.ndarray]:
    columns = {"species": np.array(atoms.get_chemical_symbols()), "pos": atoms.positions}
    if forces is not None:
        columns["forces"] = forces
    extra = {name: values for name, values in atoms.arrays.items() if name not in ("numbers", "positions")}
    return columns | {name: values for name, values in extra.items() if values.dtype.kind in KINDS}


def _kind(values: np.ndarray) -> str:
    return f"{KINDS[values.dtype.kind]}:{values[0].size}"


def _cells(values: np.ndarray) -> list[str]:
    """The text of one column for every atom."""
    rows = values.reshape(len(values), -1).tolist()
    if values.dtype.kind == "b":
        return [" ".join("FT"[flag] for flag in row) for row in rows]
    return [" ".join(map(str, row)) for row in rows]
