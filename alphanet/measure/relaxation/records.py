"""Records of relaxations: a file with a header that says what made them, then a JSON line a structure."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from ase import Atoms
from pydantic import JsonValue, TypeAdapter, ValidationError

from alphanet.errors import UserError
from alphanet.provenance import utc_now, where

DECIMALS = 7  # of Å; an error of 1e-7 Å changes no energy by more than 1e-6 eV
OTHER_RUN = "belongs to a run of another model, protocol or choice of structures"

Conditions = dict[str, JsonValue]
"""What makes records comparable: model, protocol, engine, versions, gpu"""


@dataclass(frozen=True)
class Crystal:
    """A structure as plain values, periodic in all directions: it travels between processes and stands in records."""

    numbers: list[int]
    positions: list[list[float]]
    """(n, 3) Å"""
    cell: list[list[float]]
    """(3, 3) Å"""

    @classmethod
    def of(cls, atoms: Atoms) -> "Crystal":
        """The crystal of `atoms`, to `DECIMALS` decimals."""
        positions, cell = (np.round(values, DECIMALS).tolist() for values in (atoms.positions, atoms.cell.array))
        return cls(atoms.numbers.tolist(), positions, cell)

    def atoms(self) -> Atoms:
        """The crystal as ASE's atoms."""
        return Atoms(self.numbers, self.positions, cell=self.cell, pbc=True)


@dataclass(frozen=True, kw_only=True)
class RelaxationRecord:
    """Outcome of relaxing one structure. Numbers of a failure are those of the last sound step, or None."""

    id: str
    status: Literal["converged", "unconverged", "failed"]
    """`unconverged`: the steps were used up"""
    reason: str | None = None
    """Of a failure"""
    energy: float | None = None
    """eV"""
    energy_per_atom: float | None = None
    n_sites: int | None = None
    steps: int | None = None
    fmax: float | None = None
    """eV/Å"""
    volume_ratio: float | None = None
    """Final over initial"""
    flags: list[str] = field(default_factory=list)
    seconds: float = 0.0
    structure: Crystal | None = None
    """Relaxed"""


def failure(identity: str, reason: str, **known: Any) -> RelaxationRecord:
    """The record of a structure that could not be relaxed; `known`: fields that are known nevertheless."""
    return RelaxationRecord(id=identity, status="failed", reason=" ".join(reason.split()), **known)


@dataclass(frozen=True)
class Header:
    """First line of a file of records."""

    run: str
    """Digest of model, protocol and all ids"""
    conditions: Conditions
    where: dict[str, JsonValue] = field(default_factory=where, compare=False)
    when: str = field(default_factory=utc_now, compare=False)


_HEADER, _RECORD = TypeAdapter(Header), TypeAdapter(RelaxationRecord)
Line = TypeVar("Line", Header, RelaxationRecord)


@dataclass(frozen=True)
class RecordFile:
    """A campaign's records on disk. Only whole lines count: a killed writer may have left half of one."""

    path: Path

    def start(self, header: Header) -> None:
        """Cut off half a line at the end, and write the header if the file has none.

        Raises:
            UserError: the file cannot be read or written.
        """
        size = sum(map(len, self._lines()))
        if self.path.exists():
            os.truncate(self.path, size)
        if not size:
            self._append(_HEADER.dump_json(header) + b"\n")

    def add(self, records: Sequence[RelaxationRecord]) -> None:
        """Append `records` and flush them to the disk.

        Raises:
            UserError: the file cannot be written, e.g. the disk is full.
        """
        self._append(b"".join(_RECORD.dump_json(record) + b"\n" for record in records))

    def header(self) -> Header | None:
        """The first line; None if there is no file, or no whole line in it.

        Raises:
            UserError: the file cannot be read, or its first line is something else.
        """
        first = next(self._lines(), None)
        if first is None:
            return None
        return _parsed(
            _HEADER.validate_json, first, f"{self.path} does not begin with a header; it is no file of relaxations"
        )

    def records(self) -> Iterator[RelaxationRecord]:
        """All whole records.

        Raises:
            UserError: the file cannot be read, or a line is damaged.
        """
        for number, line in enumerate(self._lines(), 1):
            if number > 1:
                problem = f"{self.path}:{number} is no record; remove the line, and its structure is relaxed again"
                yield _parsed(_RECORD.validate_json, line, problem)

    def complete(self, run: str, ids: Collection[str]) -> Iterator[RelaxationRecord]:
        """A record for each of `ids`, in the order of the file.

        Raises:
            UserError: the file is missing, damaged or of another run; a structure has two records or none, or is none
                of `ids`.
        """
        header = self.header()
        if header is None:
            raise UserError(f"{self.path} is missing; run the command again")
        if header.run != run:
            raise UserError(f"{self.path} {OTHER_RUN}")
        known, recorded = set(ids), set[str]()
        for record in self.records():
            if record.id in recorded:
                raise UserError(f"{self.path} has two records of {record.id}; remove one of the lines")
            if record.id not in known:
                raise UserError(f"{self.path} has a record of {record.id}, which is no structure of this run")
            recorded.add(record.id)
            yield record
        if missing := len(known) - len(recorded):
            raise UserError(f"{self.path} lacks {missing} of its {len(known)} records; run the command again")

    def _lines(self) -> Iterator[bytes]:
        if not self.path.exists():
            return
        try:
            with self.path.open("rb") as stream:
                yield from (line for line in stream if line.endswith(b"\n"))
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror or error}") from error

    def _append(self, data: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as stream:
                if stream.write(data) != len(data):
                    raise UserError(f"cannot write {self.path}: the disk is full")
                os.fsync(stream.fileno())
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}") from error


def _parsed(parse: Callable[[bytes], Line], line: bytes, problem: str) -> Line:
    try:
        return parse(line)
    except ValidationError as error:
        raise UserError(problem) from error
