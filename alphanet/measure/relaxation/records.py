"""Records of relaxations, and what stands before them in their journal."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from ase import Atoms
from pydantic import BaseModel, Field, JsonValue

from alphanet.provenance import digest_of, utc_now, where

DECIMALS = 7  # of Å; an error of 1e-7 Å changes no energy by more than 1e-6 eV


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


class RelaxationRecord(BaseModel):
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
    flags: list[str] = []
    seconds: float = 0.0
    structure: Crystal | None = None
    """Relaxed"""


def failure(identity: str, reason: str, **known: Any) -> RelaxationRecord:
    """The record of a structure that could not be relaxed; `known`: fields that are known nevertheless."""
    return RelaxationRecord(id=identity, status="failed", reason=" ".join(reason.split()), **known)


class Conditions(BaseModel):
    """Conditions on a worker: records are mixed only if these are the same."""

    model: dict[str, JsonValue] = {}
    versions: dict[str, str] = {}
    gpu: JsonValue = None

    @property
    def digest(self) -> str:
        """Hash of the conditions, 16 hex digits."""
        return digest_of(self.model_dump(mode="json"))


class Header(Conditions):
    """First line of a journal of relaxations. The conditions are empty until a worker is asked."""

    potential: str
    dtype: str
    device: str
    engine: str
    protocol: dict[str, JsonValue]
    structures: str
    """Digest of all ids"""
    where: dict[str, JsonValue] = Field(default_factory=where)
    when: str = Field(default_factory=utc_now)

    def facts(self) -> dict[str, JsonValue]:
        """The conditions of the records, whenever and wherever they were made."""
        return self.model_dump(mode="json", exclude={"where", "when"})
