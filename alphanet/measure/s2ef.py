"""Errors of structure to energy and forces (S2EF) as the leaderboard of OC20 defines them.

The definitions are those of `Evaluator` in fairchem-core 1.10.0 (`fairchem/core/modules/evaluator.py`), task `s2ef`,
with `eval_on_free_atoms`, which is its default: forces on atoms that were held in place are not counted.
"""

from collections import defaultdict
from dataclasses import asdict, dataclass

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.data.constraints import fixed_atoms
from alphanet.measure.error_sums import ErrorSum
from alphanet.measure.frame_errors import FrameSums
from alphanet.potentials.protocol import FramePrediction

ENERGY_THRESHOLD = 0.02  # eV
FORCE_THRESHOLD = 0.03  # eV/Å
MEANS, COUNTS = ("energy_mae", "force_mae", "force_cosine", "efwt"), ("free_atoms", "fixed_atoms")
SHORTEST = 1e-8  # eV/Å, below which a force has no direction: torch.cosine_similarity's `eps`


@dataclass(frozen=True)
class S2ef:
    """Errors over a set of structures, or the mean of those of several sets."""

    energy_mae: float  # eV, of the whole structure
    force_mae: float  # eV/Å, over the components of free atoms
    force_cosine: float  # mean over free atoms
    efwt: float  # part of the structures within both thresholds
    free_atoms: int
    fixed_atoms: int


class S2efSums:
    """Running sums from which the errors follow."""

    def __init__(self, groups: tuple[str, ...] = ()) -> None:
        """Start with no structures.

        Args:
            groups: sets that are scored separately and then averaged, as the leaderboard does with its four splits;
                `info["group"]` of a frame names its set. If None, all frames are one set.
        """
        self.frames = FrameSums()  # of every frame, whatever its group
        self._groups = groups
        self._sums: defaultdict[str, _Sums] = defaultdict(_Sums)

    def add(self, atoms: Atoms, label: FramePrediction, prediction: FramePrediction) -> None:
        """Add a structure of N atoms with forces (N, 3) in eV/Å and energies in eV.

        Fixed atoms are those of the per-atom array `fixed`, or of the constraints if there is no such array.
        """
        group = str(atoms.info.get("group", ""))
        fixed = np.asarray(atoms.arrays.get("fixed", fixed_atoms(atoms)), dtype=bool)
        true, predicted = label.forces[~fixed], prediction.forces[~fixed]
        self._sums[group if group in self._groups else ""].add(
            abs(prediction.energy - label.energy), true, predicted, int(fixed.sum())
        )
        self.frames.add(prediction.energy - label.energy, predicted - true)

    def metrics(self) -> dict[str, JsonValue]:
        """The numbers as plain values: those of `S2ef` with `s2ef_` before them, and each group's under `s2ef_groups`.

        With groups, frames of no group are left out. Without a free atom there is no force metric.
        """
        scored = {name: self._sums[name].result() for name in (self._groups or ("",)) if name in self._sums}
        scores = list(scored.values())
        if not scores:
            return {}
        means = {name: float(np.mean([getattr(score, name) for score in scores])) for name in MEANS}
        counts = {name: sum(getattr(score, name) for score in scores) for name in COUNTS}
        values: dict[str, JsonValue] = {
            f"s2ef_{name}": value for name, value in {**means, **counts}.items() if np.isfinite(value)
        }
        if self._groups:
            values["s2ef_groups"] = {name: asdict(score) for name, score in scored.items()}
        return values


class _Sums:
    """One set of structures."""

    def __init__(self) -> None:
        self._structures = self._within = self._fixed = 0
        self._energy, self._force = ErrorSum(), ErrorSum()
        self._cosine, self._atoms = 0.0, 0

    def add(self, energy_error: float, true: np.ndarray, predicted: np.ndarray, fixed: int) -> None:
        errors = predicted - true
        self._structures += 1
        self._fixed += fixed
        self._energy.add(np.array([energy_error]))
        self._force.add(errors)
        self._cosine += float(_cosines(true, predicted).sum())
        self._atoms += len(true)
        # The leaderboard's code takes the largest component, not the longest vector.
        largest = float(np.abs(errors).max(initial=0.0))
        self._within += bool(energy_error < ENERGY_THRESHOLD and largest < FORCE_THRESHOLD)

    def result(self) -> S2ef:
        return S2ef(
            energy_mae=self._energy.mae,
            force_mae=self._force.mae,
            force_cosine=self._cosine / self._atoms if self._atoms else float("nan"),
            efwt=self._within / self._structures,
            free_atoms=self._atoms,
            fixed_atoms=self._fixed,
        )


def _cosines(true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """(N,) cosines between rows of (N, 3); zero where either has no direction."""
    lengths = [np.maximum(np.linalg.norm(vectors, axis=1), SHORTEST) for vectors in (true, predicted)]
    return np.asarray((true * predicted).sum(axis=1) / (lengths[0] * lengths[1]))
