"""Append-only records of measurements, with everything needed to believe or repeat the numbers."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from alphanet.errors import UserError
from alphanet.outside import json_value, require_regular
from alphanet.provenance import utc_now

logger = logging.getLogger(__name__)

Facts = Mapping[str, JsonValue]


class Record(BaseModel):
    """One measurement. Values are plain JSON; numbers are raw, in eV, Å, eV/Å and eV/Å^3."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: Facts  # metric -> value, and the counts they rest on (n_structures, n_atoms)
    data: Facts  # dataset, scale, split, level of theory, sha256 of the store and of its sources
    model: Facts  # name, sha256 of the weights, parameters, configuration
    protocol: Facts  # benchmark and scale, seed, precision, threads, epochs, seconds
    environment: Facts  # hardware, versions, commit
    when: str = Field(default_factory=utc_now)

    @property
    def id(self) -> str:
        """Hash of the content: the same record has the same id wherever it is copied to."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def value(self, metric: str) -> float | None:
        """The number of `metric`; None if the record has none."""
        number = self.metrics.get(metric)
        return float(number) if isinstance(number, int | float) and not isinstance(number, bool) else None

    def repeats(self, metric: str) -> list[float]:
        """The values of `metric` in each pass, if the record is of several passes of timing; else empty."""
        passes = self.metrics.get("passes")
        values = passes.get(metric) if isinstance(passes, dict) else None
        return [float(value) for value in values if isinstance(value, int | float)] if isinstance(values, list) else []

    @property
    def training(self) -> Mapping[str, JsonValue]:
        """The answer of the training behind the numbers; empty if nothing was trained."""
        training = self.protocol.get("training")
        return training if isinstance(training, dict) else {}

    @property
    def released(self) -> bool:
        """Whether the numbers are of released weights, which another seed does not change."""
        return "checkpoint" in self.training

    def says_the_same(self, other: "Record") -> bool:
        """Whether metrics, data, model and protocol are equal; time and environment may differ."""
        return all(getattr(self, name) == getattr(other, name) for name in ("metrics", "data", "model", "protocol"))

    def to_line(self) -> str:
        """The record as one line of JSON without a line end.

        Raises:
            UserError: a value is NaN or infinite.
        """
        try:
            return json.dumps({"id": self.id, **self.model_dump(mode="json")}, ensure_ascii=False, allow_nan=False)
        except ValueError as error:
            raise UserError(f"a record of {self.model.get('name')} cannot be stored: {error}") from error

    @classmethod
    def from_line(cls, line: str) -> "Record":
        """The record of one line of JSON.

        Raises:
            ValueError: the line is not a record, or its content does not match its id.
        """
        values = json_value(line, "the line")
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        identity = values.pop("id", None)
        try:
            record = cls.model_validate(values)
        except ValidationError as error:
            raise ValueError("not the fields of a record") from error
        if record.id != identity:
            raise ValueError(f"the content does not match the id {identity}")
        return record


class RecordLog:
    """The records of one file, oldest first. Lines are only ever added."""

    def __init__(self, path: Path) -> None:
        """Read the whole records of `path`; a line that was cut off or changed is skipped and logged.

        Raises:
            UserError: the file cannot be read.
        """
        self.path = path
        self.problems: list[str] = []  # lines that were skipped
        self.records = list(self._whole_records()) if path.exists() else []

    def add(self, record: Record) -> Record:
        """Return the earlier record with the same metrics, data, model and protocol; append `record` if there is none.

        Raises:
            UserError: the file cannot be written, or the record holds values that are not JSON.
        """
        for earlier in self.records:
            if earlier.says_the_same(record):
                return earlier
        _append(self.path, record.to_line())
        self.records.append(record)
        return record

    def _whole_records(self) -> Iterator[Record]:
        require_regular(self.path)
        try:
            with self.path.open("rb") as stream:
                for number, line in enumerate(stream, 1):
                    if not line.strip():
                        continue
                    try:
                        yield Record.from_line(line.decode())
                    except ValueError as error:
                        self.problems.append(f"{self.path.name}:{number}: skipped a broken record ({error})")
                        logger.warning("%s", self.problems[-1])
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror or error}") from error


def _append(path: Path, text: str) -> None:
    """Add a line in one write, and flush it to the disk.

    A killed writer may have left an unfinished line, so the new record starts on a new line.
    """
    line = text + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644), "rb+", buffering=0) as log:
            if not _ends_with_newline(log.fileno()):
                line = "\n" + line
            content = line.encode()
            if os.write(log.fileno(), content) != len(content):
                raise UserError(f"cannot write {path}: the disk is full")
            os.fsync(log.fileno())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _ends_with_newline(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
