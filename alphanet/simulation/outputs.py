"""What a simulation leaves in its folder: frames, a table of numbers, a summary."""

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.data.formats.extxyz import frame_text
from alphanet.data.labels import labels_from, predicted
from alphanet.data.leftovers import Leftovers
from alphanet.errors import UserError
from alphanet.files import finite, locked, write_text
from alphanet.spread import SPREAD_RESULTS, with_spread

TRAJECTORY, LOG, SUMMARY = "trajectory.extxyz", "log.csv", "summary.json"
DIGITS = ".12g"  # of numbers in tables


class GrowingText:
    """A text file that grows by whole pieces, and is cut back to where an earlier process knew it to be whole.

    Args:
        path: the file.
        size: bytes that are kept of an earlier process; 0: a new file.

    Raises:
        UserError: the file cannot be written, or is shorter than it was.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        self.path, self.size = path, size
        with _writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            self._stream = os.fdopen(descriptor, "r+b", buffering=0)
            if os.fstat(descriptor).st_size < size:
                self._stream.close()
                raise UserError(f"{path} is shorter than it was; restart, or choose another folder")
            self._stream.truncate(size)
            self._stream.seek(size)

    def add(self, text: str) -> None:
        """Write `text` behind the rest."""
        content = text.encode()
        with _writing(self.path):
            if self._stream.write(content) != len(content):
                raise UserError(f"cannot write {self.path}: the disk is full")
        self.size += len(content)

    def flush(self) -> None:
        """Let everything reach the disk."""
        with _writing(self.path):
            os.fsync(self._stream.fileno())

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._stream.close()


class Table:
    """A growing CSV file whose first line names its columns, with units."""

    def __init__(self, path: Path, columns: Sequence[str], size: int = 0) -> None:
        """Open the file, see `GrowingText`; a new one gets its first line."""
        self.text, self._columns = GrowingText(path, size), columns
        if size == 0:
            self._add(columns)

    def add(self, row: Sequence[float | int | str | None]) -> None:
        """Add a row; None leaves a cell empty."""
        self._add([format(value, DIGITS) if isinstance(value, float) else value for value in row])

    def _add(self, cells: Sequence[Any]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(cells)
        self.text.add(line.getvalue())

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.text.__exit__()


def columns_of(path: Path) -> dict[str, np.ndarray]:
    """The columns of a `Table` that are numbers, by their names; NaN where a cell is empty or a word."""
    with path.open(encoding="utf-8", newline="") as stream:
        names, *rows = list(csv.reader(stream))
    return {name: np.array([_number(row[place]) for row in rows]) for place, name in enumerate(names)}


def frame_of(atoms: Atoms, info: Mapping[str, object]) -> Atoms:
    """A copy of a structure, with its calculator's energy, forces, stress and spreads, and with `info`."""
    results = atoms.calc.results if atoms.calc is not None else {}
    labels = labels_from(results.get("energy"), results.get("forces"), results.get("stress"))
    frame = predicted(atoms, labels)
    frame.info = {**atoms.info, **info}
    return with_spread(frame, results) if SPREAD_RESULTS[1] in results else frame


def text_of_frame(atoms: Atoms, leftovers: Leftovers) -> str:
    """A frame in extxyz, with every digit."""
    return frame_text(atoms, leftovers)


@contextlib.contextmanager
def folder_of(path: Path) -> Iterator[Path]:
    """The folder for results, made if it is not there, held against other processes.

    Raises:
        UserError: it cannot be made.
    """
    with _writing(path):
        path.mkdir(parents=True, exist_ok=True)
    with locked(path / ".lock", f"{path} is in use by another process; waiting for it"):
        yield path


def write_summary(folder: Path, values: Mapping[str, JsonValue]) -> None:
    """Write the summary as JSON; numbers that are not finite become null."""
    write_text(folder / SUMMARY, json.dumps(finite(dict(values)), indent=1, ensure_ascii=False) + "\n")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
