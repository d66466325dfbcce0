"""Energy of a bilayer as its layers slide and as their distance changes, predicted and reference."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from alphanet.errors import UserError
from alphanet.files import atomic_path, sha256_of
from alphanet.outside import DAMAGE
from alphanet.potentials.protocol import Potential

KINDS = ("sliding", "binding")
ABOVE = 0.1  # Å in the plane: an atom of one layer lies above one of the other
LEAST = {"sliding": 4, "binding": 3}  # frames: a map, and a curve with a minimum
FORM = "a reference is extxyz as datasets/mini/graphene_landscape.py makes it"


@dataclass(frozen=True)
class Reference:
    """Bilayers with reference energies."""

    path: Path
    sha256: str
    sliding: tuple[Atoms, ...]  # `info["slide"]`: displacement of the upper layer from AB stacking, (2,) Å
    binding: tuple[Atoms, ...]  # AB stacking, by growing distance between the layers


@dataclass(frozen=True)
class Landscape:
    """Energies in eV/atom, the reference's in the first column and the potential's in the second."""

    slide: np.ndarray = field(repr=False)  # (n, 2) Å, from AB
    stacking: tuple[str, ...] = field(repr=False)  # of each slide, see `stacking_of`
    sliding: np.ndarray = field(repr=False)  # (n, 2), relative to AB
    height: tuple[float, float]  # Å, smallest and largest distance between the sliding layers
    distance: np.ndarray = field(repr=False)  # (m,) Å, growing
    binding: np.ndarray = field(repr=False)  # (m, 2), relative to the largest distance

    @property
    def difference(self) -> np.ndarray:
        """(n,) predicted minus reference of the sliding surface, eV/atom."""
        difference: np.ndarray = self.sliding[:, 1] - self.sliding[:, 0]
        return difference

    def metrics(self) -> dict[str, float]:
        """Plain numbers in eV/atom and Å; no distance of the minimum if a curve has none inside."""
        reference, predicted = (_well(self.distance, self.binding[:, column]) for column in (0, 1))
        corrugation = np.ptp(self.sliding, axis=0)
        metrics = {
            "sliding_max_difference": np.abs(self.difference).max(),
            "sliding_rms_difference": np.sqrt(np.mean(self.difference**2)),
            "corrugation_reference": corrugation[0],
            "corrugation_predicted": corrugation[1],
            "binding_max_difference": np.abs(self.binding[:, 1] - self.binding[:, 0]).max(),
            "depth_reference": reference[0],
            "depth_predicted": predicted[0],
            "distance_reference": reference[1],
            "distance_predicted": predicted[1],
        }
        return {name: float(value) for name, value in metrics.items() if value is not None}


def read_reference(path: Path, elements: Sequence[str]) -> Reference:
    """Read bilayers with energies.

    Args:
        path: a file of structures, each with an energy, `kind` (sliding or binding), and if sliding `slide`.
        elements: symbols that it may hold.

    Raises:
        UserError: the file or a frame in it does not fit; the message names the file, the frame and what is missing.
    """
    from alphanet.data.formats import read_frames  # brings scipy, which listing benchmarks does not need

    frames: dict[str, list[Atoms]] = {kind: [] for kind in KINDS}
    for index, atoms in enumerate(read_frames(path, labeled=False)):
        problem = _problem(atoms, elements)
        if problem:
            raise UserError(f"{path}: frame {index} {problem}; {FORM}")
        frames[atoms.info["kind"]].append(atoms)
    for kind, least in LEAST.items():
        if len(frames[kind]) < least:
            raise UserError(f"{path} has {len(frames[kind])} frames of kind {kind}, not {least} or more; {FORM}")
    unslid = [atoms for atoms in frames["sliding"] if not np.any(atoms.info["slide"])]
    if len(unslid) != 1 or stacking_of(unslid[0]) != "AB":
        raise UserError(f"{path} has no sliding frame with slide 0 0 in AB stacking, to which energies refer; {FORM}")
    return Reference(
        path, sha256_of(path), tuple(frames["sliding"]), tuple(sorted(frames["binding"], key=layer_distance))
    )


def measure_landscape(potential: Potential, reference: Reference, *, batch_size: int) -> Landscape:
    """Predict the energies of every structure of `reference`.

    Raises:
        UserError: as the potential's `predict`.
    """
    frames = [*reference.sliding, *reference.binding]
    predictions = potential.predict(frames, batch_size=batch_size)
    pairs = np.array(
        [
            (atoms.calc.results["energy"] / len(atoms), prediction.energy / len(atoms))
            for atoms, prediction in zip(frames, predictions, strict=True)
        ]
    )
    sliding, binding = np.split(pairs, [len(reference.sliding)])
    slide = np.array([atoms.info["slide"] for atoms in reference.sliding], dtype=float)
    heights = [layer_distance(atoms) for atoms in reference.sliding]
    return Landscape(
        slide=slide,
        stacking=tuple(stacking_of(atoms) for atoms in reference.sliding),
        sliding=sliding - sliding[~slide.any(axis=1)],
        height=(min(heights), max(heights)),
        distance=np.array([layer_distance(atoms) for atoms in reference.binding]),
        binding=binding - binding[-1],
    )


def save_landscape(path: Path, landscape: Landscape) -> None:
    """Write the arrays of `landscape` as npz, atomically."""
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in vars(landscape).items()}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def load_landscape(path: Path) -> Landscape:
    """The landscape that `save_landscape` wrote.

    Raises:
        UserError: the file cannot be read or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            low, high = arrays["height"].tolist()
            return Landscape(
                slide=arrays["slide"],
                stacking=tuple(arrays["stacking"].tolist()),
                sliding=arrays["sliding"],
                height=(low, high),
                distance=arrays["distance"],
                binding=arrays["binding"],
            )
    except DAMAGE as error:
        raise UserError(f"{path} holds no landscape ({error}); delete it, and it is measured again") from error


