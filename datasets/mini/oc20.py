"""oc20: MD of small adsorbates on small close-packed slabs of metals and alloys."""

from collections.abc import Iterator
from itertools import cycle
from typing import NamedTuple

from ase import Atoms
from ase.build import add_adsorbate, bcc110, fcc111, hcp0001
from ase.data import atomic_numbers, reference_states
from sampling import Dynamics, calculator, independent_runs

ELECTRONIC_TEMPERATURE = 3000.0  # K; at the Γ point a colder Fermi edge makes the surface rough
SEED = 2020

FCC = ("Cu", "Ag", "Au", "Pt", "Pd", "Ni", "Rh", "Ir", "Al")
HCP = ("Ru", "Ti", "Co")
BCC = ("Fe", "W", "Mo")
ALLOYS = ("CuAu", "PtNi", "AgPd", "Cu3Pt")
ADSORBATES_PER_SLAB = 2
EXPANSION = 1.04  # of experiment's lattice constants; Γ-point GFN1-xTB puts most of these slabs under tension there

TEMPERATURES = (300.0, 600.0, 900.0)
FRAMES = {"train": 8, "valid": 2, "test": 2}
PROTOCOL = Dynamics(skip=16, spacing=4)


class Adsorbate(NamedTuple):
    """A species and where it is put."""

    atoms: Atoms
    height: float  # Å, of the first atom above the surface
    site: str


ADSORBATES = {
    "H": Adsorbate(Atoms("H"), 1.0, "hollow"),
    "CO": Adsorbate(Atoms("CO", [(0, 0, 0), (0, 0, 1.15)]), 1.95, "ontop"),
    "O": Adsorbate(Atoms("O"), 1.25, "hollow"),
    "OH": Adsorbate(Atoms("OH", [(0, 0, 0), (0.8, 0, 0.55)]), 1.95, "ontop"),
    "N": Adsorbate(Atoms("N"), 1.15, "hollow"),
    "CH3": Adsorbate(
        Atoms("CH3", [(0, 0, 0), (1.03, 0, 0.36), (-0.515, 0.892, 0.36), (-0.515, -0.892, 0.36)]), 2.15, "ontop"
    ),
    "C": Adsorbate(Atoms("C"), 1.15, "hollow"),
    "H2O": Adsorbate(Atoms("OH2", [(0, 0, 0), (0.76, 0, 0.59), (-0.76, 0, 0.59)]), 2.3, "ontop"),
    "NH": Adsorbate(Atoms("NH", [(0, 0, 0), (0, 0, 1.03)]), 1.25, "hollow"),
}


def candidates() -> Iterator[Atoms]:
    """MD of every covered slab."""
    yield from independent_runs(systems(), TEMPERATURES, FRAMES, PROTOCOL, calculator(ELECTRONIC_TEMPERATURE), SEED)


def systems() -> dict[str, Atoms]:
    """Every slab with the next two adsorbates of the list, which starts again at its end."""
    following = cycle(ADSORBATES.items())
    covered = {}
    for name, slab in slabs().items():
        for _ in range(ADSORBATES_PER_SLAB):
            label, adsorbate = next(following)
            covered[f"{label}-{name}"] = with_adsorbate(slab, adsorbate)
    return covered


def slabs() -> dict[str, Atoms]:
    """Three layers of four atoms."""
    size, vacuum = (2, 2, 3), 6.0
    clean = {}
    for metal in FCC:
        clean[metal] = fcc111(metal, size, a=lattice_constant(metal), vacuum=vacuum)
    for metal in HCP:
        a = lattice_constant(metal)
        clean[metal] = hcp0001(metal, size, a=a, c=a * reference(metal)["c/a"], vacuum=vacuum)
    for metal in BCC:
        clean[metal] = bcc110(metal, size, a=lattice_constant(metal), vacuum=vacuum)
    for alloy in ALLOYS:
        clean[alloy] = ordered_alloy(alloy, size, vacuum)
    for slab in clean.values():
        slab.pbc = True  # tblite knows molecules and crystals only: a slab is a crystal with vacuum
    return clean


def reference(symbol: str) -> dict:
    """The element's crystal in ASE's table."""
    return reference_states[atomic_numbers[symbol]]


def lattice_constant(symbol: str) -> float:
    """Expanded from experiment's, in Å."""
    return EXPANSION * reference(symbol)["a"]


def ordered_alloy(formula: str, size: tuple[int, int, int], vacuum: float) -> Atoms:
    """An fcc slab with the formula repeated along its rows, at the mean lattice constant."""
    pattern = Atoms(formula).symbols
    constants = [lattice_constant(symbol) for symbol in pattern]
    slab = fcc111(pattern[0], size, a=sum(constants) / len(constants), vacuum=vacuum)
    slab.symbols = [pattern[site % len(pattern)] for site in range(len(slab))]
    return slab


def with_adsorbate(slab: Atoms, adsorbate: Adsorbate) -> Atoms:
    """A copy of the slab with the adsorbate on its site; hollow is the fcc hollow where there are two."""
    sites = slab.info["adsorbate_info"]["sites"]
    hollow = next(site for site in ("fcc", "hollow") if site in sites)
    covered = slab.copy()
    position = hollow if adsorbate.site == "hollow" else adsorbate.site
    add_adsorbate(covered, adsorbate.atoms, adsorbate.height, position)
    return covered
