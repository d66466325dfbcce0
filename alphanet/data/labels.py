"""Energy, forces and stress of a frame: checked, and put where ASE keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_properties
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.errors import UserError
from alphanet.limits import REACH

# Results of a calculator that follow from the potential energy surface: a prediction replaces all of them.
OF_THE_SURFACE = ("energy", "free_energy", "energies", "forces", "stress", "stresses")
ATOMIC_ENERGIES = "atomic_energies"  # eV, array of predicted structures
OCCUPANCY_ROUNDING = 1e-3  # 0.999 in a file is a full site


class Labels(TypedDict, total=False):
    """Labels of a frame of N atoms, in float64; those that it lacks are left out."""

    energy: float  # eV
    forces: np.ndarray  # (N, 3), eV/Å
    stress: np.ndarray  # (6,), eV/Å^3, Voigt order of ASE, tension positive


OTHER_RESULTS = tuple(name for name in all_properties if name not in Labels.__annotations__)


def labels_from(energy: Any = None, forces: Any = None, stress: Any = None) -> Labels:
    """Labels of raw values in eV, eV/Å and eV/Å^3; None: the frame lacks it."""
    labels = Labels()
    if energy is not None:
        labels["energy"] = np.asarray(energy, dtype=np.float64).item()
    if forces is not None:
        labels["forces"] = np.asarray(forces, dtype=np.float64)
    if stress is not None:
        labels["stress"] = voigt(stress)
    return labels


def labels_of(atoms: Atoms) -> Labels:
    """The labels that the frame's calculator holds; forces are the raw ones, also where a constraint holds an atom."""
    results = atoms.calc.results if atoms.calc is not None else {}
    return labels_from(*(results.get(name) for name in ("energy", "forces", "stress")))


def with_labels(atoms: Atoms, labels: Labels, others: Mapping[str, object] | None = None) -> Atoms:
    """The frame itself, with a SinglePointCalculator that holds the labels; without a calculator if there are none.

    Args:
        atoms: the frame.
        labels: its labels.
        others: other results that ASE knows: magmoms, charges, dipole, free_energy, …
    """
    results = {**(others or {}), **labels}
    atoms.calc = SinglePointCalculator(atoms, **results) if results else None
    return atoms


def other_results(atoms: Atoms) -> dict[str, Any]:
    """What the frame's calculator holds besides energy, forces and stress."""
    results = atoms.calc.results if atoms.calc is not None else {}
    return {name: value for name, value in results.items() if name in OTHER_RESULTS and value is not None}


def predicted(atoms: Atoms, labels: Labels) -> Atoms:
    """A copy of a frame with predicted labels in place of its own; magmoms, charges, dipole stay.

    A `free_energy` becomes the predicted energy, because ASE prefers it; energies and stresses of single atoms go.
    """
    others = other_results(atoms)
    kept = {name: value for name, value in others.items() if name not in OF_THE_SURFACE}
    if "free_energy" in others and "energy" in labels:
        kept["free_energy"] = labels["energy"]
    return with_labels(atoms.copy(), labels, kept)


def checked(frames: Iterator[Atoms], where: str, labeled: bool) -> Iterator[Atoms]:
    """The frames as they come, each checked; an error says that they are from `where`.

    Raises:
        UserError: a frame has no atoms, NaN or infinite numbers, or (`labeled`) no energy or forces.
    """
    for index, atoms in enumerate(frames):
        problem = problem_of(atoms, labeled)
        if problem:
            raise UserError(f"{where}: frame {index} {problem}")
        yield atoms


def problem_of(atoms: Atoms, labeled: bool = True, *, partly: bool = False) -> str | None:
    """The first fault of a frame, as the end of a sentence; None if it is sound.

    Args:
        atoms: the frame.
        labeled: it must have an energy and forces.
        partly: one label of energy, forces and stress is enough.
    """
    if len(atoms) == 0:
        return "has no atoms"
    if (atoms.numbers < 1).any():
        return "has atoms of no known element"
    if not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell.array).all():
        return "has NaN or infinite positions or cell"
    if max(np.abs(atoms.positions).max(), np.abs(atoms.cell.array).max()) > REACH:
        return f"has positions or cell vectors beyond {REACH:g} Å"
    if _is_disordered(atoms):
        return "is disordered (partial occupancies), which has no energy surface"
    labels = labels_of(atoms)
    for name, values in labels.items():
        if not np.isfinite(np.asarray(values)).all():
            return f"has NaN or infinite {name}"
    if "forces" in labels and labels["forces"].shape != (len(atoms), 3):
        return f"has forces of shape {labels['forces'].shape}, not ({len(atoms)}, 3)"
    missing = [name for name in ("energy", "forces") if name not in labels]
    if labeled and missing and not (partly and labels):
        return f"has no {' and no '.join(missing)}{_hint(atoms, missing)}"
    return None


def _is_disordered(atoms: Atoms) -> bool:
    """Whether sites are shared or partly empty, as ASE's readers of CIF (by kind of site) and PDB (by atom) note."""
    sites = atoms.info.get("occupancy")
    values: list[Any] = []
    if isinstance(sites, Mapping):
        values = [value for site in sites.values() if isinstance(site, Mapping) for value in site.values()]
    if "occupancy" in atoms.arrays:
        values += atoms.arrays["occupancy"].ravel().tolist()
    return any(isinstance(value, int | float) and 0 < value < 1 - OCCUPANCY_ROUNDING for value in values)


def voigt(stress: Any) -> np.ndarray:
    """Stress as six Voigt components in ASE's order."""
    values = np.asarray(stress, dtype=np.float64)
    if values.shape == (6,):
        return values
    if values.size != 9:
        raise UserError(f"stress has {values.size} numbers, not 6 or 9")
    return full_3x3_to_voigt_6_stress(values.reshape(3, 3))


def stress_from_virial(virial: Any, volume: float) -> np.ndarray:
    """ASE stress (6,) in eV/Å^3 from a virial, -dE/dstrain in eV."""
    return -voigt(virial) / volume


def _hint(atoms: Atoms, missing: list[str]) -> str:
    similar = [(label, key) for label in missing for key in _similar(atoms, label)]
    if not similar:
        return ""
    label, first = similar[0]
    keys = ", ".join(repr(key) for _, key in similar)
    return f"; it has {keys}: name the keys of its labels, e.g. {first!r} for the {label}"


def _similar(atoms: Atoms, label: str) -> list[str]:
    """Names that may stand for a label; if none is alike, numbers of the frame for its energy."""
    if label == "forces":
        return [key for key in atoms.arrays if "force" in key.lower()]
    alike = [key for key in atoms.info if "energ" in key.lower()]
    return alike or [key for key, value in atoms.info.items() if isinstance(value, float)]
