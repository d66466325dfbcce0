"""How finely a potential computes, which is where every limit of the audit comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from alphanet.potentials.protocol import FramePrediction, Potential

FLOOR = {"float64": 1e-9, "float32": 1e-6}
"""Relative to the size of a quantity: a thousand times what summing a few hundred numbers loses in float64 (1e-12), ten
times what it loses in float32 (1e-7)."""
MARGIN = 10.0  # times the largest noise that was seen in a few draws: its tails are heavy where angles are stretched
DRAWS = 12
JITTER = {"float64": 1e-9, "float32": 3e-6}  # Å; in float32 several units in the last place of a few Å
TELLING = 3e-7  # Å, a jitter between the two
SINGLE = 1e-8  # relative noise from which on a potential that tells no precision counts as one of float32


@dataclass(frozen=True)
class Rounding:
    """Precision of a potential on a structure, with the noise that rounding leaves in what it answers.

    Noise is the second difference f(x + d) + f(x - d) - 2 f(x) for displacements d so small that nothing smooth changes
    by as much; it needs no correct forces, and sees a jump only if one lies within d by chance.
    """

    precision: str
    energy: float  # noise, eV/atom
    forces: float  # eV/Å
    stress: float  # eV/Å^3
    energy_size: float  # eV/atom; of energies near zero, what the largest force does in 1 Å
    force_size: float  # eV/Å, the largest component
    stress_size: float  # eV/Å^3

    def energy_limit(self) -> float:
        """eV/atom that rounding may cause between two ways to the same energy."""
        return self._limit(self.energy, self.energy_size)

    def force_limit(self) -> float:
        """The same of a component of the forces, eV/Å."""
        return self._limit(self.forces, self.force_size)

    def stress_limit(self) -> float:
        """The same of a component of the stress, eV/Å^3."""
        return self._limit(self.stress, self.stress_size)

    def jump_limit(self, n_atoms: int) -> float:
        """eV by which the energy of `n_atoms` atoms may seem to jump.

        The floor is not multiplied by the atoms, because a jump is made by one of them.
        """
        return max(FLOOR[self.precision] * self.energy_size, MARGIN * self.energy * n_atoms)

    @property
    def step(self) -> float:
        """Å, of finite differences of fourth order: their error h^4 f'''''/30 and the noise over h are both small."""
        return 1e-3 if self.precision == "float64" else 2e-2

    @property
    def bracket(self) -> float:
        """Å, half the width of a bracket around a place where something may jump."""
        return 1e-6 if self.precision == "float64" else 3e-4

    @property
    def narrowest(self) -> float:
        """Å, to which a jump is bracketed by halving; many units in the last place of a position."""
        return 1e-10 if self.precision == "float64" else 1e-4

    @property
    def resolved(self) -> float:
        """Relative error of a derivative or an integral below which it counts as resolved."""
        return 1e-6 if self.precision == "float64" else 1e-2

    def _limit(self, noise: float, size: float) -> float:
        return max(FLOOR[self.precision] * size, MARGIN * noise)


def measured_rounding(potential: Potential, atoms: Atoms, declared: str | None, seed: int) -> Rounding:
    """Precision and noise of `potential` on `atoms`.

    Args:
        potential: what is measured.
        atoms: a structure without symmetry.
        declared: float32 or float64, where the potential tells it; None: it is told from the noise.
        seed: of the displacements.

    Raises:
        UserError: the potential fails.
    """
    precision = declared
    if precision is None:
        told = Rounding("", *_noise(potential, atoms, TELLING, seed))
        precision = "float32" if told.energy > SINGLE * told.energy_size else "float64"
    return Rounding(precision, *_noise(potential, atoms, JITTER[precision], seed))


def _noise(potential: Potential, atoms: Atoms, jitter: float, seed: int) -> tuple[float, ...]:
    """Noise of energy, forces and stress, then the size of each, as `Rounding` has them."""
    random = np.random.default_rng([seed, 0])
    frames = [atoms]
    for _ in range(DRAWS):
        shift = random.uniform(-jitter, jitter, atoms.positions.shape)
        frames += [_shifted(atoms, shift), _shifted(atoms, -shift)]
    base, *moved = potential.predict(frames, batch_size=1)
    pairs = list(zip(moved[::2], moved[1::2], strict=True))
    noise = [max(_second_difference(base, pair)[place] for pair in pairs) for place in range(3)]
    largest = (base.energy, base.forces, 0.0 if base.stress is None else base.stress)
    energy, forces, stress = (float(np.abs(one).max()) for one in largest)
    return noise[0] / len(atoms), noise[1], noise[2], max(energy / len(atoms), forces), forces, stress


def _second_difference(base: FramePrediction, pair: Sequence[FramePrediction]) -> tuple[float, float, float]:
    plus, minus = pair
    energy = abs(plus.energy + minus.energy - 2 * base.energy)
    forces = float(np.abs(plus.forces + minus.forces - 2 * base.forces).max())
    if base.stress is None or plus.stress is None or minus.stress is None:
        return energy, forces, 0.0
    return energy, forces, float(np.abs(plus.stress + minus.stress - 2 * base.stress).max())


def _shifted(atoms: Atoms, shift: np.ndarray) -> Atoms:
    moved: Atoms = atoms.copy()
    moved.positions += shift
    return moved
