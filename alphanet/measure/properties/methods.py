"""Methods that give the true numbers: ASE's potentials, GFN1-xTB, or any model."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.calculators.emt import parameters as emt_parameters
from ase.calculators.lj import LennardJones

from alphanet.errors import UserError
from alphanet.measure.properties.repeated import RepeatedCalculator
from alphanet.measure.properties.task import EXTRA, require_packages
from alphanet.potentials.calculators import CalculatorPotential
from alphanet.potentials.protocol import Potential

SIGMA, EPSILON = 3.4, 0.0104  # Å and eV, of argon (Rahman 1964: 3.4 Å, 120 K)
CUTOFF, BEGIN = 10.2, 6.8  # Å: 3 sigma, and where the smooth end of the potential begins
PHONONDB = "phonondb"
METALS = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au")
"""Elements whose parameters in EMT are realistic; those of H, C, N and O are for tests, as ASE says"""
SOFT = 0.9
SMALL, LARGE = 3.0, 7.0  # Å: between faces of cells that are repeated, and at least of what comes of it
MAX_ITERATIONS = 300  # of GFN1-xTB's charges, as in the miniatures


def emt() -> EMT:
    """Effective medium theory, a many-body potential of ASE for some metals and H, C, N, O."""
    return EMT()


class Softened(EMT):
    """EMT whose energies, forces and stresses are 10 % too small: a control with errors that are known."""

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Called by ASE."""
        EMT.calculate(self, atoms, properties, system_changes)
        self.results = {name: SOFT * value for name, value in self.results.items()}


def argon() -> LennardJones:
    """Lennard-Jones argon, smooth at its cutoff."""
    return LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=CUTOFF, ro=BEGIN, smooth=True)


def xtb(electronic_temperature: float = 300.0) -> Any:
    """GFN1-xTB by tblite, the level of theory of the miniatures, which have the Γ point of their cells alone.

    Primitive cells of metals and the like are repeated, since their Γ point says nothing.

    Args:
        electronic_temperature: K; without a hot Fermi edge, the energy of a metal is rough at the Γ point alone.

    Raises:
        UserError: tblite is not installed.
    """
    require_packages("reference tblite", {"tblite": EXTRA})
    from tblite.ase import TBLite

    method = TBLite(
        method="GFN1-xTB", electronic_temperature=electronic_temperature, max_iterations=MAX_ITERATIONS, verbosity=0
    )
    return RepeatedCalculator(method, small=SMALL, length=LARGE)


@dataclass(frozen=True)
class Method:
    """A reference method by name."""

    title: str
    make: Callable[[], Any] | None  # None: its values are published
    packages: tuple[str, ...]  # whose versions its numbers depend on
    elements: tuple[str, ...]  # that it is made for, and whose structures are taken if nobody names any; empty: all
    known: tuple[str, ...] = ()  # others that it has parameters for


METHODS: dict[str, Method] = {
    "emt": Method("EMT of ASE", emt, ("ase", "numpy"), METALS, tuple(emt_parameters)),
    "lj": Method("Lennard-Jones argon", argon, ("ase", "numpy"), ("Ar",)),
    "tblite": Method("GFN1-xTB (tblite)", xtb, ("ase", "numpy", "tblite"), ()),
    "tblite-3000K": Method(
        "GFN1-xTB (tblite), electrons at 3,000 K", lambda: xtb(3000.0), ("ase", "numpy", "tblite"), ()
    ),
    PHONONDB: Method("published DFT (PhononDB-PBE)", None, (), ()),
}


def open_method(name: str) -> Potential:
    """The method `name` as a potential.

    Raises:
        UserError: a package that it needs is missing.
        KeyError: there is no such method.
    """
    make = METHODS[name].make
    assert make is not None, f"{name} is published"
    return CalculatorPotential(name, make())


def versions_of(packages: tuple[str, ...]) -> dict[str, str]:
    """Versions of packages, those that are not installed as `none`.

    The numbers of the cache depend on them.
    """
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "none"
    return found


def require_element(name: str, symbols: set[str]) -> None:
    """Check that the method is made for the elements.

    Raises:
        UserError: it is not.
    """
    elements = (*METHODS[name].elements, *METHODS[name].known) if name in METHODS else ()
    if elements and (unknown := sorted(symbols - set(elements))):
        raise UserError(
            f"reference {name} does not know {', '.join(unknown)}; it knows {', '.join(dict.fromkeys(elements))}"
        )
