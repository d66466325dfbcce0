"""Si-ZEO22's `.npz`: one framework a file, arrays of energies, forces, positions and cells of all frames."""

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from alphanet.data.formats.npy import RowReader
from alphanet.errors import UserError

FRAME_ARRAYS = ("energies", "forces", "positions", "cells")


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one framework; the framework (the file's stem) becomes `info["group"]`."""
    with zipfile.ZipFile(path) as archive, contextlib.ExitStack() as stack:

        def array(name: str) -> RowReader:
            if f"{name}.npy" not in archive.namelist():
                raise UserError(f"no array {name!r}; a Si-ZEO22 file has {', '.join(FRAME_ARRAYS)} and symbols")
            return RowReader(stack.enter_context(archive.open(f"{name}.npy")), name)

        symbols = [str(symbol) for symbol in array("symbols")]
        arrays = {name: array(name) for name in FRAME_ARRAYS}
        _check_shapes(arrays, len(symbols))
        for energy, forces, positions, cell in zip(*arrays.values(), strict=True):
            atoms = Atoms(symbols, positions.astype(np.float64), cell=cell.astype(np.float64), pbc=True)
            atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=forces.astype(np.float64))
            atoms.info["group"] = path.stem
            yield atoms


def _check_shapes(arrays: Mapping[str, RowReader], atoms: int) -> None:
    frames = arrays["energies"].shape[0]
    expected = {
        "energies": (frames,),
        "forces": (frames, atoms, 3),
        "positions": (frames, atoms, 3),
        "cells": (frames, 3, 3),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise UserError(f"array {name!r} has shape {arrays[name].shape}, expected {shape}")
