"""Files of relaxation records: a header that says what made them, then a JSON line a structure, on disk at once."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alphanet.errors import UserError

Record = dict[str, Any]
"""What became of one structure:

`id`; `status`: converged, unconverged (the steps were used up) or failed; `reason` of a failure, else none; `energy`
(eV) and `energy_per_atom` (eV/atom); `n_sites`; `steps`; `fmax` (eV/Å); `volume_ratio`, final over initial; `flags`;
`seconds`; `structure`, the relaxed crystal. Numbers of a failure are those of the last sound step, or none.
"""


def failure(identity: str, reason: str, **known: Any) -> Record:
    """The record of a structure that could not be relaxed."""
    unknown = dict.fromkeys(("energy", "energy_per_atom", "n_sites", "steps", "fmax", "volume_ratio"))
    return {
        "id": identity,
        "status": "failed",
        "reason": " ".join(reason.split()),
        **unknown,
        "flags": [],
        "seconds": 0.0,
        "structure": None,
        **known,
    }


@dataclass(frozen=True)
class RecordFile:
    """A shard's file on disk."""

    path: Path

    def start(self, header: dict[str, Any]) -> None:
        """Write the header, if the file does not have it yet.

        Raises:
            UserError: the file cannot be written.
        """
        if self.header() is None:
            _append(self.path, [{"header": header}])

    def add(self, records: Iterable[Record]) -> None:
        """Append `records` and flush them to the disk.

        Raises:
            UserError: the file cannot be written, e.g. the disk is full.
        """
        _append(self.path, records)

    def header(self) -> dict[str, Any] | None:
        """What stands in the first line; none where there is no file, or nothing whole in it.

        Raises:
            UserError: the first line is something else.
        """
        first = next(_lines(self.path), None)
        if first is None:
            return None
        if "header" not in first:
            raise UserError(f"{self.path} does not begin with a header; it is no file of relaxation records")
        return dict(first["header"])

    def records(self) -> Iterator[Record]:
        """All whole records; a last line that was cut off is left out.

        Raises:
            UserError: the file cannot be read, or a line before the last is damaged.
        """
        return (line for line in _lines(self.path) if "header" not in line)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    return  # the writer was killed here; the structure is relaxed again
                yield _parsed(path, number, line)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not ({"header"} <= found.keys() or {"id", "status"} <= found.keys()):
        raise UserError(f"{path}:{number} is no record; remove the line, and its structure is relaxed again")
    return found


def _append(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """Add whole lines, after what a killed writer left of one has been cut off."""
    data = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "rb+", buffering=0) as stream:
            end = _end_of_last_line(stream.fileno())
            stream.truncate(end)
            stream.seek(end)
            if stream.write(data) != len(data):
                raise UserError(f"cannot write {path}: the disk is full")
            os.fsync(stream.fileno())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _end_of_last_line(descriptor: int) -> int:
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 65536)
        place = os.pread(descriptor, end - start, start).rfind(b"\n")
        if place >= 0:
            return start + place + 1
        end = start
    return 0
