"""What potentials are audited on: a small crystal and a small molecule without symmetry, of elements that they know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from alphanet.errors import UserError

RATTLE = 0.1  # Å, standard deviation
MOLECULES = ("CH3CH2OH", "CH3OH", "H2O")  # the largest that fits into the cutoff is taken
MARGIN = 0.6  # Å that the largest distance in a molecule stays below the cutoff, more than any check moves its atoms
DENSE = 90  # mean number of neighbors within the cutoff; the widest caps in use are 50


@dataclass(frozen=True)
class Sample:
    """A structure, and where it comes from."""

    atoms: Atoms
    origin: str
    asked: bool = False
    """By the user, so that it is used whatever its size"""


def usual_structures() -> list[Atoms]:
    """The crystal and the molecules that the audit takes where a potential knows their elements."""
    return [quartz(), *_molecules()]


def chosen_structures(
    given: Sequence[Sample], known: Collection[str] | None, cutoff: float | None
) -> tuple[Sample, Sample]:
    """The crystal and the molecule for a potential, rattled.

    Args:
        given: the user's structures, or those that the potential was trained on; the first periodic one and the first
            that is not are taken.
        known: chemical symbols that the potential knows; None: not told, so all.
        cutoff: Å.

    Raises:
        UserError: a structure given has too few atoms.
    """
    crystal = next((one for one in given if one.atoms.pbc.all()), None) or _crystal(known)
    fitting = (one for one in given if not one.atoms.pbc.any() and (one.asked or _fits(one.atoms, cutoff)))
    small = next(fitting, None) or _molecule(known, cutoff, crystal.atoms)
    if min(len(crystal.atoms), len(small.atoms)) < 2:
        raise UserError("structures: the audit needs structures of at least two atoms")
    return _rattled(crystal, 1), _rattled(small, 2)


def quartz() -> Atoms:
    """Alpha quartz: 9 atoms, 0.080 atoms/Å^3."""
    from ase.spacegroup import crystal

    sites = [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.7858)]
    found = crystal(["Si", "O"], sites, spacegroup=152, cellpar=[4.9137, 4.9137, 5.4047, 90, 90, 120])
    return Atoms(found.numbers, found.positions, cell=found.cell, pbc=True)


def dense(crystal: Atoms, cutoff: float) -> Atoms:
    """The crystal, compressed where fewer than `DENSE` neighbors lie within the cutoff."""
    there = len(crystal) / crystal.get_volume() * 4 / 3 * np.pi * cutoff**3
    return _scaled(crystal, min(1.0, (there / DENSE) ** (1 / 3)))


def bond(first: str, second: str) -> float:
    """Å, the sum of two covalent radii."""
    return float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]])


def _crystal(known: Collection[str] | None) -> Sample:
    if known is None or {"Si", "O"} <= set(known):
        return Sample(quartz(), "quartz")
    first, second = _two_of(known)
    places = "Si and O" if first == second else f"Si and {second} in place of O"
    origin = f"quartz with {first} in place of {places}, its bonds as much longer as their radii are larger"
    return Sample(_renamed(quartz(), {"Si": first, "O": second}), origin)


def _molecules() -> list[Atoms]:
    return [_molecule_called(name) for name in MOLECULES]


def _molecule_called(name: str) -> Atoms:
    from ase.build import molecule  # brings scipy, which listing benchmarks does not need

    built: Atoms = molecule(name)
    return built


def _molecule(known: Collection[str] | None, cutoff: float | None, crystal: Atoms) -> Sample:
    for name in MOLECULES:
        atoms = _molecule_called(name)
        understood = known is None or set(atoms.get_chemical_symbols()) <= set(known)
        if understood and _fits(atoms, cutoff):
            return Sample(atoms, name)
    return Sample(_tetrahedron(crystal), "an atom of the crystal with its four nearest neighbors")


def _tetrahedron(crystal: Atoms) -> Atoms:
    """The first atom of the crystal with its four nearest neighbors."""
    images = crystal.repeat((3, 3, 3))
    center = 13 * len(crystal)
    nearest = np.argsort(np.linalg.norm(images.positions - images.positions[center], axis=1))[:5]
    return Atoms(images.numbers[nearest], images.positions[nearest])


def _two_of(known: Collection[str]) -> tuple[str, str]:
    """A heavier and a lighter element, H and He only where there are no others; the same twice if it is alone."""
    by_number = sorted(known, key=atomic_numbers.__getitem__)
    heavy = [symbol for symbol in by_number if atomic_numbers[symbol] > 2] or by_number
    return heavy[-1], (heavy if len(heavy) > 1 else by_number)[0]


def _renamed(atoms: Atoms, names: dict[str, str]) -> Atoms:
    """Other elements at the same places, with bonds as much longer as their radii are larger."""
    ratio = bond(*names.values()) / bond(*names)
    symbols = [names[symbol] for symbol in atoms.get_chemical_symbols()]
    return _scaled(Atoms(symbols, atoms.positions, cell=atoms.cell, pbc=True), ratio)


def _scaled(atoms: Atoms, ratio: float) -> Atoms:
    scaled: Atoms = atoms.copy()
    scaled.set_cell(atoms.cell.array * ratio, scale_atoms=True)
    return scaled


def _rattled(sample: Sample, seed: int) -> Sample:
    """The atoms displaced, so that no symmetry hides an error."""
    rattled: Atoms = sample.atoms.copy()
    rattled.positions += np.random.default_rng(seed).normal(0, RATTLE, rattled.positions.shape)
    return replace(sample, atoms=rattled)


def _fits(atoms: Atoms, cutoff: float | None) -> bool:
    """Whether all pairs of a molecule stay within the cutoff, so that no neighbor comes or goes."""
    return cutoff is None or float(atoms.get_all_distances().max()) + MARGIN < cutoff
