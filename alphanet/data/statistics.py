"""Counts, energies, forces, distances and duplicates of a set of frames, with one frame in memory at a time."""

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from ase import Atoms
from pydantic import JsonValue

from alphanet.data.labels import Labels, labels_of
from alphanet.errors import UserError
from alphanet.neighbors import neighbor_pairs

CUTOFF = 5.0  # Å, Table 6's for four of five data sets


@dataclass
class Moments:
    """Mean, standard deviation and range of numbers that arrive one by one (Welford's update)."""

    count: int = 0
    mean: float = math.nan
    low: float = math.inf
    high: float = -math.inf
    _squares: float = 0.0

    def add(self, value: float) -> None:
        """Add one number."""
        self.count += 1
        previous = 0.0 if self.count == 1 else self.mean
        self.mean = previous + (value - previous) / self.count
        self._squares += (value - previous) * (value - self.mean)
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def std(self) -> float:
        """Standard deviation (of the population)."""
        return math.sqrt(self._squares / self.count) if self.count else math.nan


@dataclass
class Statistics:
    """Statistics of frames, built by `add`; fingerprints take 8 bytes a frame."""

    cutoff: float = CUTOFF
    elements: Counter[str] = field(default_factory=Counter)  # element -> atoms
    atoms: Moments = field(default_factory=Moments)  # a frame
    energy_per_atom: Moments = field(default_factory=Moments)  # eV
    net_force: Moments = field(default_factory=Moments)  # eV/Å, |sum of forces| / number of atoms, a frame
    neighbors: Moments = field(default_factory=Moments)  # an atom, a frame's mean
    stress: Moments = field(default_factory=Moments)  # eV/Å^3, root mean square component, a frame
    shortest_distance: float = math.inf  # Å
    largest_force: float = 0.0  # eV/Å
    largest_stress: float = 0.0  # eV/Å^3, a component's
    fingerprints: array = field(default_factory=lambda: array("Q"))
    _force_squares: float = 0.0
    _force_components: int = 0

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.atoms.count

    @property
    def stress_frames(self) -> int:
        """Number of frames with a stress."""
        return self.stress.count

    @property
    def force_rms(self) -> float:
        """Root mean square force component, eV/Å."""
        return math.sqrt(self._force_squares / self._force_components) if self._force_components else math.nan

    @property
    def duplicates(self) -> int:
        """Frames whose fingerprint another frame has already."""
        return self.frames - len(np.unique(np.frombuffer(self.fingerprints, dtype=np.uint64)))

    def add(self, atoms: Atoms) -> None:
        """Add one frame."""
        self.elements.update(atoms.get_chemical_symbols())
        self.atoms.add(len(atoms))
        labels = labels_of(atoms)
        if "energy" in labels:
            self.energy_per_atom.add(labels["energy"] / len(atoms))
        if "forces" in labels:
            self._add_forces(labels["forces"])
        if "stress" in labels:
            self.stress.add(float(np.sqrt((labels["stress"] ** 2).mean())))
            self.largest_stress = max(self.largest_stress, float(np.abs(labels["stress"]).max()))
        _, _, _, distances = neighbor_pairs(atoms, self.cutoff)
        self.neighbors.add(len(distances) / len(atoms))
        if len(distances):
            self.shortest_distance = min(self.shortest_distance, float(distances.min()))
        self.fingerprints.append(fingerprint(atoms, labels))

    def as_dict(self) -> dict[str, JsonValue]:
        """Plain numbers with their units in the names."""
        return {
            "frames": self.frames,
            "elements": dict(sorted(self.elements.items())),
            "atoms_min": int(self.atoms.low),
            "atoms_mean": self.atoms.mean,
            "atoms_max": int(self.atoms.high),
            "energy_per_atom_mean_eV": self.energy_per_atom.mean,
            "energy_per_atom_std_eV": self.energy_per_atom.std,
            "force_rms_eV_per_A": self.force_rms,
            "force_max_eV_per_A": self.largest_force,
            "net_force_max_eV_per_A": self.net_force.high,
            "stress_frames": self.stress_frames,
            "stress_mean_eV_per_A3": self.stress.mean,
            "stress_max_eV_per_A3": self.largest_stress,
            "shortest_distance_A": self.shortest_distance,
            "neighbors_cutoff_A": self.cutoff,
            "neighbors_mean": self.neighbors.mean,
            "duplicates": self.duplicates,
        }

    def _add_forces(self, forces: np.ndarray) -> None:
        self._force_squares += float((forces**2).sum())
        self._force_components += forces.size
        self.largest_force = max(self.largest_force, float(np.linalg.norm(forces, axis=1).max()))
        self.net_force.add(float(np.linalg.norm(forces.sum(axis=0))) / len(forces))


def statistics_of(frames: Iterable[Atoms], cutoff: float = CUTOFF) -> Statistics:
    """Statistics of a stream of frames.

    Raises:
        UserError: the neighbors of a frame cannot be found.
    """
    statistics = Statistics(cutoff)
    for index, atoms in enumerate(frames):
        try:
            statistics.add(atoms)
        except UserError as error:
            raise UserError(f"frame {index}: {error}") from error
    return statistics


def fingerprint(atoms: Atoms, labels: Labels) -> int:
    """A 64-bit number that two copies of a frame share, even if one is shifted, wrapped or printed with fewer digits.

    It hashes the composition, the energy to 1e-5 eV and the RMS force to 1e-3 eV/Å; without labels, the positions and
    the cell to 1e-4 Å.
    """
    if "energy" in labels and "forces" in labels:
        numbers: list[float] = [round(labels["energy"], 5), round(float(np.sqrt((labels["forces"] ** 2).mean())), 3)]
    else:
        numbers = np.concatenate([atoms.positions.ravel(), atoms.cell.array.ravel()]).round(4).tolist()
    content = repr([sorted(atoms.numbers.tolist()), [number + 0.0 for number in numbers]])
    return int.from_bytes(blake2b(content.encode(), digest_size=8).digest(), "little")
