"""Running sums of errors: mean absolute and root mean square, over streams of any length."""

import tempfile
from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 13  # errors that are read back at once


class ErrorSum:
    """Mean signed, mean absolute and root mean square error of everything added so far."""

    def __init__(self) -> None:
        """Nothing added yet."""
        self.count = 0
        self._signed = 0.0
        self._absolute = 0.0
        self._squared = 0.0

    def add(self, errors: np.ndarray) -> None:
        """Add an array of signed errors of any shape."""
        self.count += errors.size
        self._signed += float(errors.sum())
        self._absolute += float(np.abs(errors).sum())
        self._squared += float(np.square(errors).sum())

    @property
    def mean(self) -> float:
        """Mean signed error; NaN if nothing was added."""
        return self._signed / self.count if self.count else float("nan")

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN if nothing was added."""
        return self._absolute / self.count if self.count else float("nan")

    @property
    def rmse(self) -> float:
        """Root mean square error; NaN if nothing was added."""
        return float(np.sqrt(self._squared / self.count)) if self.count else float("nan")


class ErrorFile:
    """Signed errors in an unnamed temporary file, for measures that need two passes.

    The memory in use does not grow with the number of frames.
    """

    def __init__(self) -> None:
        """Create the file. The system removes it when it is closed, even by a kill."""
        self._stream = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)

    def close(self) -> None:
        """Remove the file."""
        self._stream.close()

    def add(self, errors: np.ndarray) -> None:
        """Append an array of signed errors of any shape."""
        self._stream.write(np.ascontiguousarray(errors, dtype=np.float64).tobytes())

    def blocks(self) -> Iterator[np.ndarray]:
        """All errors in order, in blocks."""
        self._stream.seek(0)
        while data := self._stream.read(8 * BLOCK):
            yield np.frombuffer(data, dtype=np.float64)
        self._stream.seek(0, 2)


def shifted_mae(errors: ErrorFile) -> float:
    """Mean absolute error after the mean error is subtracted, so that only energy differences count."""
    offset = _mean(errors)
    total = ErrorSum()
    for block in errors.blocks():
        total.add(block - offset)
    return total.mae


def without_outliers(errors: ErrorFile, limit: float) -> tuple[ErrorSum, int]:
    """The sums over errors of at most `limit` times the RMSE of all, and how many were dropped."""
    total, inliers = ErrorSum(), ErrorSum()
    for block in errors.blocks():
        total.add(block)
    for block in errors.blocks():
        inliers.add(block[np.abs(block) <= limit * total.rmse])
    return inliers, total.count - inliers.count


def _mean(errors: ErrorFile) -> float:
    total, count = 0.0, 0
    for block in errors.blocks():
        total += float(block.sum())
        count += block.size
    return total / count if count else float("nan")
