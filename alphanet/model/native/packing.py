"""Constant matrices in the panels that the kernels' products read (`product.hpp`)."""

import ctypes

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor


class Matrix(ctypes.Structure):
    """As in `product.hpp`: K rows, `columns` columns."""

    _fields_ = (
        ("panels", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("K", ctypes.c_int64),
        ("columns", ctypes.c_int64),
    )


class Packer:
    """Puts constants into the form that a library's kernels read, and keeps them alive.

    Args:
        lanes: of a vector.
        panel: columns of a panel.
    """

    def __init__(self, lanes: int, panel: int) -> None:
        self._lanes, self._panel = lanes, panel
        self._alive: list[Tensor] = []

    def matrix(self, weight: Tensor, bias: Tensor | None = None, rows: int | None = None) -> Matrix:
        """That of x ↦ x @ weight.t() + bias, with columns, and rows if a number is given, filled up by zeros.

        Args:
            weight: (B, A).
            bias: (B,).
            rows: at least A, of the operand.
        """
        weight = F.pad(self.filled(weight), (0, (rows or weight.shape[1]) - weight.shape[1]))
        panels = [part.t().flatten() for part in weight.split(self._panel)]
        packed = self.kept(torch.cat(panels))
        shift = None if bias is None else self.padded(bias)
        return Matrix(packed, shift, weight.shape[1], weight.shape[0])

    def padded(self, values: Tensor) -> int:
        """The address of (A,) values, filled up by zeros."""
        return self.kept(self.filled(values))

    def filled(self, values: Tensor) -> Tensor:
        """(A, …) with rows of zeros up to a multiple of the lanes."""
        missing = -len(values) % self._lanes
        return torch.cat([values, values.new_zeros(missing, *values.shape[1:])])

    def kept(self, values: Tensor) -> int:
        """The address of values as they are."""
        self._alive.append(values.detach().contiguous())
        return self._alive[-1].data_ptr()
