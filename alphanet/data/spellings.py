"""Labels of frames under whatever names files give them, in eV, eV/Å and eV/Å^3."""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from ase import Atoms

from alphanet.data.cards import LabelKeys
from alphanet.data.labels import Labels, labels_from, stress_from_virial, voigt
from alphanet.data.units import Quantity, factor
from alphanet.errors import UserError

logger = logging.getLogger(__name__)

Label = Literal["energy", "forces", "stress", "virial"]

# Words that may stand beside the name of a label and leave its meaning: REF_energy, dft_energy, TotEnergy.
# Not among them: reference_energy (OC20: to be subtracted), atomic, interaction, formation, per_atom, mace, pred.
_METHODS = r"ref|dft|qm|pbe|pbesol|pbe0|r2scan|scf|target|true|label"
_WORDS: dict[Label, tuple[str, str]] = {
    "energy": ("energy", rf"{_METHODS}|tot|total|potential|vasp|cp2k|orca|aims|castep|qe|xtb|ccsd|ccsdt"),
    "forces": ("forces?", rf"{_METHODS}|atomic|vasp|cp2k|orca|aims|castep|qe|xtb"),
    "stress": ("stress|stresses", rf"{_METHODS}|tensor|cauchy"),  # a stress of VASP has the other sign
    "virial": ("virials?", rf"{_METHODS}|tensor"),
}
_PATTERNS = {
    label: re.compile(rf"(?:(?:{words})_?)*(?:{name})(?:_?(?:{words}))*(?:_(?P<unit>.+))?")
    for label, (name, words) in _WORDS.items()
}
_STEMS: dict[Quantity, tuple[str, ...]] = {
    "energy": ("energy", "energies"),
    "forces": ("force", "forces"),
    "stress": ("stress", "stresses", "pressure"),
    "virial": ("virial", "virials"),
    "length": ("length", "lengths", "distance", "position", "positions", "pos", "coord", "coords", "cell", "lattice"),
}
_RESULTS = {  # of a calculator
    "energy": ("energy", "free_energy", "energies"),
    "forces": ("forces",),
    "stress": ("stress", "stresses"),
}
_OF_UNIT = re.compile(r"(?P<before>.+?)_?units?|units?_(of_)?(?!cell)(?P<after>.+)")  # unit_cell is none
_OURS = re.compile(r"(?:[\s,;/^|*]|ev|å|angstroms?|ang|a|metal|ase|\d)+")  # units=… that say eV and Å
AGREEMENT = 0.02  # of a stress with a virial, relative to the larger


