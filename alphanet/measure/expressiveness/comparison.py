"""One pair of structures and one potential: whether their energies differ by more than rounding explains."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation

from alphanet.errors import UserError
from alphanet.measure.expressiveness.congruence import as_stated
from alphanet.measure.expressiveness.energies import Opened
from alphanet.measure.expressiveness.pairs import Pair

COPIES = 4  # rotated, permuted and moved, of each structure
MARGIN = 10.0  # times the largest noise in a few draws
FLOOR = {"float64": 1e-12, "float32": 1e-5}  # relative; rounding may show less in the copies than it does elsewhere


@dataclass(frozen=True)
class Difference:
    """How far the energies of two structures lie apart; all but `gap` relative to the energy of interaction."""

    gap: float  # eV, of the first minus that of the second
    relative: float
    noise: float  # the largest change of an energy under rotation, permutation and translation
    limit: float  # that rounding explains

    @property
    def is_seen(self) -> bool:
        """Whether it is more than rounding explains."""
        return self.relative > self.limit


@dataclass
class Comparison:
    """All that was measured of a pair; what was not is None, with the reason in `untested`."""

    pair: str
    plain: Difference | None = None
    amplified: Difference | None = None  # with larger random weights
    learned: float | None = None  # part of a wanted difference that a training reaches
    untested: dict[str, str] = field(default_factory=dict)

    @property
    def told_apart(self) -> bool | None:
        """Whether any weights that were tried give two energies; None if nothing was measured."""
        made = [one for one in (self.plain, self.amplified) if one is not None]
        return any(one.is_seen for one in made) if made else None


def difference(subject: Opened, pair: Pair, seed: int = 0) -> Difference:
    """The difference of a pair's energies, with the noise of the potential on these very structures.

    Args:
        subject: the potential.
        pair: the structures.
        seed: of the copies.

    Raises:
        UserError: the potential fails on the structures or sees no interaction in them.
        AssertionError: the structures are not what the pair says that they are.
    """
    assert as_stated(pair), f"{pair.name}: congruent or not, against what is stated"
    random = np.random.default_rng([seed, 3])
    frames = [pair.first, pair.second]
    copies = [_copy(atoms, random) for atoms in frames for _ in range(COPIES)]
    first, second, *others = subject.energies([*frames, *copies], star=pair.star)
    alone = subject.energies([Atoms(atoms.symbols[:1]) for atoms in frames])
    size = max(abs(e - len(atoms) * free) for e, atoms, free in zip((first, second), frames, alone, strict=True))
    if size == 0.0:
        raise UserError(f"{pair.title}: the atoms do not interact")
    expected = np.repeat([first, second], COPIES)
    noise = float(np.abs(np.array(others) - expected).max()) / size
    rounding = np.finfo(subject.precision).eps * max(abs(first), abs(second)) / size
    limit = max(FLOOR[subject.precision], MARGIN * noise, MARGIN * float(rounding))
    return Difference(first - second, abs(first - second) / size, noise, limit)


def _copy(atoms: Atoms, random: np.random.Generator) -> Atoms:
    """The structure rotated and moved, with its atoms but the first in another order."""
    turn = Rotation.random(random_state=int(random.integers(2**31))).as_matrix()
    order: Sequence[int] = [0, *(1 + random.permutation(len(atoms) - 1))]
    copy: Atoms = atoms[order]
    copy.set_cell(atoms.cell.array @ turn.T)
    copy.positions = atoms.positions[order] @ turn.T + random.uniform(-3, 3, 3)
    return copy
