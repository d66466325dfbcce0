"""Units that files name, as factors to eV, Å, eV/Å and eV/Å^3."""

import re
import unicodedata
from typing import Literal

from ase import units

Quantity = Literal["energy", "forces", "stress", "virial", "length"]

_ENERGY = {
    "ev": 1.0, "electronvolt": 1.0, "mev": 1e-3,
    "hartree": units.Hartree, "ha": units.Hartree, "eh": units.Hartree, "au": units.Hartree,
    "ry": units.Rydberg, "rydberg": units.Rydberg,
    "kcal/mol": units.kcal / units.mol, "kcalmol": units.kcal / units.mol,
    "kj/mol": units.kJ / units.mol, "kjmol": units.kJ / units.mol,
}  # fmt: skip
_LENGTH = {
    "a": 1.0, "å": 1.0, "ang": 1.0, "angstrom": 1.0, "angstroms": 1.0, "ångström": 1.0, "ångstrom": 1.0,
    "bohr": units.Bohr, "a0": units.Bohr, "au": units.Bohr, "nm": 10.0, "pm": 0.01,
}  # fmt: skip
_PRESSURE = {
    "pa": units.Pascal, "kpa": 1e3 * units.Pascal, "mpa": 1e6 * units.Pascal, "gpa": units.GPa,
    "bar": units.bar, "kbar": 1e3 * units.bar, "kilobar": 1e3 * units.bar, "kb": 1e3 * units.bar,
    "atm": 101325 * units.Pascal,
    "au": units.Hartree / units.Bohr**3,
}  # fmt: skip


def factor(unit: str, quantity: Quantity) -> float | None:
    """The factor from `unit` to eV, Å, eV/Å or eV/Å^3; None if the unit is not known for this quantity.

    Examples: `kcal/mol/angstrom`, `Hartree/Bohr`, `eV_A^3`, `GPa`.
    """
    name = _simple(unit)
    if quantity == "length":
        return _LENGTH.get(name)
    if quantity in ("energy", "virial"):
        return _ENERGY.get(name)
    if quantity == "stress":
        return _PRESSURE.get(name) or _ratio(re.sub(r"\^?3$", "", name), 3)
    return units.Hartree / units.Bohr if name == "au" else _ratio(name, 1)


def _simple(unit: str) -> str:
    """`kcal mol^-1` and `a.u.` as `kcal/mol` and `au`: lower case, one spelling of each sign."""
    name = unicodedata.normalize("NFKC", unit).strip().lower().strip("()[]")
    name = re.sub(r"[\s_*·]*\bper\b[\s_*·]*|_per_", "/", name.replace("**", "^"))
    name = re.sub(r"[\s_*·]*([a-zåö]+)\^-(\d)", r"/\1^\2", name)
    return re.sub(r"[\s_]+", "/", name.replace("a.u.", "au")).replace("^1", "")


def _ratio(name: str, power: int) -> float | None:
    energy, _, length = name.rpartition("/")
    if energy in _ENERGY and length in _LENGTH:
        return _ENERGY[energy] / _LENGTH[length] ** power
    return None
