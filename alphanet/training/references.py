"""Statistics that a training needs before it starts: elements, reference energies, scale of the forces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from alphanet.data.labels import labels_of
from alphanet.data.subsets import evenly_spaced
from alphanet.errors import UserError

if TYPE_CHECKING:
    from alphanet.training.data import LabeledFrames
    from alphanet.training.settings import LossSettings

SAMPLE = 20_000  # frames in the robust fit at most; evenly spaced, so memory does not grow with the data
HUBER_WIDTH = 1.345  # standard deviations; 95 % efficient on normal errors
ITERATIONS = 50


@dataclass(frozen=True)
class Statistics:
    """Numbers of a training set."""

    n_frames: int
    n_atoms: int
    elements: tuple[str, ...]  # of training and validation frames, by atomic number
    reference_energies: dict[str, float]  # eV, see `fit_references`
    force_rms: float  # eV/Å, of the components; 0 without forces
    labeled: dict[str, int] = field(default_factory=dict)  # label -> training frames that have it and count

    @property
    def atoms_per_frame(self) -> float:
        """Mean number of atoms of the training frames."""
        return self.n_atoms / self.n_frames

    def describe(self, references: Mapping[str, float]) -> str:
        """One line for the user; `references` are the energies (eV) by element with which the training begins."""
        energies = ", ".join(f"{symbol} {energy:.3f}" for symbol, energy in references.items())
        lacking = [
            f"{name} in {count} of them"
            for name, count in self.labeled.items()
            if count < self.n_frames and (name != "stress" or count)
        ]
        labels = f"{', '.join(lacking)}, " if lacking else ""
        return (
            f"{self.n_frames} training frames, {self.atoms_per_frame:.0f} atoms each, {labels}"
            f"force RMS {self.force_rms:.3f} eV/Å, reference energies (eV) {energies or 'none'}"
        )

    def lacking(self) -> str:
        """Words about energies or forces that some training frames lack; empty if none does."""
        parts = [
            f"{self.n_frames - count} frames have no {name}"
            for name, count in self.labeled.items()
            if name != "stress" and count < self.n_frames
        ]
        return " and ".join(parts)

    def doubts(self, loss: LossSettings) -> list[str]:
        """Lines about terms of the loss for which the training frames have no labels."""
        terms = (("energy", loss.energy_weight), ("forces", loss.force_weight), ("stress", loss.stress_weight))
        keys = {"energy": "energy_weight", "forces": "force_weight", "stress": "stress_weight"}
        lines = []
        for label, weight in terms:
            count = self.labeled.get(label, self.n_frames)
            if weight > 0 and count == 0:
                reason = " of a structure that is periodic in three directions" if label == "stress" else ""
                lines.append(
                    f"loss.{keys[label]} is {weight:g}, but no training frame has {label}{reason}: "
                    "the model learns none. Is it there under another name?"
                )
            elif weight > 0 and label == "stress" and count < self.n_frames:
                lines.append(f"the stress counts in {count} of {self.n_frames} training frames")
        return lines


def measure(train: LabeledFrames, valid: LabeledFrames, method: str = "huber") -> Statistics:
    """Statistics of the training frames and the elements of both sets; every label is read and checked.

    Args:
        train: the training frames.
        valid: the validation frames.
        method: of the fit, see `fit_references`.

    Raises:
        UserError: a frame without any label or with one that is not finite, naming the frame.
    """
    from alphanet.potentials.kit.loop.data import counts_stress  # imports torch

    stride = -(-len(train) // SAMPLE)
    compositions: list[np.ndarray] = []
    energies: list[float] = []
    seen = np.zeros(len(chemical_symbols), dtype=bool)
    n_atoms, components, squares = 0, 0, 0.0
    labeled = dict.fromkeys(("energy", "forces", "stress"), 0)
    for index in range(len(train)):
        atoms = train[index]
        counts = np.bincount(atoms.numbers, minlength=len(chemical_symbols))
        seen |= counts > 0
        n_atoms += len(atoms)
        labels = labels_of(atoms)
        for name in labeled:
            labeled[name] += counts_stress(atoms) if name == "stress" else name in labels
        if "forces" in labels:
            squares += float((labels["forces"] ** 2).sum())
            components += labels["forces"].size
        if index % stride == 0 and "energy" in labels:
            compositions.append(counts)
            energies.append(labels["energy"])
    table = np.array(compositions).reshape(-1, len(chemical_symbols))
    sampled = np.asarray((table > 0).any(axis=0))
    fitted = np.empty(0)
    if energies:
        fitted = fit_references(table[:, sampled].astype(np.float64), np.array(energies, dtype=np.float64), method)
    for index in range(len(valid)):
        seen[valid[index].numbers] = True
    return Statistics(
        n_frames=len(train),
        n_atoms=n_atoms,
        elements=_symbols(seen),
        reference_energies=dict(zip(_symbols(sampled), fitted.tolist(), strict=True)),
        force_rms=float(np.sqrt(squares / components)) if components else 0.0,
        labeled=labeled,
    )


def fit_references(compositions: np.ndarray, energies: np.ndarray, method: str = "huber") -> np.ndarray:
    """Energies per element whose sum over a structure's atoms comes nearest to its energy.

    If the compositions do not determine the energies, for example because all frames have the same one, the result is
    the solution nearest to equal energies for all elements.

    Args:
        compositions: (n, elements) atoms of each element.
        energies: (n,) eV.
        method: `huber`, regression of the energy per atom that outliers do not move, by iteratively re-weighted least
            squares; `least_squares`, the same without the weights; `mean`, the mean energy per atom for every element.

    Returns:
        (elements,) eV, float64.
    """
    sizes = compositions.sum(axis=1)
    fractions = compositions / sizes[:, None]
    per_atom = energies / sizes
    # Fractions sum to one: a shift of all elements by `typical` shifts every energy per atom by it. What is left is
    # small, which keeps digits (CP2K: -1228 eV/atom) and makes "smallest solution" mean something.
    typical = float(np.median(per_atom))
    target = per_atom - typical
    if method == "mean":
        return np.full(compositions.shape[1], per_atom.mean())
    weights = np.ones_like(target)
    solution = np.zeros(compositions.shape[1])
    for _ in range(ITERATIONS):
        root = np.sqrt(weights)
        before = solution
        solution = np.linalg.lstsq(fractions * root[:, None], target * root, rcond=1e-10)[0]
        residual = np.abs(target - fractions @ solution)
        width = HUBER_WIDTH * 1.4826 * float(np.median(residual))
        if method == "least_squares" or width == 0 or np.abs(solution - before).max() < 1e-10:
            break
        weights = np.minimum(1.0, width / np.maximum(residual, 1e-300))
    return solution + typical


def reference_energies(
    choice: str | Mapping[str, float], elements: Sequence[str], fitted: Mapping[str, float]
) -> dict[str, float]:
    """Reference energy of each of the model's `elements`.

    Args:
        choice: a method of `fit_references`, `none`, or energies by element.
        elements: the model's.
        fitted: to the training data. Elements of the model that the data lack get the mean of the others.

    Raises:
        UserError: given energies that miss an element or name an unknown one.
    """
    if choice == "none":
        return dict.fromkeys(elements, 0.0)
    if isinstance(choice, str):
        mean = float(np.mean(list(fitted.values()))) if fitted else 0.0
        return {symbol: fitted.get(symbol, mean) for symbol in elements}
    unknown = [symbol for symbol in choice if atomic_numbers.get(symbol, 0) < 1]
    missing = [symbol for symbol in elements if symbol not in choice]
    if unknown:
        raise UserError(f"reference_energies: {unknown[0]!r} is not a chemical symbol")
    if missing:
        raise UserError(f"reference_energies: no energy for {', '.join(missing)}; add it or write `huber` to fit them")
    return {symbol: float(choice[symbol]) for symbol in elements}


def completed_references(store: Path, isolated: Mapping[str, float], elements: Sequence[str]) -> dict[str, float]:
    """Energies of isolated atoms, and for the other `elements` energies fitted to what is left of the frames' energies.

    Args:
        store: of training frames.
        isolated: eV, by element.
        elements: the model's.

    Returns:
        eV, by element of `elements`.
    """
    others = [symbol for symbol in elements if symbol not in isolated]
    if not others:
        return {symbol: isolated[symbol] for symbol in elements}
    from alphanet.data.store import FrameStore

    frames = FrameStore(store)
    labeled = [
        (np.bincount(atoms.numbers, minlength=len(chemical_symbols)), energy)
        for index in evenly_spaced(len(frames), SAMPLE)
        if (energy := labels_of(atoms := frames[int(index)]).get("energy")) is not None
    ]
    columns = [atomic_numbers[symbol] for symbol in others]
    rows = [
        (counts[columns], energy - sum(counts[atomic_numbers[symbol]] * own for symbol, own in isolated.items()))
        for counts, energy in labeled
        if counts[columns].any()
    ]
    if not rows:
        return {symbol: isolated.get(symbol, float(np.mean(list(isolated.values())))) for symbol in elements}
    table, energies = np.array([row for row, _ in rows], dtype=np.float64), np.array([energy for _, energy in rows])
    fitted = np.linalg.lstsq(table, energies, rcond=1e-10)[0]
    return {
        symbol: isolated.get(symbol, float(dict(zip(others, fitted, strict=True)).get(symbol, 0.0)))
        for symbol in elements
    }


def _symbols(present: np.ndarray) -> tuple[str, ...]:
    return tuple(chemical_symbols[number] for number in np.flatnonzero(present))