class LabelFinder:
    """Takes labels out of frames; what was found under another name or in another unit is logged once."""

    def __init__(self, keys: LabelKeys) -> None:
        """Look for `keys`; for those that are ASE's own also under known spellings."""
        self.keys = keys
        self._messages: set[str] = set()
        named = {getattr(keys, label) for label in _WORDS if getattr(keys, label) != label}
        self.missing = named  # names that no frame had so far

    def labels(self, atoms: Atoms) -> Labels:
        """The frame's labels, removed from its `info` and `arrays`; positions in other units become Å.

        Raises:
            UserError: a label or its unit cannot be understood.
        """
        self._scale_lengths(atoms)
        results: Mapping[str, object] = atoms.calc.results if atoms.calc is not None else {}
        unit_keys: set[str] = set()
        energy, _ = self._value("energy", atoms.info, results, atoms, unit_keys)
        if energy is None and self.keys.energy == "energy" and results.get("free_energy") is not None:
            energy = results["free_energy"]
            self._say(logging.INFO, "the energy is 'free_energy', because there is no other")
        forces, _ = self._value("forces", atoms.arrays, results, atoms, unit_keys)
        stress = self._stress(atoms, results, unit_keys)
        if forces is not None:
            self._doubt_forces(atoms.info, unit_keys)
        found: dict[Quantity, Any] = {"energy": energy, "forces": forces, "stress": stress}
        for key in unit_keys | {key for key in atoms.info if _misleads(key, atoms.info[key], found)}:
            del atoms.info[key]
        self._understand_units(atoms.info)
        return labels_from(energy, forces, stress)

    def convert(self, atoms: Atoms) -> None:
        """Bring positions, and labels under any known name, into our units where `info` names others; labels stay.

        The entries that named the units go: what is predicted for the frame later is in ours.

        Raises:
            UserError: the unit of length is not known.
        """
        self._scale_lengths(atoms)
        results = atoms.calc.results if atoms.calc is not None else {}
        for key, unit in list(atoms.info.items()):
            quantity, scale = _other_unit(key, unit)
            if quantity is None or quantity == "length":
                continue
            del atoms.info[key]
            self._say(logging.INFO, f"{quantity} converted from {unit}, as {key!r} says")
            of_results = {name for name in results if name in _RESULTS.get(quantity, ())}
            _scale(results, of_results, scale)
            for values in (atoms.info, atoms.arrays):
                _scale(values, {name for name in values if _is_bare(quantity, name, values[name], atoms)}, scale)

    def _stress(self, atoms: Atoms, results: Mapping[str, object], unit_keys: set[str]) -> np.ndarray | None:
        stress, _ = self._value("stress", atoms.info, results, atoms, unit_keys)
        virial, key = self._value("virial", atoms.info, {}, atoms, unit_keys)
        own = None if stress is None else voigt(stress)
        if virial is None:
            if own is None:
                self._note_doubtful_stresses(atoms.info)
            return own
        if atoms.cell.rank < 3:
            if np.any(virial):  # isolated atoms often carry zeros
                text = f"{key!r} of a frame without three cell vectors gives no stress; it stays in info"
                self._say(logging.WARNING, text)
            atoms.info[key] = virial
            return own
        other = stress_from_virial(virial, atoms.get_volume())
        if own is None or (self.keys.virial != "virial" and self.keys.stress == "stress"):
            return other
        if np.abs(own - other).max() > AGREEMENT * max(np.abs(own).max(), np.abs(other).max()):
            atoms.info[key] = virial
            self._say(
                logging.WARNING,
                f"stress and -{key}/volume disagree (xx: {own[0]:.3g} and {other[0]:.3g} eV/Å^3): sign or unit of one "
                "is wrong; the stress is used",
            )
        return own

    def _note_doubtful_stresses(self, info: Mapping[str, object]) -> None:
        for key, value in info.items():
            array = np.asarray(value)
            if re.search("stress|virial", str(key).lower()) and array.dtype.kind == "f" and array.size in (6, 9):
                text = f"{key!r} is not read, its sign is not known: say --stress-key or --virial-key {key}"
                self._say(logging.WARNING, text)

    def _value(
        self, label: Label, values: dict[str, Any], results: Mapping[str, object], atoms: Atoms, unit_keys: set[str]
    ) -> tuple[Any, str]:
        """The value in our unit, or None, and its name in the file."""
        key = getattr(self.keys, label)
        if key != label:
            value = values.pop(key) if key in values else results.get(key)
            if value is not None:
                self.missing.discard(key)
        else:
            others = sorted((other for other in values if _is_label(label, other, values[other], atoms)), key=len)
            value = results.get(label)
            if value is None and others:
                key = others[0]
                value = values.pop(key)
                if key != label:
                    self._say(logging.INFO, f"{label} found under {key!r}")
                others = others[1:]
            self._note_other_forms(label, {key, *others}, values)
            if others:
                self._say(logging.WARNING, f"{label} is taken from {key!r}; also there: {', '.join(map(repr, others))}")
        if value is None:
            return None, key
        return self._converted(label, key, value, atoms.info, unit_keys), key

    def _note_other_forms(self, label: Label, known: set[str], values: Mapping[str, object]) -> None:
        for key, value in values.items():
            if key not in known and _is_named(label, key) and np.asarray(value).dtype.kind in "fiu":
                text = f"{key!r} is not taken as {label}: it has the shape {np.asarray(value).shape}"
                self._say(logging.WARNING, text)

    def _converted(self, label: Label, key: str, value: Any, info: Mapping[str, object], unit_keys: set[str]) -> Any:
        match = _PATTERNS[label].fullmatch(_normal(key))
        unit, source = (match["unit"], key) if match else (None, key)
        for quantity in (label, "energy") if label == "virial" else (label,):
            for entry, text in info.items():
                if unit is None and isinstance(text, str) and _label_of_unit(entry) == quantity:
                    unit, source = text, entry
        if unit is None:
            return value
        scale = factor(unit, label)
        if scale is None:
            raise UserError(f"{source!r} names a unit of {label} that is not known: {unit!r}")
        if scale == 1.0:
            return value
        if source in info:
            unit_keys.add(source)
        self._say(logging.INFO, f"{label} converted from {unit}, as {source!r} says")
        return np.asarray(value, dtype=np.float64) * scale

    def _scale_lengths(self, atoms: Atoms) -> None:
        for key in [key for key in atoms.info if _label_of_unit(key) == "length"]:
            unit = str(atoms.info.pop(key))
            scale = factor(unit, "length")
            if scale is None:
                raise UserError(f"{key!r} names a unit of length that is not known: {unit!r}")
            if scale != 1.0:
                self._say(logging.INFO, f"positions and cell converted from {unit}, as {key!r} says")
                atoms.set_cell(atoms.cell.array * scale)
                atoms.arrays["positions"] = atoms.positions * scale

    def _doubt_forces(self, info: Mapping[str, object], converted: set[str]) -> None:
        has_unit = any(_label_of_unit(key) == "forces" for key in info)
        if any(_label_of_unit(key) == "energy" for key in converted) and not has_unit:
            self._say(logging.WARNING, "the file names a unit of its energies, none of its forces: taken as eV/Å")

    def _understand_units(self, info: Mapping[str, object]) -> None:
        for key in ("units", "unit"):
            value = info.get(key)
            if value is None or _OURS.fullmatch(str(value).strip().lower()):
                continue
            known = any(factor(str(value), quantity) is not None for quantity in _STEMS)
            if known or str(value).lower() in ("atomic", "real", "si"):
                raise UserError(
                    f"says {key}={value}: name the units one by one instead, as energy_unit, force_unit, stress_unit "
                    "and length_unit"
                )
            self._say(logging.WARNING, f"{key}={value} is not understood; labels are taken as eV, eV/Å and eV/Å^3")

    def _say(self, level: int, text: str) -> None:
        if text not in self._messages:
            self._messages.add(text)
            logger.log(level, "%s", text)


