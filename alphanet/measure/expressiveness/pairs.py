"""Pairs of structures that a limited view of neighborhoods cannot tell apart, scaled to a cutoff.

Distances are in units of the cutoff. Atoms at `FAR` see their bonded neighbors and nothing behind them, so that each
neighborhood is a star; at `NEAR`, the length of a bond, neighbors also see each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.errors import UserError, did_you_mean

FAR, NEAR = 0.8, 0.32
APART = 3.0  # between the parts of a structure that must not see each other
BEND = np.deg2rad(120.0)  # at the ends of chains

TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
SQUARE = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]], dtype=float)
Points = np.ndarray  # (n, 3)


@dataclass(frozen=True)
class Pair:
    """Two structures; `title` says what they are, `congruent` whether an energy has to be the same for both."""

    name: str
    title: str
    first: Atoms
    second: Atoms
    congruent: bool = False
    star: bool = False  # neighbors of atom 0 see nothing but it, which only a neighbor list made by hand can do


@dataclass(frozen=True)
class PairMaker:
    """A pair in units of the cutoff."""

    title: str
    points: Callable[[], tuple[Points, Points]]
    congruent: bool = False
    star: bool = False
    cells: Callable[[], tuple[Points, Points]] | None = None  # (3, 3) each; None if not periodic


def pair_names() -> list[str]:
    """Names of all pairs."""
    return list(MAKERS)


def make_pair(name: str, cutoff: float, symbol: str) -> Pair:
    """The pair `name` of atoms `symbol` for a potential that sees `cutoff` Å far.

    Raises:
        UserError: there is no such pair.
    """
    if name not in MAKERS:
        raise UserError(f"there is no pair {name!r}{did_you_mean(name, MAKERS)}")
    maker = MAKERS[name]
    points = [cutoff * one for one in maker.points()]
    cells = [None, None] if maker.cells is None else [cutoff * one for one in maker.cells()]
    first, second = (
        Atoms([symbol] * len(one), positions=one, cell=cell, pbc=cell is not None)
        for one, cell in zip(points, cells, strict=True)
    )
    return Pair(name, maker.title, first, second, maker.congruent, maker.star)


def _around(points: Sequence[Sequence[float]] | Points) -> Points:
    """`points` with the center that they surround, first."""
    return np.vstack([np.zeros(3), np.asarray(points, dtype=float)])


def _polygon(n: int, side: float) -> Points:
    angles = 2 * np.pi * np.arange(n) / n
    corners: Points = side / (2 * np.sin(np.pi / n)) * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    return corners


def _hexagon() -> tuple[Points, Points]:
    triangle = _polygon(3, FAR)
    return _polygon(6, FAR), np.vstack([triangle, triangle + np.array([APART, 0, 0])])


def _square_tetrahedron(length: float) -> Callable[[], tuple[Points, Points]]:
    return lambda: (_around(length * SQUARE), _around(length * TETRAHEDRON))


def _crosses(length: float) -> Callable[[], tuple[Points, Points]]:
    def cross(degrees: float) -> Points:
        angle = np.deg2rad(degrees)
        arms = np.array([[1, 0, 0], [np.cos(angle), np.sin(angle), 0]])
        return _around(length * np.vstack([arms, -arms]))

    return lambda: (cross(90), cross(82))


def _net_cells(length: float) -> Callable[[], tuple[Points, Points]]:
    def cell(degrees: float) -> Points:
        angle = np.deg2rad(degrees)
        return np.array([[length, 0, 0], [length * np.cos(angle), length * np.sin(angle), 0], [0, 0, APART]])

    return lambda: (cell(90), cell(75))


def _one_atom() -> tuple[Points, Points]:
    return np.zeros((1, 3)), np.zeros((1, 3))


def _cube_antiprism() -> tuple[Points, Points]:
    """Both have no moments of order one and two: the cosine of the polar angle of a cube's corners is 1 / sqrt(3)."""
    top = _polygon(4, 1.0) / (np.sqrt(2) / 2) * np.sqrt(2 / 3) + [0, 0, 1 / np.sqrt(3)]
    below = top * [1, 1, -1]
    turn = np.array([[1, 1, 0], [-1, 1, 0], [0, 0, np.sqrt(2)]]) / np.sqrt(2)
    return _around(0.9 * np.vstack([top, below])), _around(0.9 * np.vstack([top, below @ turn]))


def _three_body() -> tuple[Points, Points]:
    """Pozdnyakov et al., PRL 125, 166001 (2020), figure 1: angles around the center agree as a list.

    The angles are those of the paper's construction, chosen so wide that neighbors do not see each other.
    """
    a, c = np.array([np.sqrt(0.75), 0, 0.5]), np.array([0, np.sqrt(0.75), 0.5])
    b = np.array([np.sqrt(0.255), np.sqrt(0.255), -0.7])
    common = [a, b, b * [-1, -1, 1]]
    return _around(0.85 * np.vstack([*common, c])), _around(0.85 * np.vstack([*common, c * [1, -1, 1]]))


