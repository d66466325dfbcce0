"""Straight paths, and where on them a pair crosses the cutoff or two neighbors change ranks: closed forms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

TIE = 1e-6  # Å; neighbors nearer to each other in distance are a tie that persists, of an atom with its own images


@dataclass(frozen=True)
class Path:
    """`atoms` displaced by t times `direction`; t is in Å, because the farthest displacement is 1 Å at t = 1."""

    atoms: Atoms
    direction: np.ndarray  # (n, 3)

    def at(self, t: float) -> Atoms:
        """The structure at `t`."""
        moved: Atoms = self.atoms.copy()
        moved.positions += t * self.direction
        return moved

    def many(self, times: Sequence[float] | np.ndarray) -> list[Atoms]:
        """The structures at `times`."""
        return [self.at(float(t)) for t in times]


def random_path(atoms: Atoms, random: np.random.Generator) -> Path:
    """All atoms displaced at random, the farthest by 1 Å at t = 1."""
    direction = random.normal(size=atoms.positions.shape)
    return Path(atoms, direction / np.linalg.norm(direction, axis=1).max())


def crossings(path: Path, cutoff: float, length: float) -> np.ndarray:
    """(n,) t in (0, `length`) at which some pair of atoms is `cutoff` apart, ascending, each pair once."""
    sender, receiver, start, change = _pairs(path, cutoff + 2 * length)
    once = sender < receiver
    start, change = start[once], change[once]
    constant, linear, quadratic = _squared(start, change).T
    times = _roots(constant - cutoff**2, linear, quadratic, length).ravel()
    return np.sort(times[~np.isnan(times)])


def swaps(path: Path, cutoff: float, length: float) -> list[tuple[float, int]]:
    """t and rank k, ascending, wherever the k-th and the next neighbor of some atom change places.

    Both are within the cutoff, so that a potential that looks at all neighbors does not notice.
    """
    _, receiver, start, change = _pairs(path, cutoff + 2 * length)
    found: list[tuple[float, int]] = []
    for atom in range(len(path.atoms)):
        mine = receiver == atom
        found += _swaps_of(start[mine], change[mine], cutoff, length)
    return sorted(found)


def _swaps_of(start: np.ndarray, change: np.ndarray, cutoff: float, length: float) -> list[tuple[float, int]]:
    squared = _squared(start, change)
    first, second = np.triu_indices(len(start), 1)
    difference = squared[first] - squared[second]
    moving = np.abs(difference[:, 1:]).max(axis=1) > TIE
    constant, linear, quadratic = difference[moving].T
    times = _roots(constant, linear, quadratic, length)[:, 0]
    found = []
    for pair, t in zip(first[moving], times, strict=True):
        if np.isnan(t):
            continue
        distances = np.linalg.norm(start + t * change, axis=1)
        here = distances[pair]
        tied = int((np.abs(distances - here) < TIE).sum())
        if here < cutoff - TIE and tied == 2:
            found.append((float(t), int((distances < here - TIE).sum()) + 1))
    return found


def _pairs(path: Path, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Sender, receiver (P,), vector between them at t = 0 and its change with t (P, 3) of all pairs within `reach`."""
    atoms = path.atoms
    from alphanet.neighbors import neighbor_pairs  # imports torch, which listing benchmarks does not need

    sender, receiver, shift, _ = neighbor_pairs(atoms, reach)
    start = atoms.positions[sender] + shift @ atoms.cell.array - atoms.positions[receiver]
    return sender, receiver, start, path.direction[sender] - path.direction[receiver]


def _squared(start: np.ndarray, change: np.ndarray) -> np.ndarray:
    """(P, 3) coefficients of the squared distances, ascending powers of t."""
    return np.stack([(start**2).sum(1), 2 * (start * change).sum(1), (change**2).sum(1)], axis=1)


def _roots(constant: np.ndarray, linear: np.ndarray, quadratic: np.ndarray, length: float) -> np.ndarray:
    """(n, 2) roots of c + l t + q t^2 in (0, `length`), the smaller first; NaN where there is none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(linear**2 - 4 * quadratic * constant)
        # The form that does not lose digits where the quadratic part is small.
        half = -0.5 * (linear + np.copysign(root, linear))
        both = np.stack([constant / half, half / quadratic], axis=1)
        both[~((both > 0) & (both < length))] = np.nan
    return np.sort(both, axis=1)  # NaN last
