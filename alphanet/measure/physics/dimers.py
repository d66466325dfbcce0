"""Two atoms alone: repulsion at short distance, a smooth curve, and at the cutoff two free atoms."""

from collections.abc import Iterator
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms

from alphanet.measure.physics.checks import Check, Subject, judged, physics_check, unchecked
from alphanet.measure.physics.continuity import largest_jump
from alphanet.measure.physics.events import Path
from alphanet.measure.physics.structures import bond
from alphanet.potentials.protocol import FramePrediction, Potential

PAIRS = 6
CLOSE, SHORT = 0.4, 0.75  # of the sum of covalent radii; every bond is longer than the latter
POINTS = 40
STEPS = 200  # even
GAP = 1e-3  # Å below the cutoff at which the curve ends; what happens at the cutoff is the next check's
AT = 1e-6  # Å below the cutoff
FARTHEST = 12.0  # Å, to which a cutoff that nobody tells is looked for
NEAREST = 1.0
COARSE = 0.25
RESOLUTION = 1e-12  # Å
UNSEEN = 1e-13  # relative change of an energy, and eV/Å, that only rounding makes


@physics_check("dimers", "dimers", on=("dimers",))
def dimers(subject: Subject) -> Iterator[Check]:
    """The checks of all pairs of elements in the structures, at most six."""
    symbols = subject.symbols
    pairs = list(combinations_with_replacement(symbols, 2))[:: max(1, len(symbols) * (len(symbols) + 1) // 2 // PAIRS)]
    yield _repulsion(subject, pairs[:PAIRS])
    yield _smooth(subject, pairs[:PAIRS])
    yield _separated(subject, pairs[:PAIRS])


def found_cutoff(potential: Potential, symbols: tuple[str, str]) -> float | None:
    """Å, the distance from which on a dimer's energy and forces no longer change; none below 12 Å.

    Where a potential ends smoothly, the distance at which rounding hides it is found.

    Raises:
        UserError: the potential fails on dimers.
    """
    distances = np.arange(NEAREST, FARTHEST, COARSE)
    far, *curve = potential.predict([_dimer(symbols, r) for r in (FARTHEST, *distances)])

    def acts(one: FramePrediction) -> bool:
        changed = abs(one.energy - far.energy) > UNSEEN * max(1.0, abs(far.energy))
        return changed or bool(np.abs(one.forces).max() > UNSEEN)

    acting = [float(r) for r, one in zip(distances, curve, strict=True) if acts(one)]
    if acts(far) or not acting:
        return None
    inner, outer = acting[-1], acting[-1] + COARSE
    while outer - inner > RESOLUTION:
        middle = (inner + outer) / 2
        (one,) = potential.predict([_dimer(symbols, middle)])
        inner, outer = (middle, outer) if acts(one) else (inner, middle)
    return (inner + outer) / 2


def _repulsion(subject: Subject, pairs: list[tuple[str, str]]) -> Check:
    """How far the energy falls when two atoms that are nearer than any bond come nearer still: not at all."""
    name = "repulsion"
    if subject.untrained and not subject.repels:
        return unchecked(name, "eV", "random weights know no chemistry")
    falls = []
    for pair in pairs:
        distances = np.linspace(SHORT, CLOSE, POINTS) * bond(*pair)
        energy = np.array([one.energy for one in subject.predict([_dimer(pair, r) for r in distances])])
        falls.append(float((np.maximum.accumulate(energy) - energy).max()))
    worst = int(np.argmax(falls))
    return judged(name, falls[worst], "eV", _limit(subject, pairs[worst]), "–".join(pairs[worst]))


def _smooth(subject: Subject, pairs: list[tuple[str, str]]) -> Check:
    """Jumps of the energy between the shortest distance and the cutoff."""
    end = (subject.cutoff or FARTHEST / 2) - GAP
    jumps = []
    for pair in pairs:
        begin = CLOSE * bond(*pair)
        limit = _limit(subject, pair)
        jumps.append((largest_jump(subject, _stretched(pair, begin), 0.0, end - begin, STEPS, limit).energy, limit))
    worst = max(range(len(pairs)), key=lambda place: _times_the_limit(*jumps[place]))
    return judged("energy jump", jumps[worst][0], "eV", jumps[worst][1], "–".join(pairs[worst]))


def _separated(subject: Subject, pairs: list[tuple[str, str]]) -> Check:
    """Energy just below the cutoff against that of the free atoms."""
    name = "free atoms at the cutoff"
    if subject.cutoff is None:
        return unchecked(name, "eV", f"no cutoff below {FARTHEST:g} Å")
    symbols = sorted({symbol for pair in pairs for symbol in pair})
    alone = dict(zip(symbols, subject.predict([Atoms(symbol) for symbol in symbols]), strict=True))
    together = subject.predict([_dimer(pair, subject.cutoff - AT) for pair in pairs])
    left = [
        abs(one.energy - sum(alone[symbol].energy for symbol in pair))
        for pair, one in zip(pairs, together, strict=True)
    ]
    worst = int(np.argmax(left))
    limit = subject.rounding.jump_limit(len(subject.crystal))
    return judged(name, left[worst], "eV", limit, "–".join(pairs[worst]))


def _times_the_limit(jump: float, limit: float) -> float:
    """A potential of triples has neither energies nor rounding on dimers: both are 0."""
    if limit == 0:
        return np.inf if jump else 0.0
    return jump / limit


def _limit(subject: Subject, pair: tuple[str, str]) -> float:
    """eV, of jumps of a dimer, which is judged where its energy is largest: at its shortest."""
    return subject.rounding_of(_dimer(pair, CLOSE * bond(*pair))).jump_limit(2)


def _dimer(symbols: tuple[str, str], distance: float) -> Atoms:
    return Atoms(symbols, positions=[[0, 0, 0], [distance, 0, 0]])


def _stretched(symbols: tuple[str, str], begin: float) -> Path:
    return Path(_dimer(symbols, begin), np.array([[0.0, 0, 0], [1.0, 0, 0]]))
