"""Systems of any size to time on: supercells of named materials, or of a user's structure."""

import itertools
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from alphanet.errors import UserError, did_you_mean
from alphanet.paths import resources

logger = logging.getLogger(__name__)

RATTLE = 0.05  # Å, standard deviation of the displacements that make each call's structure different
WATER = np.array([[0.0, 0.0, 0.1173], [0.0, 0.7572, -0.4692], [0.0, -0.7572, -0.4692]])  # O, H, H; Å, gas phase
WATER_VOLUME = 29.9  # Å^3 a molecule: 1.00 g/cm^3
SHAPE = 0.07  # weight of the shape: an edge ratio of 2 counts as much as 7 % too many atoms
VACUUM = 20.0  # Å over a slab
SITES = 4  # molecules along an edge of water's cell


def zeolite() -> Atoms:
    """ABW, the first silica framework of the shipped miniature: 24 atoms, 0.052 atoms/Å^3, as Figure 3a's systems."""
    return _first(resources("datasets") / "mini" / "zeolite_starts.extxyz")


def quartz() -> Atoms:
    """Alpha quartz in its orthogonal cell of 18 atoms."""
    from ase.spacegroup import crystal

    sites = [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.7858)]
    primitive = crystal(["Si", "O"], sites, spacegroup=152, cellpar=[4.9137, 4.9137, 5.4047, 90, 90, 120])
    a, b, c = primitive.cell.array
    doubled = primitive.repeat((2, 2, 1))
    doubled.set_cell([a, a + 2 * b, c])
    doubled.wrap()
    keep = _distinct(doubled)
    return Atoms(doubled[keep].get_chemical_symbols(), doubled.positions[keep], cell=doubled.cell, pbc=True)


def diamond() -> Atoms:
    """Diamond: 8 atoms, 0.176 atoms/Å^3, the densest."""
    from ase.build import bulk

    return bulk("C", "diamond", a=3.567, cubic=True)


def silicon() -> Atoms:
    """Silicon in the structure of diamond: 8 atoms, 0.050 atoms/Å^3."""
    from ase.build import bulk

    return bulk("Si", "diamond", a=5.43, cubic=True)


def copper() -> Atoms:
    """Fcc copper: 4 atoms, 0.085 atoms/Å^3."""
    from ase.build import bulk

    return bulk("Cu", "fcc", a=3.615, cubic=True)


def water() -> Atoms:
    """64 molecules on a cubic lattice at 1.00 g/cm^3, turned at random with a fixed seed."""
    from scipy.spatial.transform import Rotation

    random, spacing = np.random.default_rng(0), WATER_VOLUME ** (1 / 3)
    turns = Rotation.random(SITES**3, random).as_matrix()
    centers = spacing * (np.indices((SITES,) * 3).reshape(3, -1).T + 0.5)
    positions = WATER @ turns + centers[:, None]
    return Atoms("OHH" * SITES**3, positions.reshape(-1, 3), cell=[spacing * SITES] * 3, pbc=True)


def perovskite() -> Atoms:
    """SrTiO3: 5 atoms, 0.084 atoms/Å^3, a crystal of three elements as Matbench Discovery's are."""
    sites = [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    return Atoms("SrTiO3", cell=[3.905] * 3, pbc=True, scaled_positions=sites)


def slab() -> Atoms:
    """CO on Cu(111), four layers of 4 x 4 under 20 Å of vacuum: 66 atoms, as OC20's adsorbates on surfaces are."""
    from ase.build import add_adsorbate, fcc111

    atoms = fcc111("Cu", (4, 4, 4), a=3.615)
    add_adsorbate(atoms, Atoms("CO", [(0, 0, 0), (0, 0, 1.15)]), 1.85, "ontop")
    atoms.center(vacuum=VACUUM / 2, axis=2)
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)


NAMED = {
    "zeolite": zeolite,
    "quartz": quartz,
    "diamond": diamond,
    "si": silicon,
    "cu": copper,
    "water": water,
    "perovskite": perovskite,
    "slab": slab,
}


def unit_cell(name: str) -> Atoms:
    """A named material, or the first structure of a file.

    Raises:
        UserError: `name` is neither a known material nor a readable file, or the structure is not periodic in three
            directions.
    """
    if name in NAMED:
        return NAMED[name]()
    if not Path(name).is_file():
        raise UserError(f"structures: no material and no file {name!r}{did_you_mean(name, NAMED)}")
    try:
        atoms = _first(Path(name))
    except Exception as error:
        raise UserError(f"structures: cannot read {name}: {error}") from error
    if not atoms.pbc.all() or atoms.get_volume() <= 0:
        raise UserError(f"structures: {name} is not periodic in three directions, so it has no supercells")
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)


def supercell(unit: Atoms, n_atoms: int) -> Atoms:
    """The repetition of `unit` that comes nearest to `n_atoms` and to a cube; see `SHAPE` for how both are weighed."""
    target = max(1.0, n_atoms / len(unit))
    lengths = unit.cell.lengths()
    most = int(np.ceil(2 * target ** (1 / 3))) + 2
    ranges = [range(1, max(2, int(most * lengths.mean() / length) + 1)) for length in lengths]

    def distance(repeats: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        edges = np.array(repeats) * lengths
        elongation = edges.max() / edges.min() - 1
        return round(float(abs(np.prod(repeats) - target) / target + SHAPE * elongation), 6), repeats

    repeated: Atoms = unit.repeat(min(itertools.product(*ranges), key=distance))
    return repeated


def supercells(unit: Atoms, sizes: Sequence[int], name: str) -> list[Atoms]:
    """The supercells of `unit`, called `name`, nearest to `sizes` (atoms), ascending, each once."""
    cells: dict[int, Atoms] = {}
    for size in sizes:
        atoms = supercell(unit, size)
        if len(atoms) != size:
            logger.info("%d atoms: the nearest that %s makes is %d", size, name, len(atoms))
        cells.setdefault(len(atoms), atoms)
    return [cells[size] for size in sorted(cells)]


def _first(file: Path) -> Atoms:
    from ase.io import read

    atoms = read(file, index=0)
    assert isinstance(atoms, Atoms)
    return atoms


def _distinct(atoms: Atoms) -> list[int]:
    """Indices of atoms of which no earlier one is a periodic image."""
    distances = atoms.get_all_distances(mic=True) < 0.1
    return [index for index in range(len(atoms)) if not distances[index, :index].any()]
