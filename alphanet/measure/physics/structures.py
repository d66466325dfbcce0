"""What potentials are audited on: a small crystal and a small molecule without symmetry, of elements that they know."""

from collections.abc import Collection, Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from alphanet.errors import UserError

RATTLE = 0.1  # Å, standard deviation
MOLECULES = ("CH3CH2OH", "CH3OH", "H2O")  # the largest that fits into the cutoff is taken
MARGIN = 0.6  # Å that the largest distance in a molecule stays below the cutoff, more than any check moves its atoms
DENSE = 90  # mean number of neighbors within the cutoff; the widest caps in use are 50


def usual_structures() -> list[Atoms]:
    """The crystal and the molecules that the audit takes where a potential knows their elements."""
    return [quartz(), *_molecules()]


def chosen_structures(
    given: Sequence[Atoms], known: Collection[str] | None, cutoff: float | None
) -> tuple[Atoms, Atoms]:
    """The crystal and the molecule for a potential, rattled.

    Args:
        given: the user's structures; the first periodic one and the first that is not are taken.
        known: chemical symbols that the potential knows; None: not told, so all.
        cutoff: Å.

    Raises:
        UserError: a structure given has too few atoms.
    """
    crystal = next((atoms for atoms in given if atoms.pbc.all()), None) or _crystal(known)
    small = next((atoms for atoms in given if not atoms.pbc.any()), None) or _molecule(known, cutoff, crystal)
    if min(len(crystal), len(small)) < 2:
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


def _crystal(known: Collection[str] | None) -> Atoms:
    if known is None or {"Si", "O"} <= set(known):
        return quartz()
    first, second = _two_of(known)
    return _renamed(quartz(), {"Si": first, "O": second})


def _molecules() -> list[Atoms]:
    from ase.build import molecule  # brings scipy, which listing benchmarks does not need

    return [molecule(name) for name in MOLECULES]


def _molecule(known: Collection[str] | None, cutoff: float | None, crystal: Atoms) -> Atoms:
    found = _molecules()
    understood = [atoms for atoms in found if known is None or set(atoms.get_chemical_symbols()) <= set(known)]
    fitting = [atoms for atoms in understood if cutoff is None or _extent(atoms) + MARGIN < cutoff]
    return fitting[0] if fitting else _tetrahedron(crystal)


def _tetrahedron(crystal: Atoms) -> Atoms:
    """The first atom of the crystal with its four nearest neighbors."""
    images = crystal.repeat((3, 3, 3))
    center = 13 * len(crystal)
    nearest = np.argsort(np.linalg.norm(images.positions - images.positions[center], axis=1))[:5]
    return Atoms(images.numbers[nearest], images.positions[nearest])


def _two_of(known: Collection[str]) -> tuple[str, str]:
    """A heavier and a lighter element, the same twice where there is no other."""
    by_number = sorted(known, key=atomic_numbers.__getitem__)
    heavy = [symbol for symbol in by_number if atomic_numbers[symbol] > 2] or by_number
    return heavy[-1], heavy[0]


def _renamed(atoms: Atoms, names: dict[str, str]) -> Atoms:
    """Other elements at the same places, with bonds as much longer as their radii are larger."""
    ratio = bond(*names.values()) / bond(*names)
    symbols = [names[symbol] for symbol in atoms.get_chemical_symbols()]
    return _scaled(Atoms(symbols, atoms.positions, cell=atoms.cell, pbc=True), ratio)


def _scaled(atoms: Atoms, ratio: float) -> Atoms:
    scaled: Atoms = atoms.copy()
    scaled.set_cell(atoms.cell.array * ratio, scale_atoms=True)
    return scaled


def _rattled(atoms: Atoms, seed: int) -> Atoms:
    """The atoms displaced, so that no symmetry hides an error."""
    rattled: Atoms = atoms.copy()
    rattled.positions += np.random.default_rng(seed).normal(0, RATTLE, atoms.positions.shape)
    return rattled


def _extent(atoms: Atoms) -> float:
    return float(atoms.get_all_distances().max())
