"""Every answer of a model in a file: the same calculation begun anew takes the same path without computing it again."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from pydantic import BaseModel, JsonValue

from alphanet.journal import Journal
from alphanet.potentials.protocol import Potential
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

    def results(self, frames: Sequence[Atoms]) -> list[dict[str, Any]]:
        """Energy, free_energy, forces and, if there is one, stress (Voigt) of each structure, as ASE names them.

        Raises:
            UserError: as the potential's `predict`.
        """
        keys = [digest(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc) for atoms in frames]
        unknown = {key: atoms for key, atoms in zip(keys, frames, strict=True) if key not in self._known}
        new = list(unknown.items())
        for first in range(0, len(new), BATCH):
            batch = new[first : first + BATCH]
            answers = self._potential.predict([atoms for _, atoms in batch], batch_size=BATCH)
            entries = [
                Evaluation(
                    key=key, energy=_text(answer.energy), forces=_text(answer.forces),
                    stress=None if answer.stress is None else _text(answer.stress),
                )
                for (key, _), answer in zip(batch, answers, strict=True)
            ]  # fmt: skip
            self._journal.extend(entries)
            self._known |= {entry.key: entry for entry in entries}
        return [_results(self._known[key]) for key in keys]


class KeptCalculator(Calculator):
    """`Evaluations` as an ASE calculator."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 - as ASE declares it

    def __init__(self, evaluations: Evaluations) -> None:
        """Wrap `evaluations`, which several calculators may share."""
        super().__init__()
        self._evaluations = evaluations

    def calculate(
        self, atoms: Atoms | None = None, properties: Any = None, system_changes: list[str] = all_changes
    ) -> None:
        """Called by ASE.

        Raises:
            UserError: as the potential's `predict`.
            PropertyNotImplementedError: ASE requests a stress and the potential predicts none.
        """
        super().calculate(atoms, properties, system_changes)
        (self.results,) = self._evaluations.results([self.atoms])
        if "stress" in (properties or ()) and "stress" not in self.results:
            raise PropertyNotImplementedError(f"{self._evaluations.name} gives no stress")


def _text(values: Any) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f8").tobytes()).decode()


def _array(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)


def _results(entry: Evaluation) -> dict[str, Any]:
    energy = float(_array(entry.energy)[0])
    results: dict[str, Any] = {"energy": energy, "free_energy": energy, "forces": _array(entry.forces).reshape(-1, 3)}
    if entry.stress is not None:
        results["stress"] = full_3x3_to_voigt_6_stress(_array(entry.stress).reshape(3, 3))
    return results
