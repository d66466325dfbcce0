"""Every answer of a model in a file: the same calculation begun anew takes the same path without computing it again."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import BaseModel, JsonValue

from alphanet.journal import Journal
from alphanet.potentials.protocol import FramePrediction, Potential
from alphanet.simulation.inputs import digest

FILE = "evaluations.jsonl"
BATCH = 8  # structures that are computed together where their order is free


class Conditions(BaseModel):
    """What answers depend on beside the structure."""

    task: str
    """Of the calculation"""
    structures: list[str]
    """Digests of what it began with"""
    settings: dict[str, JsonValue]
    model: dict[str, JsonValue]
    """Its provenance"""


class Evaluation(BaseModel):
    """An answer. Arrays are little-endian float64 in base64, so that every bit survives."""

    key: str
    """Digest of the structure"""
    energy: str
    """eV"""
    forces: str
    """(n, 3) eV/Å"""
    stress: str | None = None
    """(3, 3) eV/Å^3"""


class Evaluations:
    """A potential whose answers are kept, and never computed twice.

    Args:
        folder: of the file.
        potential: gives what is not kept yet.
        conditions: of all answers in the file.
        restart: forget what is kept.

    Raises:
        UserError: the file was made under other conditions, is damaged, or cannot be written.
    """

    def __init__(self, folder: Path, potential: Potential, conditions: Conditions, *, restart: bool = False) -> None:
        self.name, self._potential = potential.name, potential
        self._journal = Journal(folder / FILE, conditions, Evaluation, restart=restart, free=())
        self._known = {entry.key: entry for entry in self._journal.entries}
        self.earlier = len(self._known)
        """Answers of earlier processes"""

    def predict(self, frames: Sequence[Atoms], *, batch_size: int = BATCH) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order.

        Raises:
            UserError: as the potential's `predict`.
        """
        keys = [digest(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc) for atoms in frames]
        unknown = {key: atoms for key, atoms in zip(keys, frames, strict=True) if key not in self._known}
        new = list(unknown.items())
        for first in range(0, len(new), batch_size):
            batch = new[first : first + batch_size]
            answers = self._potential.predict([atoms for _, atoms in batch], batch_size=batch_size)
            entries = [
                Evaluation(
                    key=key, energy=_text(answer.energy), forces=_text(answer.forces),
                    stress=None if answer.stress is None else _text(answer.stress),
                )
                for (key, _), answer in zip(batch, answers, strict=True)
            ]  # fmt: skip
            self._journal.extend(entries)
            self._known |= {entry.key: entry for entry in entries}
        return [_prediction(self._known[key]) for key in keys]

    def provenance(self) -> dict[str, JsonValue]:
        """That of the potential."""
        return self._potential.provenance()

    def close(self) -> None:
        """Do nothing: whoever opened the potential closes it."""


def _text(values: Any) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def _array(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


def _prediction(entry: Evaluation) -> FramePrediction:
    stress = None if entry.stress is None else _array(entry.stress).reshape(3, 3)
    return FramePrediction(float(_array(entry.energy)[0]), _array(entry.forces).reshape(-1, 3), stress)
