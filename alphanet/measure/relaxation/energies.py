"""From total to formation energies, as the leaderboard does it: published elemental references, MP2020 corrections."""

import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.data import chemical_symbols

from alphanet.errors import UserError

DECIMALS = 4  # to which Matbench Discovery rounds the references


def read_references(path: Path) -> dict[str, float]:
    """Energies (eV/atom) of the elements' most stable phases in the Materials Project, by symbol.

    Args:
        path: the published file, JSON (packed with gzip or not): pymatgen's entries by symbol.

    Raises:
        UserError: the file cannot be read, or has another form.
    """
    from alphanet.data.formats.pymatgen_json import load_json

    try:
        return {symbol: round(_energy_per_atom(entry), DECIMALS) for symbol, entry in load_json(path).items()}
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    except (KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise UserError(
            f"{path} does not hold elemental entries by symbol ({error!r}); is it mp-elemental-reference-entries?"
        ) from error


def formation_energy(numbers: list[int], energy: float, references: Mapping[str, float]) -> float:
    """Formation energy in eV/atom.

    Args:
        numbers: atomic numbers of the cell.
        energy: its total energy with corrections, eV.
        references: eV/atom by symbol.

    Raises:
        UserError: an element has no reference.
    """
    counts = Counter(chemical_symbols[number] for number in numbers)
    missing = counts.keys() - references.keys()
    if missing:
        raise UserError(f"there is no elemental reference energy of {', '.join(sorted(missing))}")
    return (energy - sum(count * references[symbol] for symbol, count in counts.items())) / len(numbers)


class Corrections:
    """MP2020 corrections of total energies, eV.

    Args:
        published: corrections in eV/atom by id, from the published summary; they have precedence, because
            what pymatgen computes depends on its version.
        included: the potential was trained on corrected energies; nothing is added.
    """

    def __init__(self, published: Mapping[str, float] | None = None, *, included: bool = False) -> None:
        self._published, self._included = published or {}, included
        self._computed: Any = None

    def correction(self, identity: str, atoms: Atoms) -> float:
        """The correction (eV) of the total energy of the structure `identity`, relaxed to `atoms`."""
        if self._included:
            return 0.0
        if identity in self._published:
            return self._published[identity] * len(atoms)
        return self._compute(atoms)

    def source(self) -> str:
        """The source of the corrections, for the result's description."""
        if self._included:
            return "included in the energies that the potential was trained on"
        if self._computed is None:
            return "MP2020, published summary"
        from pymatgen.core import __version__

        return f"MP2020, computed by pymatgen {__version__}" + (" or published" if self._published else "")

    def _compute(self, atoms: Atoms) -> float:
        from pymatgen.entries.compatibility import MaterialsProject2020Compatibility
        from pymatgen.entries.computed_entries import ComputedStructureEntry
        from pymatgen.io.ase import AseAtomsAdaptor

        if self._computed is None:
            self._computed = MaterialsProject2020Compatibility(check_potcar=False)
        structure = AseAtomsAdaptor.get_structure(atoms)
        hubbards = _hubbards(self._computed.u_settings, structure)
        parameters = {"run_type": "GGA+U" if hubbards else "GGA", "hubbards": hubbards}
        entry = ComputedStructureEntry(structure, 0.0, parameters=parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about oxidation states that cannot be guessed, for which a rule stands
            return float(sum(one.value for one in self._computed.get_adjustments(entry)))


def _hubbards(settings: Mapping[str, Mapping[str, float]], structure: Any) -> dict[str, float]:
    """The Hubbard U (eV) with which the Materials Project, and WBM after it, computes such a compound."""
    most_electronegative = max(structure.composition.elements, key=lambda element: element.X)
    of_anion = settings.get(most_electronegative.symbol, {})
    symbols = [element.symbol for element in structure.composition.elements]
    return {symbol: float(of_anion[symbol]) for symbol in symbols if of_anion.get(symbol)}


def _energy_per_atom(entry: Mapping[str, Any]) -> float:
    composition = entry["composition"]
    return (float(entry["energy"]) + float(entry.get("correction") or 0.0)) / float(sum(composition.values()))
