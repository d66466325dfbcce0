"""Append-only records of what was measured, with everything needed to believe or repeat the numbers."""

import dataclasses
import hashlib
import json
import logging
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alphanet.errors import UserError

logger = logging.getLogger(__name__)


def utc_now() -> str:
    """The time of a record: UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Record:
    """One measurement. Values are plain JSON; numbers are raw, in eV, Å, eV/Å and eV/Å^3."""

    what: dict[str, Any]  # metric -> value, and the counts they rest on (n_structures, n_atoms)
    on: dict[str, Any]  # dataset, scale, split, level of theory, sha256 of the store and of its sources
    model: dict[str, Any]  # name, sha256 of the weights, parameters, configuration
    how: dict[str, Any]  # protocol, seed, precision, threads, epochs, seconds
    where: dict[str, Any]  # hardware, versions, commit
    when: str = field(default_factory=utc_now)

    @property
    def id(self) -> str:
        """Hash of the content: the same record has the same id wherever it is copied to."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def to_line(self) -> str:
        """The record as one line of JSON without a line end.

        Raises:
            UserError: a value is NaN or infinite, or is no JSON value.
        """
        try:
            values = {"id": self.id, **dataclasses.asdict(self)}
            return json.dumps(values, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UserError(f"a record of {self.model.get('name')} cannot be stored: {error}") from error

    @classmethod
    def from_line(cls, line: str) -> "Record":
        """The record of one line of JSON.

        Raises:
            ValueError: the line is not a record, or its content does not match its id.
        """
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        identity = values.pop("id", None)
        try:
            record = cls(**values)
        except TypeError as error:
            raise ValueError("not the fields of a record") from error
        if record.id != identity:
            raise ValueError(f"the content does not match the id {identity}")
        return record


def append_once(path: Path, record: Record) -> Record:
    """The record of `path` that says the same of the same, whenever and wherever; `record` is added if there is none.

    Raises:
        UserError: as `append_record`.
    """
    said = (record.what, record.on, record.model, record.how)
    for earlier in _read(path).records:
        if (earlier.what, earlier.on, earlier.model, earlier.how) == said:
            return earlier
    append_record(path, record)
    return record


def append_record(path: Path, record: Record) -> None:
    """Add `record` to the JSON lines of `path` in one write, and flush it to the disk.

    Lines are never changed afterwards. Where a killed writer left a line without its end, the new record
    starts on a line of its own.

    Raises:
        UserError: the file cannot be written, or the record holds values that are not JSON.
    """
    line = record.to_line() + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644), "rb+", buffering=0) as log:
            if not _ends_with_newline(log.fileno()):
                line = "\n" + line
            data = line.encode()
            if os.write(log.fileno(), data) != len(data):
                raise UserError(f"cannot write {path}: the disk is full")
            os.fsync(log.fileno())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


@dataclass(frozen=True)
class RecordLog:
    """The content of a file of records."""

    records: list[Record]  # oldest first
    problems: list[str]  # one line for each line of the file that is not a whole record


def read_records(path: Path) -> RecordLog:
    """All whole records of `path`; a file that does not exist has none.

    A line that was cut off or changed is skipped, named with its number in `problems` and logged as a warning.

    Raises:
        UserError: the file cannot be read.
    """
    log = _read(path)
    for problem in log.problems:
        logger.warning(problem)
    return log


def _read(path: Path) -> RecordLog:
    log = RecordLog([], [])
    if not path.exists():
        return log
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.strip():
                    continue
                try:
                    log.records.append(Record.from_line(line.decode()))
                except ValueError as error:
                    log.problems.append(f"{path}:{number}: skipped a broken record ({error})")
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    return log


def _ends_with_newline(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
