"""Checks of a potential: how one is declared, what it measures it on, and how a number is judged beside its limit."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from ase import Atoms

from alphanet.measure.physics.rounding import Rounding, measured_rounding
from alphanet.potentials.protocol import FramePrediction, Potential

NEGLIGIBLE = {
    "eV": 1e-4,
    "eV/atom": 1e-4,
    "eV/Å": 1e-3,
    "eV/Å^2": 1e-2,
    "eV/Å^3": 1e-5,
    "meV/atom/ps": 1e-2,
}
"""Thresholds per unit; failures below them do not matter in use (stress: 2 MPa; drift: 40 K/ns; others: at most a tenth
of the best models' errors)"""
BATCH = 16  # structures that are evaluated together
CRYSTAL, MOLECULE = "crystal", "molecule"  # of a subject


@dataclass(frozen=True)
class Check:
    """One measured property beside the limit that it has to keep."""

    check: str
    group: str
    """The property that it belongs to, a column of the table"""
    value: float | None
    unit: str
    limit: float | None  # None: it is measured, and not judged
    passed: bool | None  # None: it cannot be made, see `reason`
    reason: str | None = None
    where: str | None = None
    """Where the value was found"""
    negligible: float = 0.0
    """Failures up to this value do not matter in use"""
    structure: str = ""
    """What it was measured on"""

    @property
    def is_negligible(self) -> bool:
        """Whether the value is too small to matter in use, whatever the limit says."""
        return self.value is not None and self.value <= self.negligible


@dataclass(frozen=True)
class Subject:
    """A potential with the structures that it is checked on."""

    potential: Potential
    crystal: Atoms  # periodic, no atom at a place of symmetry
    molecule: Atoms  # not periodic, all pairs well within the cutoff
    stress: bool  # it gives stresses of periodic structures
    precision: str | None = None  # float32 or float64; None: the noise shows it
    cutoff: float | None = None  # Å; None: the potential tells none and a dimer shows none
    untrained: bool = False
    repels: bool = False  # it has a repulsion of nuclei, which random weights have too (zbl of AlphaNet)
    seed: int = 0
    reopened: Callable[[], Potential] | None = None  # opens the potential in float32; None: that is not compared
    origins: Mapping[str, str] = field(default_factory=dict)  # of the crystal and the molecule, in words

    @cached_property
    def rounding(self) -> Rounding:
        """The rounding on the crystal."""
        return measured_rounding(self.potential, self.crystal, self.precision, self.seed)

    @cached_property
    def molecule_rounding(self) -> Rounding:
        """The rounding on the molecule."""
        return self.rounding_of(self.molecule)

    def predict(self, frames: Sequence[Atoms]) -> list[FramePrediction]:
        """Energies, forces and stresses of `frames`, in order.

        Raises:
            UserError: the potential fails.
        """
        return self.potential.predict(frames, batch_size=BATCH)

    def rounding_of(self, atoms: Atoms) -> Rounding:
        """The rounding on another structure.

        Raises:
            UserError: the potential fails.
        """
        return measured_rounding(self.potential, atoms, self.rounding.precision, self.seed)

    @property
    def symbols(self) -> list[str]:
        """Elements of crystal and molecule, by name."""
        return sorted({*self.crystal.get_chemical_symbols(), *self.molecule.get_chemical_symbols()})

    def described(self, parts: Iterable[str]) -> str:
        """Structures of checks in words, with their formulas.

        Args:
            parts: `crystal`, `molecule`, or others, which are made of the elements of both.
        """
        formulas = {CRYSTAL: str(self.crystal.symbols), MOLECULE: str(self.molecule.symbols)}
        others = f"of {' and '.join(self.symbols)}"
        return ", ".join(f"{part} {formulas.get(part, others)}" for part in parts)

    def random(self, purpose: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that checks do not depend on their order."""
        return np.random.default_rng([self.seed, purpose])


Checking = Callable[[Subject], Iterator[Check]]


@dataclass(frozen=True)
class PhysicsCheck:
    """A property of energy surfaces. Called with a subject, it yields the checks of the property under its name."""

    name: str
    title: str
    """Heading of its column in figures; lines are short"""
    make: Checking
    on: tuple[str, ...] = (CRYSTAL, MOLECULE)
    """What it is measured on, see `Subject.described`"""

    def __call__(self, subject: Subject) -> Iterator[Check]:
        """Make the checks.

        Raises:
            UserError: the potential fails.
        """
        structure = subject.described(self.on)
        for one in self.make(subject):
            yield replace(one, check=f"{self.name}: {one.check}", group=self.name, structure=structure)


def physics_check(
    name: str, title: str, *, on: Sequence[str] = (CRYSTAL, MOLECULE)
) -> Callable[[Checking], PhysicsCheck]:
    """Declare the decorated function as the check of a property; `audit` finds it in its module.

    Args:
        name: of the property.
        title: heading of its column in figures; lines are short.
        on: what it is measured on, see `Subject.described`.
    """
    return lambda make: PhysicsCheck(name, title, make, tuple(on))


def judged(
    check: str, value: float, unit: str, limit: float, where: str | None = None, negligible: float | None = None
) -> Check:
    """A check that passes if `value` does not exceed `limit`; `negligible` is that of the unit if None."""
    size = NEGLIGIBLE.get(unit, 0.0) if negligible is None else negligible
    return Check(check, "", float(value), unit, float(limit), bool(value <= limit), where=where, negligible=size)


def unchecked(check: str, unit: str, reason: str) -> Check:
    """A check that cannot be made, and why."""
    return Check(check, "", None, unit, None, None, reason)


def line(check: Check) -> str:
    """A check in words."""
    if check.value is None:
        return f"not checked: {check.check}: {check.reason}"
    verdict = "ok  " if check.passed else "FAIL"
    limit = "" if check.limit is None else f", limit {check.limit:.2g}"
    where = f" ({check.where})" if check.where and not check.passed else ""
    structure = f" [{check.structure}]" if check.structure else ""
    return f"{verdict} {check.check}: {check.value:.2g} {check.unit}{limit}{where}{structure}"
