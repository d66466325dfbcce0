"""Energy, forces and stress of a frame: read under any names, checked, and put where ASE keeps them."""

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from alphanet.data.cards import LabelKeys
from alphanet.errors import UserError

ASE_KEYS = LabelKeys()


class Labels(TypedDict, total=False):
    """Labels of a frame of N atoms, in float64; those that it lacks are left out."""

    energy: float  # eV
    forces: np.ndarray  # (N, 3), eV/Å
    stress: np.ndarray  # (6,), eV/Å^3, Voigt order of ASE, tension positive


def labels_from(energy: Any = None, forces: Any = None, stress: Any = None) -> Labels:
    """Labels of raw values in eV, eV/Å and eV/Å^3; None: the frame lacks it."""
    labels = Labels()
    if energy is not None:
        labels["energy"] = float(energy)
    if forces is not None:
        labels["forces"] = np.asarray(forces, dtype=np.float64)
    if stress is not None:
        labels["stress"] = voigt(stress)
    return labels


def labels_of(atoms: Atoms) -> Labels:
    """The labels that the frame's calculator holds; forces are the raw ones, also where a constraint holds an atom."""
    results = atoms.calc.results if atoms.calc is not None else {}
    return labels_from(*(results.get(name) for name in ("energy", "forces", "stress")))


def with_labels(atoms: Atoms, labels: Labels) -> Atoms:
    """The frame itself, with the labels in a SinglePointCalculator; without a calculator if there are none."""
    atoms.calc = SinglePointCalculator(atoms, **labels) if labels else None
    return atoms


def relabeled(atoms: Atoms, keys: LabelKeys = ASE_KEYS) -> Atoms:
    """The frame with its labels in a SinglePointCalculator; they are read under `keys` in `info` and `arrays`.

    Constraints move to `arrays["fixed"]`, because ASE would zero the forces of the atoms they hold.

    Raises:
        UserError: the frame lacks the energy origin that `keys` names.
    """
    labels = labels_of(atoms)
    labels.update(_named(atoms, keys))
    if keys.energy_origin is not None and "energy" in labels:
        if keys.energy_origin not in atoms.info:
            raise UserError(f"a frame has no {keys.energy_origin!r} to take off its energy, as the card says")
        labels["energy"] -= float(atoms.info[keys.energy_origin])
    if atoms.constraints:
        atoms.arrays["fixed"] = fixed_atoms(atoms)
        atoms.set_constraint()
    return with_labels(atoms, labels)


def fixed_atoms(atoms: Atoms) -> np.ndarray:
    """(N,) bool: atoms that a constraint holds in place."""
    fixed = np.zeros(len(atoms), dtype=bool)
    for constraint in atoms.constraints:
        if type(constraint).__name__ == "FixAtoms":
            fixed[constraint.index] = True
    return fixed


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


def _named(atoms: Atoms, keys: LabelKeys) -> Labels:
    stress, virial = atoms.info.pop(keys.stress, None), atoms.info.pop(keys.virial, None)
    if virial is not None and stress is None and atoms.cell.rank == 3:
        stress = stress_from_virial(virial, atoms.get_volume())
    return labels_from(atoms.info.pop(keys.energy, None), atoms.arrays.pop(keys.forces, None), stress)


def _hint(atoms: Atoms, missing: list[str]) -> str:
    places: dict[str, Mapping[str, Any]] = {"energy": atoms.info, "forces": atoms.arrays}
    similar = [key for name in missing for key in places[name] if name[:5] in key.lower()]
    if not similar:
        return ""
    keys = ", ".join(map(repr, similar))
    return f"; it has {keys}: name the keys of its labels, e.g. {similar[0]!r} for the {missing[0]}"