def _is_label(label: Label, key: Any, value: Any, atoms: Atoms) -> bool:
    """Whether a name is a known spelling of a label, and its value has the label's form."""
    if not _is_named(label, key):
        return False
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        return False
    if label == "forces":
        return array.shape == (len(atoms), 3)
    return array.size == 1 if label == "energy" else array.size in (6, 9)


def _is_bare(label: Label, key: Any, value: Any, atoms: Atoms) -> bool:
    """Whether it is a label whose name does not tell its unit."""
    match = _PATTERNS[label].fullmatch(_normal(str(key)))
    return match is not None and match["unit"] is None and _is_label(label, key, value, atoms)


def _scale(values: dict[str, Any], names: Iterable[str], scale: float) -> None:
    for name in names:
        scaled = np.asarray(values[name], dtype=np.float64) * scale
        values[name] = scaled if scaled.ndim else float(scaled)


def _is_named(label: Label, key: Any) -> bool:
    match = _PATTERNS[label].fullmatch(_normal(str(key)))
    return match is not None and (match["unit"] is None or factor(match["unit"], label) is not None)


def _misleads(key: Any, unit: Any, found: Mapping[Quantity, Any]) -> bool:
    """Whether an entry of `info` names another unit than ours for a label that the frame has, which is in ours."""
    label, _ = _other_unit(key, unit)
    return label is not None and found.get(label) is not None


def _other_unit(key: Any, unit: Any) -> tuple[Quantity | None, float]:
    """The quantity for which `info[key]` names a known unit that is not ours, and the factor to ours; or None and 1."""
    quantity = _label_of_unit(key)
    scale = factor(unit, quantity) if quantity is not None and isinstance(unit, str) else None
    return (None, 1.0) if scale is None or scale == 1.0 else (quantity, scale)


def _label_of_unit(key: Any) -> Quantity | None:
    """The quantity whose unit `info[key]` names: energy_unit, stress-unit, lengthUnits, unit_forces."""
    match = _OF_UNIT.fullmatch(_normal(str(key)))
    if match is None:
        return None
    stem = match["before"] or match["after"]
    return next((quantity for quantity, stems in _STEMS.items() if stem in stems), None)


def _normal(key: str) -> str:
    return re.sub(r"[-\s.]+", "_", key.strip().lower())
