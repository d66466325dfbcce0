"""Si-ZEO22's `.npz`: one framework a file, arrays of energies, forces, positions and cells of all frames."""

import contextlib
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from ase import Atoms

from alphanet.data.labels import labels_from, with_labels
from alphanet.errors import UserError

FRAME_ARRAYS = ("energies", "forces", "positions", "cells")


def read(path: Path) -> Iterator[Atoms]:
    """Frames of one framework; the framework (the file's stem) becomes `info["group"]`."""
    with zipfile.ZipFile(path) as archive, contextlib.ExitStack() as stack:

        def array(name: str) -> _RowReader:
            if f"{name}.npy" not in archive.namelist():
                raise UserError(f"no array {name!r}; a Si-ZEO22 file has {', '.join(FRAME_ARRAYS)} and symbols")
            return _RowReader(stack.enter_context(archive.open(f"{name}.npy")), name)

        symbols = [str(symbol) for symbol in array("symbols")]
        arrays = {name: array(name) for name in FRAME_ARRAYS}
        _check_shapes(arrays, len(symbols))
        for energy, forces, positions, cell in zip(*arrays.values(), strict=True):
            atoms = Atoms(symbols, positions.astype(np.float64), cell=cell.astype(np.float64), pbc=True)
            atoms.info["group"] = path.stem
            yield with_labels(atoms, labels_from(energy, forces))


def _check_shapes(arrays: "Mapping[str, _RowReader]", atoms: int) -> None:
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


class _RowReader:
    """Rows of one array of an open `.npy` stream; memory holds one row."""

    def __init__(self, stream: IO[bytes], name: str):
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        self.shape, fortran, self.dtype = header(stream)
        self.name = name
        self._stream = stream
        if self.dtype.hasobject:
            raise UserError(f"array {name!r} holds Python objects (a pickle), which are not read")
        if fortran and len(self.shape) > 1:
            raise UserError(f"array {name!r} is in Fortran order; save it with numpy.ascontiguousarray")

    def __iter__(self) -> Iterator[np.ndarray]:
        row = self.shape[1:]
        size = math.prod(row) * self.dtype.itemsize
        for index in range(self.shape[0]):
            data = self._stream.read(size)
            if len(data) < size:
                raise UserError(f"array {self.name!r} is truncated in row {index} of {self.shape[0]}")
            yield np.frombuffer(data, dtype=self.dtype).reshape(row)
