"""NumPy arrays row by row, out of `.npy` files and `.npz` archives, refusing pickles."""

import math
from collections.abc import Iterator
from typing import IO

import numpy as np

from alphanet.errors import UserError


class RowReader:
    """Rows of one array of an open `.npy` stream; memory holds one row."""

    def __init__(self, stream: IO[bytes], name: str):
        """Read the header.

        Raises:
            UserError: the array holds Python objects or is in Fortran order.
        """
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
        """The rows in order.

        Raises:
            UserError: the stream ends early.
        """
        row = self.shape[1:]
        size = math.prod(row) * self.dtype.itemsize
        for index in range(self.shape[0]):
            data = self._stream.read(size)
            if len(data) < size:
                raise UserError(f"array {self.name!r} is truncated in row {index} of {self.shape[0]}")
            yield np.frombuffer(data, dtype=self.dtype).reshape(row)