def _four_body(scale: float) -> Callable[[], tuple[Points, Points]]:
    """The same paper, figure 2: triples of neighbors agree as a list, without handedness."""
    upper = np.array([[3, 2, -4], [0, 2, 5], [0, 2, -5]], dtype=float)
    angle = np.pi / 10
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    both = np.vstack([upper, (upper * [1, -1, 1]) @ turn])

    def points() -> tuple[Points, Points]:
        first, second = (np.vstack([both, [[0, height, 0]]]) for height in (5.0, -5.0))
        return _around(scale * first), _around(scale * second)

    return points


def _dodecahedron() -> tuple[Points, Points]:
    """Six corners of a dodecahedron each, all within the cutoff: messages of distances agree after any layers.

    Li et al., NeurIPS 2023, "Is distance matrix enough for geometric deep learning?", found such subsets.
    """
    golden = (1 + np.sqrt(5)) / 2
    first = [[-1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, -1, 1], [1, 1, -1], [1, 1, 1]]
    second = [*first[:2], *first[4:], [1 / -golden, golden, 0], [1 / golden, -golden, 0]]
    return 0.26 * np.array(first, dtype=float), 0.26 * np.array(second)


def _mirror() -> tuple[Points, Points]:
    lengths = np.array([[0.3], [0.34], [0.4], [0.46]])
    points = _around(lengths * TETRAHEDRON)
    return points, points * [1, 1, -1]


def _dihedrals() -> tuple[Points, Points]:
    return _chain(2, np.deg2rad(60)), _chain(2, np.deg2rad(120))


def _cis_trans(k: int) -> Callable[[], tuple[Points, Points]]:
    return lambda: (_chain(k, 0.0), _chain(k, np.pi))


def _chain(k: int, dihedral: float) -> Points:
    """`k` atoms in a line and one atom bent off at each end, with an angle between the two bends."""
    line = FAR * np.arange(k)[:, None] * [1.0, 0, 0]
    out, up = -FAR * np.cos(BEND), FAR * np.sin(BEND)
    begin = line[0] + [-out, up, 0]
    end = line[-1] + [out, up * np.cos(dihedral), up * np.sin(dihedral)]
    return np.vstack([line, begin, end])


def _ends(n: int) -> Callable[[], tuple[Points, Points]]:
    """Three atoms in a line, with a ring of `n` neighbors around it at each end: rings eclipsed, and staggered."""

    def ring(at: float, turn: float) -> Points:
        angles = 2 * np.pi * np.arange(n) / n + turn
        return np.stack([at + 0 * angles, FAR * np.cos(angles), FAR * np.sin(angles)], axis=1)

    def rod(turn: float) -> Points:
        return np.vstack([[[FAR * k, 0, 0] for k in range(3)], ring(0.0, 0.0), ring(2 * FAR, turn)])

    return lambda: (rod(0.0), rod(np.pi / n))


MAKERS = {
    "hexagon": PairMaker("hexagon / two triangles", _hexagon),
    "square": PairMaker("square planar / tetrahedral", _square_tetrahedron(FAR)),
    "square-bond": PairMaker("square planar / tetrahedral at bond length", _square_tetrahedron(NEAR)),
    "cross": PairMaker("centrosymmetric cross, 90° / 82°", _crosses(FAR)),
    "cross-bond": PairMaker("centrosymmetric cross at bond length", _crosses(NEAR)),
    "net": PairMaker("periodic net, square / rhombic 75°", _one_atom, cells=_net_cells(0.84)),
    "net-bond": PairMaker("periodic net at bond length", _one_atom, cells=_net_cells(0.45)),
    "cube": PairMaker("cube / square antiprism", _cube_antiprism),
    "three-body": PairMaker("same angles, star (Pozdnyakov 2020)", _three_body),
    "four-body": PairMaker("same triples at bond length (Pozdnyakov 2020)", _four_body(0.095)),
    "four-body-star": PairMaker("same triples, star (Pozdnyakov 2020)", _four_body(0.15), star=True),
    "dodecahedron": PairMaker("corners of a dodecahedron, all in sight", _dodecahedron),
    "dihedral": PairMaker("dihedral angle, 60° / 120°", _dihedrals),
    "ends-2": PairMaker("2-fold ends, eclipsed / staggered", _ends(2)),
    "ends-3": PairMaker("3-fold ends, eclipsed / staggered", _ends(3)),
    "ends-4": PairMaker("4-fold ends, eclipsed / staggered", _ends(4)),
    **{f"chain-{k}": PairMaker(f"{k}-chain, cis / trans", _cis_trans(k)) for k in range(2, 7)},
    "mirror": PairMaker("mirror images (control)", _mirror, congruent=True),
}
"""By name, in the order of tables"""
