"""Small cells for a calculator that knows the Γ point alone: it computes supercells, which have as many k points."""

import math
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from alphanet.measure.properties.crystals import heights, repeats


class RepeatedCalculator(Calculator):
    """Energy, forces and stress of a cell, from those of a supercell of it.

    How often a cell is repeated is decided when its atoms are seen first, so that energies of a crystal at several
    volumes have the same k points.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012  (ASE's own name)

    def __init__(self, calculator: Calculator, small: float, length: float) -> None:
        """Wrap `calculator`.

        Args:
            calculator: at the Γ point alone.
            small: Å; periodic cells whose faces are all farther apart stay as they are.
            length: Å; between opposite faces of a supercell, at least.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._calculator, self._small, self._length = calculator, small, length
        self._times: dict[bytes, tuple[int, int, int]] = {}

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Called by ASE."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        times = self._times.setdefault(atoms.numbers.tobytes(), self._repeats(atoms))
        large = atoms.repeat(times)
        large.calc = self._calculator
        energy = large.get_potential_energy() / math.prod(times)
        self.results = {"energy": energy, "free_energy": energy, "forces": large.get_forces()[: len(atoms)]}
        if atoms.pbc.all():
            self.results["stress"] = large.get_stress()

    def _repeats(self, atoms: Atoms) -> tuple[int, int, int]:
        if not atoms.pbc.all() or heights(atoms).min() > self._small:
            return (1, 1, 1)
        return repeats(atoms, self._length)