def stacking_of(bilayer: Atoms) -> str:
    """AA if every atom of the upper layer is above one of the lower, AB if every second is, else empty."""
    from ase.geometry import get_distances

    lower, upper = (layer.copy() for layer in layers_of(bilayer))
    lower.positions[:, 2] = upper.positions[:, 2] = 0.0
    _, apart = get_distances(upper.positions, lower.positions, cell=bilayer.cell, pbc=(True, True, False))
    above = int((apart.min(axis=1) < ABOVE).sum())
    return {len(upper): "AA", len(upper) / 2: "AB"}.get(above, "")


def layer_distance(bilayer: Atoms) -> float:
    """Distance between the mean heights of the layers, Å."""
    lower, upper = layers_of(bilayer)
    return float(upper.positions[:, 2].mean() - lower.positions[:, 2].mean())


def layers_of(bilayer: Atoms) -> tuple[Atoms, Atoms]:
    """The atoms below and above the largest gap in height."""
    order = np.argsort(bilayer.positions[:, 2], kind="stable")
    cut = int(np.argmax(np.diff(bilayer.positions[order, 2]))) + 1
    return bilayer[order[:cut]], bilayer[order[cut:]]


def _problem(atoms: Atoms, elements: Sequence[str]) -> str | None:
    """The reason why a frame cannot be part of a reference; None if it can."""
    others = sorted(set(atoms.get_chemical_symbols()) - set(elements))
    if others:
        return f"holds {', '.join(others)}, not only {', '.join(elements)}"
    if len(atoms) < 2:
        return "is no bilayer: it has one atom"
    if atoms.calc is None or atoms.calc.results.get("energy") is None:
        return "has no energy"
    if atoms.info.get("kind") not in KINDS:
        return f"has {_value_text(atoms, 'kind')}, not sliding or binding"
    slide: Any = atoms.info.get("slide")
    if atoms.info["kind"] == "sliding" and np.shape(slide) != (2,):
        return f"has {_value_text(atoms, 'slide')}, not two numbers (Å from AB)"
    return None


def _value_text(atoms: Atoms, key: str) -> str:
    return f"{key} {atoms.info[key]}" if key in atoms.info else f"no {key}"


def _well(distance: np.ndarray, energy: np.ndarray) -> tuple[float, float | None]:
    """Depth (eV/atom) and place (Å) of the minimum, by the parabola through the lowest point and its neighbors."""
    lowest = int(energy.argmin())
    if lowest in (0, len(energy) - 1):
        return -float(energy[lowest]), None
    near = slice(lowest - 1, lowest + 2)
    curve = np.polynomial.Polynomial.fit(distance[near], energy[near], 2)
    (place,) = curve.deriv().roots()
    return -float(curve(place)), float(place)
