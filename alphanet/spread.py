"""The spread of a committee: how far its members' predictions lie from their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.data.labels import ATOMIC_ENERGIES


@dataclass(frozen=True)
class Spread:
    """Standard deviations over the N members, with 1/N, as DP-GEN has them (Comput. Phys. Commun. 253, 107206).

    Values are those of one structure of n atoms, or tensors of a batch, with its first axis before theirs.
    """

    members: int  # N
    energy: Any  # eV
    forces: Any = None  # (n, 3) eV/Å, of each component; None if the members gave none
    stress: Any = None  # (3, 3) eV/Å^3
    energies: Any = None  # (n,) eV, of the atoms

    @property
    def of_atoms(self) -> Any:
        """(n,) eV/Å, sqrt(mean of |F - mean F|^2) of each atom: the norm of its components' deviations."""
        return (self.forces**2).sum(-1) ** 0.5

    def results(self) -> dict[str, float | np.ndarray]:
        """The numbers of one structure by the names that ASE's calculators get, `forces_spread` being `of_atoms`."""
        named: dict[str, float | np.ndarray] = {"energy_spread": float(self.energy), "forces_spread": self.of_atoms}
        if self.stress is not None:
            named["stress_spread"] = full_3x3_to_voigt_6_stress(self.stress)
        return named if self.energies is None else {**named, "energies_spread": self.energies}


SPREAD_RESULTS = ("energy_spread", "forces_spread", "stress_spread", "energies_spread")
LARGEST = "forces_spread_max"  # eV/Å, in `info`


def with_spread(atoms: Atoms, results: Mapping[str, float | np.ndarray]) -> Atoms:
    """The frame itself, with the spreads among `results` in `info` and `arrays`.

    Args:
        atoms: the frame, of n atoms.
        results: as `Spread.results` has them; others are passed over.
    """
    for name in ("energy_spread", "stress_spread"):
        if name in results:
            atoms.info[name] = results[name]
    for name, array in (("forces_spread", "forces_spread"), ("energies_spread", f"{ATOMIC_ENERGIES}_spread")):
        if name in results:
            atoms.set_array(array, results[name])
    atoms.info[LARGEST] = float(np.max(results["forces_spread"]))
    return atoms


def joined(members: Sequence[Mapping[str, object]]) -> tuple[dict[str, Any], Spread]:
    """The mean of the members' predictions, and their spread.

    Args:
        members: of each member energy, forces, stress and energies, as numbers, arrays or tensors. What a member lacks
            (None) the committee lacks.

    Returns:
        The means by the same names, and the deviations from them.
    """
    means: dict[str, Any] = {}
    deviations: dict[str, object] = {}
    for name in members[0]:
        values = [member[name] for member in members]
        whole = all(value is not None for value in values)
        means[name], deviations[name] = mean_and_deviation(values) if whole else (None, None)
    return means, Spread(len(members), **deviations)


def mean_and_deviation(values: Sequence[Any]) -> tuple[Any, Any]:
    """Mean and standard deviation (1/N) of N numbers, arrays or tensors; equal ones give exactly 0."""
    first = values[0]
    mean = first + sum(value - first for value in values) / len(values)  # keeps digits of large total energies
    return mean, (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
